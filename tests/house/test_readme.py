"""The README promises what the code does: addresses, commands, metrics, and tables that are made of the code."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pwauth_server.adapters.metrics import Metrics, Snapshot
from pwauth_server.app import ROUTES
from pwauth_server.cli import main
from pwauth_server.commands.common import DefaultGroup
from pwauth_server.config import Config
from pwauth_server.rules.limits import Limit
from scripts import readme_tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SCRIPTS = "\n".join(path.read_text() for path in sorted((ROOT / "scripts").glob("*.sh")))

#: Mounted by the extension that describes the others.
DESCRIPTIONS = {("GET", "/docs"), ("GET", "/openapi.yaml")}
ADDRESSES = {(route.method, route.path) for route in ROUTES} | DESCRIPTIONS


def test_every_call_that_is_shown_exists() -> None:
    """Whoever copies a line of the README or starts a script reaches a route."""
    assert len(set(calls(README))) >= 8
    assert [call for call in (*calls(README), *calls(SCRIPTS)) if not exists(*call)] == []


def test_every_path_that_is_named_exists() -> None:
    """A path in passing (`/docs`) is a promise as well."""
    named = {path.rstrip(".") for path in re.findall(r"(?:`|localhost:3000)(/[\w.][\w./$-]*)", README)}
    assert {"/docs", "/metrics"} <= named
    assert {path for path in named if not any(exists(method, path) for method, _ in ADDRESSES)} == set()


def test_every_command_that_is_shown_works() -> None:
    """The command line takes each example as it stands, options and arguments included."""
    shown = [words for block in fenced(README, "sh") for words in commands(block)]
    assert len(shown) >= 7
    assert [(words, wrong) for words in shown if (wrong := complaint(words))] == []


def test_every_command_is_in_the_table() -> None:
    """Nothing that can be typed is hidden, and nothing is listed that cannot."""
    assert set(listed(section("Commands"))) == {" ".join(words) for words in leaves(main)}


def test_every_target_that_is_named_exists() -> None:
    """`make` knows each target that README, CONTRIBUTING and `make help` name."""
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    named = re.findall(r"^make ((?:[a-z-]+ ?)+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert {word for words in named for word in words.split()} <= targets
    assert set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE)) == targets


def test_every_command_takes_a_configuration() -> None:
    """`--config PATH` works everywhere, as the README says, so no script needs a list of exceptions."""
    for words in leaves(main):
        assert complaint([*words, "--config", "config.toml", *arguments(words)]) == "", words


def test_the_metrics_are_those_of_the_registry() -> None:
    """A dashboard that is built from the README finds every name and every label."""
    assert dict(metrics_of(section("Metrics"))) == registered()


def test_every_setting_is_listed_once_with_its_default() -> None:
    """An operator who reads the table knows what runs."""
    rows = [cells for cells in tables(block("settings")) if cells[0] != "key"]
    assert [cells[0].strip("`") for cells in rows] == list(Config.model_fields)
    config = Config()
    for name, _, default, meaning in rows:
        assert default.strip("`") == readme_tables.default_of(Config.model_fields[name.strip("`")])
        assert meaning == Config.model_fields[name.strip("`")].description
    assert {name: default for name, _, default, _ in rows}["`smtp_port`"] == f"`{config.smtp_port}`"


def test_every_limit_is_listed_once() -> None:
    """Whoever meets a 429 finds its name."""
    assert sorted(cells[0].strip("`") for cells in tables(block("limits")) if cells[0] != "limit") == sorted(Limit)


def test_the_tables_are_current() -> None:
    """`make readme` was run after the last change."""
    assert readme_tables.filled(README) == README


def test_a_stale_table_and_a_lost_mark_are_seen() -> None:
    """A table that somebody edited is not the code's, and a README without the marks is no place for it."""
    assert readme_tables.filled(README.replace("| 300 a minute |", "| 301 a minute |")) == README
    with pytest.raises(ValueError, match="limits:begin"):
        readme_tables.filled("no marks")
    with pytest.raises(ValueError, match="limits:end"):
        readme_tables.filled("<!-- limits:begin -->\n")


def test_settings_keep_their_groups() -> None:
    """A setting below the heading of another group would mislead."""
    source = "x = 1\n    # -- one\n    a: int = Field(1)\n    # why\n    b: str = Field('')\n    # -- two\n    c: int = Field(1)\n"
    assert readme_tables.groups(source) == [("one", ["a", "b"]), ("two", ["c"])]


def test_wrong_promises_are_seen() -> None:
    """A call, a command and a metric that do not exist stand out."""
    text = "curl -s http://localhost:3000/x \\\n  -d '{}'\ncurl -X DELETE \"${SERVER_URL:-http://localhost:3000}/y\"\nPOST /z\n"
    assert set(calls(text)) == {("POST", "/x"), ("DELETE", "/y"), ("POST", "/z")}
    assert all(exists("DELETE", path) for path in ("/sessions/$ID", "/sessions/019ab3", "/sessions"))
    assert not exists("DELETE", "/nonsense/019ab3")
    assert list(commands("make run\nA=b .venv/bin/pwauth key list  # all\n")) == [["key", "list"]]
    for words in ("nonsense", "key", "key revoke", "key list --nonsense", "key create --name a --scope x"):
        assert complaint(words.split()), words
    assert list(listed("| `pwauth key create`, `list`, `config show` | keys |")) == ["key create", "key list", "config show"]
    assert dict(metrics_of("| `a_total`, `b` | `x`, `y` (not z); none |\n")) == {"a_total": {"x", "y"}, "b": set()}


def exists(method: str, path: str) -> bool:
    """Tell whether a call reaches a route; where a route has an id, any example of one does."""
    return any(method == own and re.fullmatch(re.sub(r"<\w+:str>", "[^/]+", template), path) for own, template in ADDRESSES)


def section(title: str) -> str:
    """Return what stands below a heading of any depth."""
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def block(name: str) -> str:
    """Return what stands between the marks of a name."""
    return README.partition(f"<!-- {name}:begin -->")[2].partition(f"<!-- {name}:end -->")[0]


def fenced(text: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def tables(text: str) -> Iterator[list[str]]:
    """Yield the cells of every table row but the rulers."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def calls(text: str) -> Iterator[tuple[str, str]]:
    """Yield method and path of every call of curl, and of every `METHOD /path`."""
    for line in text.replace("\\\n", " ").splitlines():
        found = re.search(r"curl\b.*?localhost:3000\}?(/[\w./$-]*)", line)
        if found:
            method = re.search(r"-X (\w+)", line)
            yield method[1] if method else "POST" if re.search(r" (-d|--json) ", line) else "GET", found[1]
    yield from re.findall(r"\b(GET|POST|PATCH|DELETE) (/[\w./$-]*)", text)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of pwauth in a shell text."""
    for line in text.splitlines():
        if found := re.match(r"(?:\w+=\S+ )*(?:\.venv/bin/)?pwauth (.*)", line):
            yield shlex.split(found[1], comments=True)


def members(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group, those included that are loaded when they are called."""
    context = click.Context(group)
    return {name: found for name in group.list_commands(context) if (found := group.get_command(context, name))}


def complaint(words: list[str]) -> str:
    """Return what the command line has against a call, without running it."""
    command: click.Command = main
    rest = list(words)
    try:
        while isinstance(command, click.Group):
            name = rest.pop(0) if rest else ""
            found = members(command).get(name)
            if found is None and isinstance(command, DefaultGroup):
                found, rest = command.commands[command.default], [name, *rest]
            if found is None:
                return f"no such command: {name}"
            command = found
        command.make_context(" ".join(words), rest)
    except click.ClickException as wrong:
        return wrong.format_message()
    return ""


def leaves(group: click.Group) -> Iterator[list[str]]:
    """Yield the words of every command that does something."""
    for name, command in members(group).items():
        if isinstance(group, DefaultGroup) and name == group.default:
            yield []
        elif isinstance(command, click.Group):
            yield from ([name, *rest] for rest in leaves(command))
        else:
            yield [name]


def arguments(words: list[str]) -> list[str]:
    """Return what a command cannot do without."""
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = members(command)[word]
    if isinstance(command, DefaultGroup):
        command = command.commands[command.default]
    found = ["X" for parameter in command.params if isinstance(parameter, click.Argument)]
    needed = {"key create": ["--name", "n", "--scope", "introspect"], "copy-database": ["--to", "sqlite:///x"]}
    return [*found, *needed.get(" ".join(words), [])]


def listed(text: str) -> Iterator[str]:
    """Yield the commands in the first cells of a table; what has no group of its own is in that of the first."""
    for first, *_ in tables(text):
        words = re.findall(r"`([\w -]+)`", first)
        group = words[0].removeprefix("pwauth ").split()[:-1] if words else []
        for word in words:
            name = word.removeprefix("pwauth ").split()
            yield " ".join(name if name[0] in members(main) else [*group, *name])


def metrics_of(text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of a table with its labels: those of several metrics in a row are parted by semicolons."""
    for names, labels in tables(text):
        found = re.findall(r"`(\w+)`", names)
        for name, own in zip(found, labels.split(";"), strict=True) if found else ():
            yield name, set(re.findall(r"`(\w+)`", own))


def registered() -> dict[str, set[str]]:
    """Return each metric of ours with its labels; what has no labels that are known beforehand happens once."""
    metrics = Metrics()
    metrics.knows_transport("smtp")
    metrics.request("GET", "/", 200, 0.1)
    metrics.query("some.verb", 0.1)
    metrics.counted({"users": 0})
    found: dict[str, set[str]] = {}
    snapshot = Snapshot(sessions=0, letters={}, oldest_letter=0, sizes={"main": 1})
    for family in text_string_to_metric_families(metrics.render(snapshot).decode()):
        if family.name.startswith("pwauth_"):
            name = family.name.removeprefix("pwauth_") + ("_total" if family.type == "counter" else "")
            found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    return found
