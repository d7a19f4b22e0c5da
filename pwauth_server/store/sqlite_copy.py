"""A SQLite file as a whole: copied while it is written to, counted, and checked. For threads, never for the event loop."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from pwauth_server.errors import Fault

#: Told what is being done and how far it is (done, of all); may raise to stop it.
Watch = Callable[[str, int, int], None]

#: Pages between two looks at the watch: 16 MiB.
_STEP = 4096
#: Patience with a server that writes, in seconds.
_PATIENCE = 30.0
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_MARK = """INSERT INTO server_state (name, number) VALUES ('backup', ?)
    ON CONFLICT (name) DO UPDATE SET number = max(number, excluded.number)"""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing file; raise Fault if there is none."""
    if not path.exists():
        raise Fault(f"There is no database at {path}.")
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
        yield connection


def copy(source: Path, target: Path, watch: Watch) -> None:
    """Copy what is committed at this moment into ``target``, one file without a log.

    The read transaction around it makes all steps see the same moment: the copy neither waits for
    writers nor begins anew because of them, and none of them waits for it.
    """
    with opened(source) as reading, opened(target) as writing:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        writing.execute("PRAGMA synchronous=OFF")  # whoever needs it on the disk says so
        reading.backup(writing, pages=_STEP, progress=lambda _, left, total: watch("copying", total - left, total))
        writing.execute("PRAGMA journal_mode=DELETE")


def row_counts(path: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    with opened(path) as connection:
        names = [name for (name,) in connection.execute(TABLES)]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(path: Path) -> str:
    """Return the first thing that SQLite finds wrong with a file, or nothing."""
    try:
        with opened(path) as connection:
            (word,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as cause:
        return str(cause)
    if word != "ok":
        return str(word)
    return f"a row of {orphan[0]} refers to one of {orphan[2]} that is not there" if orphan else ""


def key_check(path: Path) -> bytes | None:
    """Return the value that tells which ``secret_key`` sealed a database; None if no server ever ran on it."""
    with opened(path) as connection:
        row = connection.execute("SELECT sealed FROM server_state WHERE name = 'key_check'").fetchone()
    return None if row is None else bytes(row[0])


def mark_backed_up(path: Path, now: float) -> None:
    """Remember in a database when it was last backed up, for metrics and doctor."""
    with opened(path) as connection:
        connection.execute(_MARK, (int(now),))


def fold(path: Path) -> None:
    """Put everything that stands in the log into the file itself, so that it can be moved; needs to be alone."""
    with opened(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Name each table that has another number of rows than expected."""
    tables = sorted({*expected, *found})
    return [f"{name} ({found.get(name, 0)} rows, not {expected.get(name, 0)})" for name in tables if found.get(name) != expected.get(name)]
