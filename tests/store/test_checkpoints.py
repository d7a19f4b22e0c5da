"""What is committed moves into the file beside the writer, so that nobody's commit waits for it."""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from pwauth_server.config import Config
from pwauth_server.store import sqlite as store
from pwauth_server.store.sqlite_checkpoints import ENOUGH, Checkpoints
from pwauth_server.store.transaction import Database
from tests.conftest import open_database
from tests.mail_fakes import eventually
from tests.store.rows import mark

PAGE = 4096


def in_file(path: str) -> int:
    """Return how many marks the file holds without its log; -1 while it is being written to."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as raw:
        return int(raw.execute("SELECT COUNT(*) FROM server_state WHERE name LIKE 'mark%'").fetchone()[0])
    return -1


async def commit(database: Database, numbers: range) -> None:
    """Commit a mark for each number, one by one."""
    for number in numbers:
        await database.unit(lambda tx, number=number: mark(tx, f"mark{number}"))  # type: ignore[misc]


async def test_commits_reach_the_file_soon(sqlite_config: Config) -> None:
    """As soon as they are worth it, though the log is far from full; a few of them are nobody's hurry."""
    database = await open_database(sqlite_config, [])
    await commit(database, range(ENOUGH - 1))
    assert not database._checkpoints._due.is_set()  # type: ignore[attr-defined]
    for many in (ENOUGH, 2 * ENOUGH):
        await commit(database, range(many - (1 if many == ENOUGH else ENOUGH), many))
        await eventually(lambda: in_file(sqlite_config.database_path) == many)  # noqa: B023 - asked before the next turn
    await database.close()


async def test_under_load_the_log_does_not_grow(sqlite_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that never catches up with the writer would let it: he begins the log anew when it is long enough."""
    monkeypatch.setitem(store.PRAGMAS, "wal_autocheckpoint", 100)
    database, log = await open_database(sqlite_config, []), Path(f"{sqlite_config.database_path}-wal")
    longest = 0
    for n in range(3000):
        await commit(database, range(n, n + 1))
        longest = max(longest, log.stat().st_size)
    assert 4 * longest < 3000 * PAGE, "so many commits would not have fitted in"
    await database.close()


async def test_what_hinders_a_checkpoint_harms_nobody(sqlite_config: Config) -> None:
    """Somebody else's checkpoint, or a broken disk: the thread goes on, and tries again later."""
    database = await open_database(sqlite_config, [])
    checkpoints: Checkpoints = database._checkpoints  # type: ignore[attr-defined]
    tried = []

    class Broken:
        """A connection to a broken disk."""

        def execute(self, _sql: str) -> None:
            """Fail."""
            tried.append(1)
            raise sqlite3.OperationalError("disk I/O error")

    whole, checkpoints._raw = checkpoints._raw, Broken()  # type: ignore[assignment]
    await commit(database, range(ENOUGH))
    await eventually(lambda: len(tried) == 1)
    checkpoints._raw = whole
    await commit(database, range(ENOUGH, 2 * ENOUGH))
    await eventually(lambda: in_file(sqlite_config.database_path) == 2 * ENOUGH)
    await database.close()


def test_an_end_in_any_moment_is_an_end(tmp_path: Path) -> None:
    """Somebody closes in the moment between the pause and the checkpoint: the thread still ends, and so does the server."""

    class Closing(threading.Event):
        """Whether it is over: not when the pause ends, and right after that."""

        def wait(self, timeout: float | None = None) -> bool:
            """Tell how it is, and close."""
            if self.is_set():
                return True
            self.set()
            checkpoints._due.set()
            return False

    checkpoints = Checkpoints(str(tmp_path / "some.db"))
    checkpoints._is_over = Closing()
    for _ in range(ENOUGH):
        checkpoints.committed()
    checkpoints._thread.join(10)
    has_ended = not checkpoints._thread.is_alive()
    checkpoints._due.set()  # so that a thread that has not ended does not hold the tests up
    checkpoints.close()
    assert has_ended
