import asyncio
import threading

import pytest

from pwauth_server.config import Config
from pwauth_server.errors import Unavailable
from pwauth_server.events import Event, Occurrence
from pwauth_server.store import epoch, sessions, users
from pwauth_server.store.statements import ConstraintViolated, Sql
from pwauth_server.store.transaction import Database, Tx
from tests.conftest import needs_postgres, open_database
from tests.fakes import NEW_YEAR
from tests.store.rows import HAPPENED, USER, OopsError, mark, marks, marks_in, row_id, session

TOUCH = Sql("test_touch", "UPDATE server_state SET number = number + 1 WHERE name = ?")
AUDIT = Sql("test_audit", "SELECT event, facts FROM audit_log ORDER BY id")


class Gate:
    """Holds the writer of SQLite, so that all units which come meanwhile share one group."""

    def __init__(self, database: Database) -> None:
        self._entered, self._opened = threading.Event(), threading.Event()
        self._unit = asyncio.ensure_future(database.unit(self._work))

    async def shut(self) -> None:
        """Return once the writer is held."""
        assert await asyncio.to_thread(self._entered.wait, 10)

    async def open(self) -> None:
        """Let every unit in that has been asked for, and wait for our own."""
        for _ in ("asked for", "counted", "handed over"):
            await asyncio.sleep(0)
        self._opened.set()
        await self._unit

    async def _work(self, _tx: Tx) -> None:
        self._entered.set()
        assert self._opened.wait(10)


async def test_returning_commits_and_hands_the_answer_over(database: Database) -> None:
    """What a unit returns arrives after its rows are there for everybody."""

    async def work(tx: Tx) -> str:
        await mark(tx, "a")
        return "answer"

    assert await database.unit(work) == "answer"
    assert await marks(database) == ["a"]


async def test_raising_rolls_back_and_reaches_the_caller(database: Database) -> None:
    """A flow that refuses leaves nothing behind, and its own error arrives."""

    async def work(tx: Tx) -> None:
        await mark(tx, "a")
        raise OopsError

    with pytest.raises(OopsError):
        await database.unit(work)
    assert await marks(database) == []


async def test_one_failure_in_a_crowd_stays_alone(database: Database) -> None:
    """Of a hundred units at once every tenth raises; the other ninety are committed."""

    async def work(tx: Tx, number: int) -> int:
        await mark(tx, f"{number:03}")
        if number % 10 == 0:
            raise OopsError
        return number

    answers = await asyncio.gather(*(database.unit(lambda tx, n=n: work(tx, n)) for n in range(100)), return_exceptions=True)  # type: ignore[misc]
    assert [answer for answer in answers if not isinstance(answer, OopsError)] == [n for n in range(100) if n % 10]
    assert await marks(database) == [f"{n:03}" for n in range(100) if n % 10]


async def test_a_broken_constraint_is_an_error_of_ours(database: Database) -> None:
    """The last fence raises one error on both databases, and what the unit wrote before is gone."""

    async def work(tx: Tx) -> None:
        await mark(tx, "a")
        await mark(tx, "a")

    with pytest.raises(ConstraintViolated):
        await database.unit(work)
    assert await marks(database) == []


async def test_units_that_queue_up_share_a_commit(sqlite: Database) -> None:
    """A hundred waiting units cost one disk flush, and one that fails among them costs the others nothing."""
    statements: list[str] = []
    gate = Gate(sqlite)
    await gate.shut()
    sqlite._writer.raw.set_trace_callback(statements.append)  # type: ignore[attr-defined]

    async def work(tx: Tx, number: int) -> None:
        await mark(tx, f"{number:03}")
        if number == 50:
            raise OopsError

    crowd = [asyncio.ensure_future(sqlite.unit(lambda tx, n=n: work(tx, n))) for n in range(100)]  # type: ignore[misc]
    await gate.open()
    await asyncio.wait(crowd)
    assert statements.count("COMMIT") == 2
    assert [isinstance(unit.exception(), OopsError) for unit in crowd] == [n == 50 for n in range(100)]
    assert len(await marks(sqlite)) == 99


async def test_units_that_come_one_turn_after_the_other_share_a_commit(sqlite: Database) -> None:
    """The writer is not woken as long as each turn of the loop brings another unit: it would flush the disk for every few."""
    statements: list[str] = []
    sqlite._writer.raw.set_trace_callback(statements.append)  # type: ignore[attr-defined]

    async def ask(turn: int) -> None:
        for _ in range(turn):
            await asyncio.sleep(0)
        await sqlite.unit(lambda tx: mark(tx, f"{turn:03}"))

    await asyncio.gather(*(ask(turn) for turn in range(20)))
    assert statements.count("COMMIT") == 1
    assert len(await marks(sqlite)) == 20


async def test_what_waits_when_the_database_closes_is_still_done(sqlite: Database) -> None:
    """A unit that was asked for a moment before the end is committed, and one asked for after it is refused."""
    last = asyncio.ensure_future(sqlite.unit(lambda tx: mark(tx, "last")))
    await asyncio.sleep(0)
    await sqlite.close()
    await last
    with pytest.raises(Unavailable):
        await sqlite.unit(lambda tx: mark(tx, "late"))


async def test_nothing_is_seen_before_the_commit(sqlite: Database) -> None:
    """While a unit is under way, readers see the state before it."""
    written, opened = threading.Event(), threading.Event()

    async def work(tx: Tx) -> None:
        await mark(tx, "a")
        written.set()
        opened.wait(10)

    unit = asyncio.ensure_future(sqlite.unit(work))
    await asyncio.to_thread(written.wait, 10)
    assert await marks(sqlite) == []
    opened.set()
    await unit
    assert await marks(sqlite) == ["a"]


async def test_occurrences_and_hooks_follow_the_commit(database: Database, heard: list[Occurrence]) -> None:
    """Metrics and bells hear of what is committed, when it is; the audit row is in the same transaction."""
    order: list[str] = []

    async def work(tx: Tx) -> None:
        await tx.record(HAPPENED)
        tx.after_commit(lambda: order.append(f"hook, {len(heard)} heard"))
        assert heard == []

    await database.unit(work)
    assert order == ["hook, 1 heard"]
    assert heard == [HAPPENED]
    assert [dict(row) for row in await database.reads.all(AUDIT)] == [{"event": "user.created", "facts": '{"n":1}'}]


async def test_what_is_rolled_back_is_never_heard_of(database: Database, heard: list[Occurrence]) -> None:
    """A unit that raises rings no bell and leaves no audit row."""
    hooks: list[int] = []

    async def work(tx: Tx) -> None:
        await tx.record(HAPPENED)
        tx.after_commit(lambda: hooks.append(1))
        raise OopsError

    with pytest.raises(OopsError):
        await database.unit(work)
    assert (heard, hooks) == ([], [])
    assert await database.reads.all(AUDIT) == []


async def test_heartbeats_are_heard_but_not_audited(database: Database, heard: list[Occurrence]) -> None:
    """Token issues would bury the audit log; they only count."""
    beat = Occurrence(Event.TOKENS_ISSUED, NEW_YEAR)
    await database.record(beat)
    assert heard == [beat]
    assert await database.reads.all(AUDIT) == []


async def test_a_commit_that_fails_is_told_to_everybody_in_it(sqlite: Database, heard: list[Occurrence]) -> None:
    """If the disk refuses the group, nobody is told of a success, and the next unit works."""
    hooks: list[int] = []
    gate = Gate(sqlite)
    await gate.shut()

    async def honest(tx: Tx) -> None:
        await mark(tx, "a")
        await tx.record(HAPPENED)
        tx.after_commit(lambda: hooks.append(1))

    async def poison(tx: Tx) -> None:
        tx.orm.raw.execute("PRAGMA defer_foreign_keys=ON")  # type: ignore[attr-defined]
        await sessions.create(tx, session(row_id(404)))

    crowd = [asyncio.ensure_future(sqlite.unit(work)) for work in (honest, poison)]
    await gate.open()
    answers = await asyncio.gather(*crowd, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert (heard, hooks, await marks(sqlite)) == ([], [], [])
    await sqlite.unit(honest)
    assert (heard, hooks, await marks(sqlite)) == ([HAPPENED], [1], ["a"])


async def test_a_full_disk_loses_nothing_that_was_answered(sqlite: Database, sqlite_config: Config) -> None:
    """Of units that meet a full disk each gets its row or an error, and with space the server works again."""
    raw = sqlite._writer.raw  # type: ignore[attr-defined]
    raw.execute(f"PRAGMA max_page_count={raw.execute('PRAGMA page_count').fetchone()[0] + 10}").fetchall()
    names = [f"{number:02}{'x' * 8000}" for number in range(20)]
    answers = await asyncio.gather(*(sqlite.unit(lambda tx, n=n: mark(tx, n)) for n in names), return_exceptions=True)  # type: ignore[misc]
    assert {name for name, answer in zip(names, answers, strict=True) if answer is None} == marks_in(sqlite_config.database_path)
    assert any(isinstance(answer, Exception) for answer in answers)
    raw.execute("PRAGMA max_page_count=1000000").fetchall()
    await sqlite.unit(lambda tx: mark(tx, "later"))
    assert "later" in await marks(sqlite)


async def test_a_hook_that_raises_harms_nobody(database: Database) -> None:
    """What is committed is answered: neither its own caller nor a neighbour waits for ever because a listener failed."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

    async def work(tx: Tx, number: int) -> int:
        await mark(tx, str(number))
        if number == 1:
            tx.after_commit(lambda: 1 // 0)  # type: ignore[arg-type]
        return number

    units = (database.unit(lambda tx, n=n: work(tx, n)) for n in range(5))  # type: ignore[misc]
    async with asyncio.timeout(3):
        assert await asyncio.gather(*units) == [0, 1, 2, 3, 4]


async def test_of_fifty_who_swap_one_wins(database: Database) -> None:
    """A compare-and-swap has one winner, however many compare at once (SEC-10, SEC-50)."""

    async def arrive(tx: Tx) -> None:
        user, _ = await users.find_or_create(tx, user_id=row_id(1), email=USER, now=NEW_YEAR)
        await sessions.create(tx, session(user.id))

    await database.unit(arrive)
    await database.unit(epoch.begin)
    swaps = (
        database.unit(lambda tx: sessions.rotate(tx, row_id(1), generation=0, now=NEW_YEAR + 1, idle=98))
        for _ in range(50)
    )
    assert sum(swapped is not None for swapped in await asyncio.gather(*swaps)) == 1
    found = await sessions.find(database.reads, row_id(1))
    assert found is not None
    assert found.generation == 1


@pytest.mark.parametrize("seconds", (0, 0.001))
async def test_a_unit_may_wait_for_nothing_else(sqlite: Database, seconds: float) -> None:
    """On SQLite a unit that awaits the network or a timer would stop every writer: it is refused and undone."""

    async def work(tx: Tx) -> None:
        await mark(tx, "a")
        await asyncio.sleep(seconds)

    with pytest.raises(RuntimeError):
        await sqlite.unit(work)
    assert await marks(sqlite) == []
    await sqlite.unit(lambda tx: mark(tx, "b"))
    assert await marks(sqlite) == ["b"]


@needs_postgres
async def test_two_that_wait_for_each_other_both_get_through(postgres_config: Config, heard: list[Occurrence]) -> None:
    """PostgreSQL breaks the circle by refusing one of them, which is then begun anew; what it did is told once."""
    database = await open_database(postgres_config, heard)
    reached = {"a": asyncio.Event(), "b": asyncio.Event()}
    tries = []

    async def work(tx: Tx, mine: str, other: str) -> None:
        tries.append(mine)
        await tx.run(TOUCH, mine)
        await tx.record(HAPPENED)
        reached[mine].set()
        await reached[other].wait()
        await tx.run(TOUCH, other)

    try:
        for name in reached:
            await database.unit(lambda tx, name=name: mark(tx, name))  # type: ignore[misc]
        await asyncio.gather(database.unit(lambda tx: work(tx, "a", "b")), database.unit(lambda tx: work(tx, "b", "a")))
    finally:
        await database.close()
    assert len(tries) > len(reached)
    assert heard == [HAPPENED, HAPPENED]
