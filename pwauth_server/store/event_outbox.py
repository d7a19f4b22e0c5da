"""Events that a program of the operator's has yet to be told: written with the event itself, gone when it has heard.

A row is a number of the audit log with the state of its delivery. Whoever takes one makes it due again for later in
the same statement: a process that dies with it loses nothing, and of two nodes only one has it.
"""

from dataclasses import dataclass

from tortoise import Model, fields

from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx


class EventOutbox(Model):
    """The table ``event_outbox``; times in Unix seconds."""

    #: Of the row of ``audit_log``.
    id = fields.BigIntField(primary_key=True, generated=False)
    attempts = fields.IntField()
    due_at = fields.FloatField()

    class Meta:
        """Name of the table."""

        table = "event_outbox"


@dataclass(frozen=True, slots=True)
class Due:
    """An event in hand, and how often it has been tried, this time included."""

    id: int
    attempts: int


_IS_DUE = Sql("is_event_due", "SELECT 1 AS one FROM event_outbox WHERE due_at <= ? LIMIT 1")
# The outer condition is checked again on the row itself: of two nodes that chose the same event, the second finds it taken.
_CLAIM = Sql(
    "claim_event",
    """UPDATE event_outbox SET attempts = attempts + 1, due_at = ? WHERE due_at <= ? AND id =
    (SELECT id FROM event_outbox WHERE due_at <= ? ORDER BY id LIMIT 1) RETURNING id, attempts""",
)
_DEFER = Sql("defer_event", "UPDATE event_outbox SET due_at = ? WHERE id = ?")
_FORGET = Sql("forget_event", "DELETE FROM event_outbox WHERE id = ?")


async def is_any_due(db: Runs, now: float) -> bool:
    """Tell whether there is something to tell at ``now``."""
    return await db.one(_IS_DUE, now) is not None


async def claim(tx: Tx, *, now: float, until: float) -> Due | None:
    """Take the first event that is due; nobody else gets it before ``until``."""
    row = await tx.one(_CLAIM, until, now, now)
    return None if row is None else Due(row["id"], row["attempts"])


async def defer(tx: Tx, event_id: int, until: float) -> None:
    """Let an event wait for its next try."""
    await tx.run(_DEFER, until, event_id)


async def forget(tx: Tx, event_id: int) -> None:
    """Take an event out: it was heard, or is given up."""
    await tx.run(_FORGET, event_id)
