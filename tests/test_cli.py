"""The `pwauth` command as people and scripts meet it: a process, its exit code, its two streams."""

import os
import pty
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from pwauth_server.config import Config

ROOT = Path(__file__).parents[1]
STRONG = "q7Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6KaEe1Uu0oRtYiPlMn"
DONE, FAILED, WRONG_USAGE = 0, 1, 2

COMMANDS = (
    *("serve", "migrate", "config check", "config show", "doctor", "healthcheck", "openapi"),
    *("admin grant", "admin revoke", "admin list", "admin login-link", "key create", "key list", "key revoke"),
    *("signing-key list", "signing-key rotate", "signing-key drop", "mail list", "mail test", "mail requeue", "mail purge"),
    *("backup", "backup verify", "restore", "copy-database", "import-seed", "export"),
)


class Host:
    """A folder on a host, and a terminal in it."""

    def __init__(self, folder: Path) -> None:
        """Stand in an empty folder; nothing of the test's own environment configures pwauth."""
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PWAUTH_")}
        self.environment["PYTHONPATH"] = str(ROOT)

    def run(self, line: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Type a line after `pwauth`; settings are PWAUTH_ variables."""
        return subprocess.run(
            (sys.executable, "-m", "pwauth_server", *line.split()),
            cwd=self.folder,
            env=self.environment | {f"PWAUTH_{name.upper()}": value for name, value in settings.items()},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def does(self, line: str, **settings: str) -> str:
        """Type a line that works; return what it says."""
        done = self.run(line, **settings)
        assert (done.returncode, done.stderr) == (DONE, ""), line
        return done.stdout

    def refuses(self, code: int, line: str, **settings: str) -> list[str]:
        """Type a line that does not work; return the lines of standard error, without our name."""
        done = self.run(line, **settings)
        assert (done.returncode, done.stdout) == (code, ""), line
        lines = done.stderr.splitlines()
        assert all(text.startswith("pwauth: ") for text in lines), done.stderr
        return [text.removeprefix("pwauth: ") for text in lines]

    def rows(self, line: str, **settings: str) -> list[dict[str, str]]:
        """Type a line that lists; return its rows as a script reads them."""
        head, *rest = (text.split("\t") for text in self.does(line, **settings).splitlines())
        return [dict(zip(head, row, strict=True)) for row in rest]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host where nothing has run yet."""
    return Host(tmp_path)


@pytest.fixture
def used(host: Host, sqlite_template: Path) -> Host:
    """Return a host with a migrated database."""
    host.folder.joinpath("data").mkdir(mode=0o700)
    host.folder.joinpath("data/auth.db").write_bytes(sqlite_template.read_bytes())
    return host


@pytest.mark.parametrize("line", ("", "config", "admin", "key", "signing-key", "mail", *COMMANDS))
def test_every_command_explains_itself(host: Host, line: str) -> None:
    """`--help` is answered without a configuration, and touches nothing."""
    said = host.does(f"{line} --help".strip())
    assert re.search(r"^  [A-Z].+\.", said, re.MULTILINE)
    assert "..." not in said.replace("[ARGS]...", ""), "a summary is cut off"
    if line in COMMANDS:
        assert "--config" in said
    assert list(host.folder.iterdir()) == []


NAMELESS, SCOPELESS = "key create --name= --scope introspect", "key create --name a --scope x"


@pytest.mark.parametrize("line", ("x", "key", SCOPELESS, NAMELESS, "serve --port 1", "mail test"))
def test_wrong_usage_is_told_apart_from_failure(host: Host, line: str) -> None:
    """A script that mistypes a command learns so by exit code 2, on standard error."""
    done = host.run(line)
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert "Usage: " in done.stderr


def test_every_problem_of_a_configuration_is_a_line(host: Host) -> None:
    """One look is enough to mend a file, and no value is shown (SEC-25)."""
    host.folder.joinpath("config.toml").write_text('public_ulr = "x"\nserver_port = 70000\njwt_secret = ["hunter2hunter2"]\n')
    for line in ("config check", "config show", "key list"):
        lines = host.refuses(WRONG_USAGE, line, smtp_prot="hunter2")
        assert sorted(text.partition(":")[0] for text in lines) == ["jwt_secret", "public_ulr", "server_port", "smtp_prot"]
        assert not re.search("hunter2|70000", "\n".join(lines))
    assert [path.name for path in host.folder.iterdir()] == ["config.toml"]


def test_a_broken_configuration_stops_the_start_at_once(host: Host) -> None:
    """A supervisor sees the reason at once, not a server that half works (SEC-25)."""
    started = perf_counter()
    lines = host.refuses(WRONG_USAGE, "serve", jwt_secret="short", metrics_token="short", public_url="http://auth.ex.com")
    assert perf_counter() - started < 20
    assert [text.partition(":")[0] for text in lines] == ["jwt_secret", "public_url", "metrics_token"]


def test_a_configuration_file_that_is_not_there_is_no_default(host: Host) -> None:
    """A typing error in --config is not a server with default settings (SEC-25)."""
    assert host.refuses(WRONG_USAGE, "config check --config none.toml") == ["none.toml: cannot be read (No such file or directory)"]
    assert host.does("config check") == "ok\n"


def test_what_is_in_force_is_shown_without_secrets(host: Host) -> None:
    """File, environment and defaults come together; secrets are stars (SEC-25, SEC-73)."""
    host.folder.joinpath("own.toml").write_text(f'smtp_host = "mail.ex.com"\nsecret_key = ["{STRONG}", "{STRONG[::-1]}"]\n')
    said = host.does("config show --config own.toml", smtp_password="hunter2", jwt_secret=STRONG, database_url="postgres://u:hunter2@db/x")
    assert not [secret for secret in ("hunter2", STRONG, STRONG[::-1]) if secret in said]
    shown = dict(text.split(" = ", 1) for text in said.splitlines())
    assert list(shown) == list(Config.model_fields)
    assert (shown["smtp_host"], shown["smtp_password"], shown["smtp_port"]) == ('"mail.ex.com"', '"********"', "587")
    assert shown["secret_key"] == '["********", "********"]'


def test_migrating_twice_changes_nothing(host: Host) -> None:
    """Scripts may call it whenever they like."""
    assert re.fullmatch(r"(applied \d+_\d+_\w+\.py\n)+", host.does("migrate"))
    before = host.folder.joinpath("data/auth.db").read_bytes()
    assert "up to date" in host.does("migrate")
    assert host.folder.joinpath("data/auth.db").read_bytes() == before


def test_what_is_generated_belongs_to_its_owner_alone(host: Host) -> None:
    """The secret file is 0600, its folder and the database's 0700 and 0600, whatever the umask (SEC-71, SEC-72)."""
    before = os.umask(0)
    try:
        host.does("key create --name first --scope introspect")
    finally:
        os.umask(before)
    modes = {path.relative_to(host.folder).as_posix(): path.stat().st_mode & 0o777 for path in host.folder.rglob("*")}
    assert (modes["data"], modes["data/secrets"]) == (0o700, 0o700)
    assert {mode for name, mode in modes.items() if host.folder.joinpath(name).is_file()} == {0o600}
    assert len(host.folder.joinpath("data/secrets/secret_key").read_text().strip()) >= 43


def test_an_api_key_is_printed_once(used: Host) -> None:
    """Its text leaves the server when it is made and never again (SEC-27, SEC-73)."""
    text = used.does("key create --name intranet --scope introspect --scope admin:read --scope introspect --expires-days 30")
    assert re.fullmatch(r"pwk_[A-Za-z0-9_-]{40,}\n", text)
    (row,) = used.rows("key list")
    assert (row["name"], row["scopes"], row["state"]) == ("intranet", "admin:read,introspect", "live")
    assert row["expires"] > row["created"]
    assert text.strip() not in str(row)
    assert used.does(f"key revoke {row['id']}") == "revoked\n"
    assert [row["state"] for row in used.rows("key list")] == ["revoked"]
    for key_id in (row["id"], "nonsense"):
        assert used.refuses(FAILED, f"key revoke {key_id}") == ["there is no live API key of that ID; see: pwauth key list"]


def test_signing_keys_rotate_drop_and_never_run_out(used: Host) -> None:
    """There is always one that signs and one that is published to sign next (SEC-24)."""
    first, following = used.rows("signing-key list")
    assert (first["verifies until"], following["signs from"]) == ("-", "next")
    assert used.does("signing-key rotate").startswith(f"{following['kid']} signs from 20")
    old, present, new = used.rows("signing-key list")
    assert (old["kid"], present["kid"], new["signs from"]) == (first["kid"], following["kid"], "next")
    assert old["verifies until"] > old["signs from"]
    assert used.does(f"signing-key drop {old['kid']}") == "dropped\n"
    *dropped, signs = used.does("signing-key rotate --compromised").splitlines()
    assert dropped == [f"{kid} is dropped, with every access token it signed" for kid in (present["kid"], new["kid"])]
    signing, waiting = used.rows("signing-key list")
    assert signs.startswith(f"{signing['kid']} signs from 20")
    assert (signing["verifies until"], waiting["signs from"]) == ("-", "next")
    assert {signing["kid"], waiting["kid"]}.isdisjoint({old["kid"], present["kid"], new["kid"]})
    assert used.does(f"signing-key drop {waiting['kid']}") == "dropped\n"
    assert [row["signs from"] == "next" for row in used.rows("signing-key list")] == [False, True]
    assert used.does("signing-key rotate")
    assert used.refuses(FAILED, "signing-key drop nonsense") == ["there is no signing key of that KID; see: pwauth signing-key list"]


def test_a_shared_secret_has_no_keys_to_rotate(used: Host) -> None:
    """With HS256 the way out of a leak is another jwt_secret, and the command says so."""
    for line in ("signing-key rotate", "signing-key rotate --compromised"):
        (said,) = used.refuses(FAILED, line, jwt_secret=STRONG)
        assert "change jwt_secret instead" in said


def test_the_mail_queue_can_be_looked_at_and_cleared(used: Host) -> None:
    """A test letter waits until a server sends it; what died is requeued, what is finished is purged (SEC-84)."""
    letter = re.search(r"[0-9a-f-]{36}", used.does("mail test --wait 0 you@ex.com"))
    assert letter
    (row,) = used.rows("mail list")
    assert (row["id"], row["kind"], row["to"], row["status"], row["tries"]) == (letter[0], "test", "you@ex.com", "pending", "0")
    assert used.does("mail purge").split() == ["deleted", "0"]
    assert used.refuses(FAILED, f"mail requeue {letter[0]}")[0].endswith("see: pwauth mail list")
    with closing(sqlite3.connect(used.folder / "data/auth.db")) as database:
        database.execute("UPDATE email_queue SET status = 'failed', last_error = 'refused 550'")
        database.commit()
    assert used.rows("mail list --limit 1")[0]["reason"] == "refused 550"
    assert "requeued" in used.does(f"mail requeue {letter[0]}")
    assert used.rows("mail list")[0]["status"] == "pending"
    assert len(used.refuses(WRONG_USAGE, "mail test nobody")) == 1


def test_another_secret_key_is_refused_and_nothing_is_touched(used: Host) -> None:
    """A lost or wrong key ends the start at once, with the data as they were (SEC-71)."""
    used.does("key create --name a --scope introspect")
    before = dump(used.folder / "data/auth.db")
    for line in ("serve", "signing-key rotate --compromised"):
        started = perf_counter()
        done = used.run(line, secret_key=STRONG, server_port="0")
        assert perf_counter() - started < 20
        assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
        assert [text for text in done.stderr.splitlines() if text.startswith("pwauth: secret_key: ")]
        assert STRONG not in done.stderr
    used.folder.joinpath("data/secrets/secret_key").unlink()
    assert used.run("key list").returncode == WRONG_USAGE
    assert dump(used.folder / "data/auth.db") == before


def test_a_busy_port_is_one_clear_line(used: Host) -> None:
    """Whoever starts the server twice is told so, not shown a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (said,) = used.refuses(FAILED, "serve", server_port=str(port))
    assert said == f"cannot listen on 127.0.0.1:{port} (Address already in use); see server_host and server_port"
    (said,) = used.refuses(WRONG_USAGE, "serve", server_port="0", redis_url="redis://h/?password=hunter2&nonsense=hunter2")
    assert said == "redis_url: cannot be understood; look at what follows the host"
    assert used.refuses(FAILED, "serve", server_host="no-such-host.invalid", server_port="0")[0].startswith("cannot listen on no-such-host")


def test_a_database_that_cannot_be_used_is_one_clear_line(host: Host) -> None:
    """A disk, a folder or a server that fails is the operator's matter: a reason and exit code 1, no password (SEC-25)."""
    host.folder.joinpath("text.db").write_text("this is not a database, however long it may be\n" * 50)
    host.folder.joinpath("folder.db").mkdir()
    for settings in ({"database_path": "text.db"}, {"database_path": "folder.db"}, {"database_url": "postgres://u:hunter2@127.0.0.1:1/x"}):
        (said,) = host.refuses(FAILED, "migrate", **settings)
        assert "hunter2" not in said


def test_the_description_of_the_api_needs_no_configuration(host: Host) -> None:
    """`pwauth openapi` prints the file of the checkout, and touches nothing."""
    assert host.does("openapi").startswith("# Made by")
    assert list(host.folder.iterdir()) == []


def test_a_terminal_gets_columns(used: Host) -> None:
    """People see aligned columns under capitals; scripts get tabs."""
    used.does("mail test --wait 0 you@ex.com")
    head, row = on_a_terminal(used, "mail list")
    assert head.split()[:4] == ["ID", "KIND", "TO", "STATUS"]
    assert row.index("you@ex.com") == head.index("TO")


def on_a_terminal(host: Host, line: str) -> list[str]:
    """Type a line at a terminal; return what appears there."""
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "pwauth_server", *line.split())
    subprocess.run(command, cwd=host.folder, env=host.environment, stdin=theirs, stdout=theirs, stderr=theirs, timeout=20, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1(65_536).decode().splitlines()


def dump(path: Path) -> list[str]:
    """Return everything a database holds."""
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())
