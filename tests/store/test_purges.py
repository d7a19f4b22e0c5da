"""What housekeeping throws away, and what that costs everybody else."""

from collections.abc import Iterable
from itertools import count, islice

from pwauth_server.store import users
from pwauth_server.store.audit import PURGE_AUDIT
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Database, Tx
from tests.fakes import NEW_YEAR
from tests.store.rows import HAPPENED, row_id

ARRIVE = Sql(
    "test_arrive",
    "INSERT INTO users (id, email, name, roles, created_at, verified_at, imported_at) VALUES (?, ?, '', '', ?, ?, ?)",
)
MOMENTS = Sql("test_moments", "SELECT at FROM audit_log ORDER BY id")
DAY = 86_400.0
#: The end of what is kept.
BEFORE = NEW_YEAR - 90 * DAY


async def happened(database: Database, moments: Iterable[float]) -> None:
    """Record something at each moment, in that order."""

    async def work(tx: Tx) -> None:
        for at in moments:
            await tx.record(HAPPENED._replace(at=at))

    await database.unit(work)


async def purged(database: Database, limit: int) -> int:
    """Throw a batch away; return how many rows are gone."""
    return await database.unit(lambda tx: tx.run(PURGE_AUDIT, NEW_YEAR, limit, BEFORE))


async def moments(database: Database) -> list[float]:
    """Return when what is left happened."""
    return [row["at"] for row in await database.reads.all(MOMENTS)]


async def test_the_oldest_go_first_and_the_young_stay(database: Database) -> None:
    """In batches, until none is left that is too old."""
    old, young = [BEFORE - 3, BEFORE - 2, BEFORE - 1], [BEFORE, NEW_YEAR - 1]
    await happened(database, [*old, *young])
    assert await purged(database, 2) == 2
    assert await moments(database) == [BEFORE - 1, *young]
    assert [await purged(database, 2) for _ in range(2)] == [1, 0]
    assert await moments(database) == young


async def test_a_clock_that_was_ahead_keeps_nothing_alive(database: Database) -> None:
    """Rows out of the future stand in front, and what is too old is found behind them."""
    ahead = [NEW_YEAR + 900 * DAY] * 3
    await happened(database, [*ahead, BEFORE - 1, BEFORE])
    assert await purged(database, 2) == 1
    assert await moments(database) == [*ahead, BEFORE]


class Steps:
    """Counts what the writer of SQLite does, in tens of its steps."""

    def __init__(self, database: Database) -> None:
        self.taken = 0
        database._writer.raw.set_progress_handler(self._step, 10)  # type: ignore[attr-defined]

    def _step(self) -> None:
        self.taken += 1


async def test_a_long_log_costs_no_more_than_a_short_one(sqlite: Database) -> None:
    """Every minute the writer would look at all of it, and nobody could write meanwhile."""
    steps, taken = Steps(sqlite), []
    for rows in (100, 3000):
        await happened(sqlite, (BEFORE + number for number in range(rows)))
        steps.taken = 0
        assert await purged(sqlite, 50) == 0
        taken.append(steps.taken)
    assert taken[1] <= taken[0] + 5


async def test_many_people_cost_no_more_than_a_few(sqlite: Database) -> None:
    """Whoever was never proven is found without a look at those who were, or who came from the Rust server."""
    steps, taken, numbers = Steps(sqlite), [], count()

    async def arrive(tx: Tx, people: int) -> None:
        for number in islice(numbers, people):
            await tx.run(ARRIVE, row_id(number), f"p{number}@ex.com", BEFORE, *((BEFORE, None) if number % 2 else (None, BEFORE)))
        await tx.run(ARRIVE, row_id(next(numbers)), "planted@ex.com", BEFORE, None, None)

    for people in (100, 3000):
        await sqlite.unit(lambda tx, people=people: arrive(tx, people))  # type: ignore[misc]
        steps.taken = 0
        assert len(await sqlite.unit(lambda tx: users.purge_unverified(tx, before=NEW_YEAR, limit=50))) == 1
        taken.append(steps.taken)
    assert taken[1] <= taken[0] + 5
