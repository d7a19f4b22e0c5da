"""Words that leave the house (errors, events, labels, settings): each is unique, used, and explained."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import pytest

from pwauth_server.adapters import metrics
from pwauth_server.config import Config
from pwauth_server.errors import PwauthError, Refused
from pwauth_server.events import UNAUDITED, Event, Method, Reason
from pwauth_server.rules.limits import Limit
from scripts.readme_tables import NEVER_SENT, family, sent

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pwauth_server"
README = (ROOT / "README.md").read_text()

SNAKE_CASE = re.compile(r"[a-z]+(_[a-z]+)*")

Word = TypeVar("Word", bound=StrEnum)


def test_error_words_are_unique() -> None:
    """A program that reads `error` can tell one refusal from another."""
    assert twice(own_words()) == []


@pytest.mark.parametrize("error", family(PwauthError))
def test_error_words_read_well(error: type[PwauthError]) -> None:
    """The word is snake_case, and the sentence is one that a person may read."""
    assert SNAKE_CASE.fullmatch(error.word)
    assert error.sentence().endswith(".")
    assert 400 <= error.status < 600


def test_every_error_word_is_documented() -> None:
    """Word and status stand in the README, beside the sentence."""
    for error in sent():
        assert f"| `{error.word}` | {error.status} | {error.sentence()} |" in README


def test_every_error_is_raised_somewhere() -> None:
    """A word that nobody says would send the reader looking for a case that does not exist."""
    used = names(ast.parse(text) for path, text in sources() if path.name != "errors.py")
    assert {error.__name__ for error in sent()} <= used
    assert {PwauthError.__name__, Refused.__name__} & set(raised(ast.parse(text) for _, text in sources())) == set()
    assert {PwauthError, Refused} <= NEVER_SENT


def test_every_event_is_recorded_by_a_flow() -> None:
    """What the audit log and the metrics promise to tell does happen (SEC-74)."""
    assert members(Event, flows()) == set(Event)
    assert set(Event) >= UNAUDITED


def test_events_are_named_subject_and_action() -> None:
    """`subject.action`, so that a reader can filter by either."""
    for event in Event:
        subject, action = event.value.split(".")
        assert SNAKE_CASE.fullmatch(subject)
        assert SNAKE_CASE.fullmatch(action)


def test_every_way_to_sign_in_is_used() -> None:
    """The label `method` has no value that cannot occur (SEC-74)."""
    assert members(Method, flows()) == set(Method)


def test_every_reason_is_given_and_counted() -> None:
    """The label `reason` starts at 0 for what a flow can say; what none says yet is listed above (SEC-74)."""
    counted = {*metrics._FAILURES, *metrics._ENDINGS, Reason.NONE}
    given = members(Reason, flows()) | {Reason.NONE}
    assert counted == set(Reason)
    assert given == set(Reason)


def test_every_limit_is_taken() -> None:
    """A limit in the table that nobody takes from protects nothing (SEC-60)."""
    above = [ast.parse(text) for path, text in sources() if {"web", "flows"} & set(path.parts)]
    assert members(Limit, above) == set(Limit)


def test_every_setting_has_an_effect() -> None:
    """Who sets something may expect a difference."""
    trees = [ast.parse(text) for path, text in sources() if path.name != "checks.py"]
    read = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(Config.model_fields) - read == set()


def test_words_that_repeat_or_are_not_used_are_seen() -> None:
    """The helpers below find what they are for."""
    assert twice(["a", "b", "a"]) == ["a"]
    tree = ast.parse("from x import Event\nrecord(Event.LINK_OPENED)\nraise errors.Missing\nraise Refused('x') from None\nEvent.NONSENSE")
    assert members(Event, [tree]) == {Event.LINK_OPENED}
    assert set(raised([tree])) == {"Missing", "Refused"}
    assert {"Event", "Missing"} <= names([tree])


def own_words() -> list[str]:
    """Return the word of each kind of error that has one of its own."""
    return [error.word for error in family(PwauthError) if "word" in vars(error)]


def twice(words: Iterable[str]) -> list[str]:
    """Return what occurs more than once."""
    return [word for word, count in Counter(words).items() if count > 1]


def sources() -> Iterator[tuple[Path, str]]:
    """Yield every file of the package, by its path inside."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE), path.read_text()


def flows() -> list[ast.Module]:
    """Return the flows, parsed."""
    return [ast.parse(text) for path, text in sources() if path.parts[0] == "flows"]


def members(enum: type[Word], trees: Iterable[ast.AST]) -> set[Word]:
    """Return the members of an enumeration that are named as `Enum.MEMBER`."""
    found = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == enum.__name__:
                found |= {member for member in enum if member.name == node.attr}
    return found


def names(trees: Iterable[ast.AST]) -> set[str]:
    """Return every name that is read, bare or behind a dot."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def raised(trees: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of what is raised."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                yield ast.unparse(what).rpartition(".")[2]
