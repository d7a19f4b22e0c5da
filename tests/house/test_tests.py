"""Tests have a house order too: an expectation for a name, one sentence each, no waiting, no mocks, small files."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_structure import LONGEST_FILE, long_functions

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))

MOCKS = frozenset({"unittest.mock", "mock"})
MAY_SLEEP = {"store/test_units.py": "a unit of work that waits is refused"}


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def path(request: pytest.FixtureRequest) -> Path:
    """Return each file of tests in turn."""
    found: Path = request.param
    return found


@pytest.fixture
def file(path: Path) -> str:
    """Return the text of each file of tests in turn."""
    return path.read_text()


def test_each_test_says_one_sentence(file: str) -> None:
    """The name is the expectation; the sentence tells why it matters and which requirements it proves."""
    assert [name for name, text in expectations(ast.parse(file)) if not is_one_sentence(text)] == []


def test_nothing_sleeps_and_nothing_is_mocked(path: Path, file: str) -> None:
    """A pause is a guess, and a mock of our own code agrees with whatever it is told."""
    allowed = {"sleep"} if path.relative_to(TESTS).as_posix() in MAY_SLEEP else set()
    assert set(shortcuts(ast.parse(file))) == allowed


def test_tests_stay_small(file: str) -> None:
    """A test is read more often than it is written."""
    assert len(file.splitlines()) <= LONGEST_FILE
    assert list(long_functions(ast.parse(file))) == []


@pytest.mark.parametrize(
    ("text", "fits"),
    (
        ("A used link is refused (SEC-10).", True),
        ("A used link is refused: the second device sees\nthe same words (RFC 6749 section 5.2).", True),
        ("Addresses such as a.b@ex.com count, e.g. in letters.", True),
        ("", False),
        ("No full stop", False),
        ("One. Two.", False),
        ("One.\n\nTwo.", False),
    ),
)
def test_a_missing_or_a_second_sentence_is_seen(text: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """A paragraph hides what a test is for."""
    assert is_one_sentence(text) is fits


@pytest.mark.parametrize(
    ("code", "found"),
    (
        ("import time\ntime.sleep(1)", ["sleep"]),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0.1)", ["sleep"]),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)", []),
        ("from unittest import mock", ["mock"]),
        ("from unittest.mock import patch", ["mock"]),
        ("import unittest.mock", ["mock"]),
        ("def test_x(monkeypatch):\n    monkeypatch.setattr(limiter, 'MAX_KEYS', 10)", []),
    ),
)
def test_a_pause_and_a_mock_are_seen(code: str, found: list[str]) -> None:
    """However they are imported; giving other tasks their turn with `sleep(0)` is no pause."""
    assert list(shortcuts(ast.parse(code))) == found


def test_tests_are_found_in_classes_and_among_helpers() -> None:
    """Whatever pytest would run has to say its sentence."""
    code = "def test_a():\n    '''A.'''\nasync def test_b(): ...\nclass T:\n    def test_c(self): ...\ndef helper(): ...\n"
    assert dict(expectations(ast.parse(code))) == {"test_a": "A.", "test_b": "", "test_c": ""}


def expectations(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield name and docstring of every test."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def is_one_sentence(text: str) -> bool:
    """Tell whether a docstring is one sentence, with its full stop at the end and nowhere else."""
    return text.endswith(".") and "\n\n" not in text and not re.search(r"[.!?]\s+[A-Z]", text)


def shortcuts(tree: ast.AST) -> Iterator[str]:
    """Yield `sleep` for every pause and `mock` for every mock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep":
            if [ast.unparse(argument) for argument in node.args] != ["0"]:
                yield "sleep"
        elif MOCKS & set(imported(node)):
            yield "mock"


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that a statement imports, and what it takes from them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
