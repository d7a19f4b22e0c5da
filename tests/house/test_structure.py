"""House rules that no linter knows: who imports whom, how large things get, who may ask for the time."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pwauth_server"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 300
LONGEST_FUNCTION = 40

#: Whoever else needs the time or a random byte is given it.
MAY_ASK = {
    "adapters/clock.py": "it is the clock",
    "adapters/entropy.py": "it is the chance",
    "adapters/logs.py": "a log line says when it was written",
    "flows/keys.py": "the library draws private keys itself, from the system's chance, and takes none",
}
TIME_AND_CHANCE = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "os.urandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "random",
    "secrets",
    "cryptography.hazmat.primitives.asymmetric.ec.generate_private_key",
    "cryptography.hazmat.primitives.asymmetric.ed25519.Ed25519PrivateKey.generate",
}

MAY_IMPORT_LATE = {
    ("flows/doctor.py", "pwauth_server.adapters.redis_windows"): "as in the wiring",
    ("rules/passkeys.py", "webauthn"): "5 MB and a tenth of a second that only a server with passkeys should pay",
    ("rules/passkeys.py", "webauthn.helpers"): "as webauthn",
    ("store/connect.py", "pwauth_server.store.postgres"): "a server on SQLite never loads the driver",
    ("store/migrate.py", "aerich"): "a quarter of a second that only a start with something to migrate should pay",
    ("store/migrate.py", "tortoise.backends.asyncpg"): "the same",
    ("store/transfer.py", "asyncpg"): "the same",
    ("wiring.py", "pwauth_server.adapters.redis_windows"): "a server that counts limits in memory never loads the client of Redis",
}


@pytest.fixture(params=SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def source(request: pytest.FixtureRequest) -> Path:
    """Return each file of the package in turn."""
    found: Path = request.param
    return found


def test_imports_run_downward_only(tmp_path: Path) -> None:
    """No file reaches above its floor, and rules reach for no clock, no chance and no framework."""
    # In a process of its own: it silences every logger of the one that it runs in.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--cache-dir", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_and_functions_stay_small(source: Path) -> None:
    """A file fits into a head, a function onto a screen."""
    text = source.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    assert list(long_functions(ast.parse(text))) == []


def test_time_and_chance_are_arguments(source: Path) -> None:
    """Nobody asks the system for the time or for random bytes behind our back, so tests can decide both."""
    if source.relative_to(PACKAGE).as_posix() not in MAY_ASK:
        assert set(asked(ast.parse(source.read_text()))) == set()


def test_late_imports_are_listed_with_their_reason(source: Path) -> None:
    """An import inside a function hides an edge from the layers, so each one is a decision."""
    name = source.relative_to(PACKAGE).as_posix()
    assert {(name, module) for module in late_imports(ast.parse(source.read_text()))} <= set(MAY_IMPORT_LATE)


def test_a_list_of_exports_names_what_comes_from_elsewhere(source: Path) -> None:
    """What a file makes itself needs no list, and one that named it would be forgotten with the next function."""
    assert set(exported(ast.parse(source.read_text()), is_own=True)) == set()


def test_a_list_of_exports_that_names_its_own_is_seen() -> None:
    """Imported names may stand in it, others may not."""
    tree = ast.parse("from a import b\n__all__ = ['b', 'f']\ndef f():\n    pass")
    assert (set(exported(tree, is_own=True)), set(exported(tree, is_own=False))) == ({"f"}, {"b"})


def test_the_exceptions_are_still_needed() -> None:
    """A list of exceptions that outlives its reasons invites the next leak."""
    late = {(p.relative_to(PACKAGE).as_posix(), m) for p in SOURCES for m in late_imports(ast.parse(p.read_text()))}
    assert set(MAY_IMPORT_LATE) == late
    assert {name for name in MAY_ASK if set(asked(ast.parse((PACKAGE / name).read_text())))} == set(MAY_ASK)


@pytest.mark.parametrize(
    ("code", "found"),
    (
        ("import time\ntime.time()", {"time.time"}),
        ("from time import time\ntime()", {"time.time"}),
        ("import time as t\nt.time()", {"time.time"}),
        ("from datetime import datetime\ndatetime.now()", {"datetime.datetime.now"}),
        ("import datetime\ndatetime.datetime.now()", {"datetime.datetime.now"}),
        ("import os\nread = os.urandom", {"os.urandom"}),
        ("from uuid import UUID, uuid4\nuuid4()", {"uuid.uuid4"}),
        ("from secrets import token_bytes", {"secrets"}),
        ("import random", {"random"}),
        ("from pwauth_server.rules import secrets\nsecrets.hash_of('a')", set()),
        ("from time import perf_counter\nperf_counter()", set()),
        ("from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)", set()),
    ),
)
def test_a_leak_of_time_or_chance_is_seen(code: str, found: set[str]) -> None:
    """However it is imported and called."""
    assert set(asked(ast.parse(code))) == found


def test_a_long_function_and_a_late_import_are_seen() -> None:
    """Also in a method, and in a function inside a function."""
    body = "\n".join(["        pass"] * LONGEST_FUNCTION)
    assert list(long_functions(ast.parse(f"class A:\n    def f(self):\n{body}"))) == ["f"]
    code = "import a\ndef f():\n    import b\n    async def g():\n        from c.d import e\n"
    assert set(late_imports(ast.parse(code))) == {"b", "c.d"}


def long_functions(tree: ast.AST) -> Iterator[str]:
    """Name the functions that are too long, decorators not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
            yield node.name


def late_imports(tree: ast.AST) -> Iterator[str]:
    """Name the modules that are imported inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                yield from imported(node)


def exported(tree: ast.Module, *, is_own: bool) -> Iterator[str]:
    """Return what `__all__` names: what the file makes itself, or what it imports."""
    known = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield from (name for name in ast.literal_eval(node.value) if (name in known) != is_own)


def imported(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def asked(tree: ast.AST) -> Iterator[str]:
    """Name every source of time or chance that is used, under the name it has at home."""
    homes: dict[str, str] = {}
    for node in ast.walk(tree):
        yield from (module for module in imported(node) if module in TIME_AND_CHANCE)
        if isinstance(node, ast.Import):
            homes |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            homes |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = ast.unparse(node).partition(".")
            name = homes.get(first, first) + (f".{rest}" if rest else "")
            if name in TIME_AND_CHANCE - {"random", "secrets"}:
                yield name
