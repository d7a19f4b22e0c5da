"""Units of work: the only way to write (``docs/decisions/0003-units-of-work.md``).

A unit is ``async def work(tx)``. Returning commits, raising rolls back, and the caller gets the
answer after the commit. It runs apart from the request that asked for it, so a client that hangs up
cannot leave a transaction open; it may await nothing but its ``tx``. It may run more than once, where
PostgreSQL broke a deadlock by refusing it, so it changes nothing but the database: what it counted it returns.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol, TypeVar
from uuid import UUID

from tortoise import BaseDBAsyncClient

from pwauth_server.events import UNAUDITED, Event, Occurrence, Reason
from pwauth_server.rules import compact_json
from pwauth_server.store.audit import FIND_AUDIT, FIND_FIRST_AUDIT, FIND_LAST_AUDIT, INSERT_AUDIT, INSERT_AUDIT_TO_TELL, TELL
from pwauth_server.store.statements import Row, Sql, Statements

T = TypeVar("T")
_log = logging.getLogger(__name__)
Work = Callable[["Tx"], Coroutine[Any, Any, T]]
Listener = Callable[[Occurrence], None]
#: Answers kept for one state of the database.
MAX_REMEMBERED = 8192

#: What the names begin with under which servers, and no commands, are connected to PostgreSQL.
NODE = "pwauth node "

Close = Callable[[], Awaitable[None]]


class Runs(Protocol):
    """What both transactions and plain reads can do."""

    orm: BaseDBAsyncClient

    async def all(self, sql: Sql, *values: Any) -> Any:
        """Return every row."""

    async def one(self, sql: Sql, *values: Any) -> Row | None:
        """Return the first row, or None."""


class Tx:
    """A transaction as a unit of work sees it."""

    def __init__(self, statements: Statements, *, tells: bool = False) -> None:
        """Begin with nothing recorded; ``tells``: a program is told of what is."""
        self._tells = tells
        self.orm = statements.orm
        self.all = statements.all
        self.one = statements.one
        self.run = statements.run
        self.lock = statements.lock
        self.occurrences: list[Occurrence] = []
        self.hooks: list[Callable[[], None]] = []

    async def record(self, occurrence: Occurrence) -> None:
        """Tell what happened: the audit row now, in this transaction; counters after the commit, and a program soon."""
        if occurrence.event not in UNAUDITED:
            values = _audit_row(occurrence)
            if not self._tells:
                await self.run(INSERT_AUDIT, *values)
            elif row := await self.one(INSERT_AUDIT_TO_TELL, *values):
                await self.run(TELL, row["id"], occurrence.at)
        self.occurrences.append(occurrence)

    async def has_recorded(self, user_id: UUID, event: Event, *, since: float) -> bool:
        """Tell whether an audited event happened to somebody after ``since`` (Unix seconds)."""
        return await self.one(FIND_AUDIT, user_id, event.value, since) is not None

    async def first_recorded(self, user_id: UUID, event: Event, reason: Reason, *, since: float) -> float | None:
        """Return when an audited event first happened to somebody at or after ``since``, for that reason (Unix seconds)."""
        row = await self.one(FIND_FIRST_AUDIT, user_id, event.value, reason.value, since)
        return None if row is None or row["at"] is None else float(row["at"])

    async def last_recorded(self, user_id: UUID, event: Event, *, since: float) -> float | None:
        """Return when an audited event last happened to somebody at or after ``since`` (Unix seconds)."""
        row = await self.one(FIND_LAST_AUDIT, user_id, event.value, since)
        return None if row is None or row["at"] is None else float(row["at"])

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` on the event loop once this is committed; never if it is rolled back."""
        self.hooks.append(hook)


def _audit_row(it: Occurrence) -> tuple[Any, ...]:
    caller = it.caller
    return (
        *(it.at, str(it.event), it.user_id, it.session_id, caller.ip, caller.browser, caller.request_id),
        # As plain texts: for a text with a type of its own the driver looks for somebody who adapts it.
        *(str(it.method), str(it.reason), compact_json.encode(it.facts) if it.facts else "{}"),
    )


class Database(ABC):
    """The one database of this process."""

    #: Whether a program is told of what is recorded.
    tells = False

    #: For reading outside a transaction; sees what is committed.
    reads: Statements
    #: Names the tables, as `name`.
    tables: Sql

    def __init__(self, listener: Listener) -> None:
        """Tell ``listener`` of every committed occurrence, on the event loop."""
        self._listener = listener
        self._memory: dict[tuple[Hashable, ...], Any] = {}
        self._memory_of: int | None = None

    @abstractmethod
    async def unit(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction of its own and return its answer once that is committed."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was handed over, then close."""

    def version(self) -> int | None:
        """Return a number that changes whenever anybody commits anything; None where nobody can tell."""
        return None

    async def remembered(self, key: tuple[Hashable, ...], read: Callable[[], Awaitable[T]]) -> T:
        """Return what ``read`` returned for ``key`` last time, unless anything was committed since.

        ``key`` begins with a word for the kind of answer: keys may hold what clients sent, and one of
        them could send another's. For answers that many requests ask for while the database stands still. What depends on the
        time as well must be checked by the caller, every time.
        """
        version = self.version()
        if version is None:
            return await read()
        if version != self._memory_of:
            self._memory, self._memory_of = {}, version
        memory = self._memory
        found: T | None = memory.get(key)
        if found is None:
            # Should somebody commit right now, this is newer than `version` says, and soon forgotten.
            found = await read()
            if len(memory) < MAX_REMEMBERED:
                memory[key] = found
        return found

    async def clock(self) -> float | None:
        """Return the time of the database's own machine, in Unix seconds; None where it has none of its own."""
        return None

    async def nodes(self) -> int:
        """Return how many servers are connected to the database; 0 where it does not know."""
        return 0

    async def row_counts(self, reads: Statements) -> Mapping[str, int]:
        """Return how many rows each table has; looks at all of them, so ``reads`` should be those of `apart`."""
        found: dict[str, int] = {}
        for row in await reads.all(self.tables):
            counted = await reads.one(Sql("count_rows", f'SELECT count(*) AS rows FROM "{row["name"]}"'))
            found[row["name"]] = int(counted["rows"]) if counted else 0
        return found

    @abstractmethod
    async def sizes(self, reads: Statements) -> Mapping[str, int]:
        """Return the bytes of the database's files by a short name."""

    def apart(self) -> AbstractAsyncContextManager[Statements]:
        """Return statements for reads that look at whole tables: they must not stop the event loop."""
        return nullcontext(self.reads)

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Statements]:
        """Return statements that all see the same moment, however long it takes; for the command line."""

    async def ping(self) -> None:
        """Ask the database for one row; raise what the driver raises."""
        await self.reads.one(_PING)

    async def record(self, occurrence: Occurrence) -> None:
        """Record one occurrence in a transaction of its own: what must survive a refusal."""
        await self.unit(lambda tx: tx.record(occurrence))

    def _published(self, tx: Tx) -> None:
        """Tell everybody what is committed; one who stumbles harms neither the others nor the caller."""
        for occurrence in tx.occurrences:
            self._tell(self._listener, occurrence)
        for hook in tx.hooks:
            self._tell(hook)

    def _tell(self, told: Callable[..., None], *what: Occurrence) -> None:
        try:
            told(*what)
        except Exception:  # noqa: BLE001 - whatever it is, the work is committed
            _log.exception("a listener failed after the commit")


_PING = Sql("ping", "SELECT 1 AS one")
