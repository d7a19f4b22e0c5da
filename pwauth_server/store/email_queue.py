"""The mail queue: letters wait here, sealed, from the commit of their cause until they are delivered (SEC-72, SEC-84)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.rules import ids
from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx

#: The grain of time in an id, in seconds.
_MILLISECOND = 0.001


class LetterRow(Model):
    """The table ``email_queue``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    kind = fields.CharField(max_length=20)
    recipient = fields.CharField(max_length=254)
    message_id = fields.CharField(max_length=320)
    #: Sealed facts; wiped when the letter is sent or too old.
    body = fields.BinaryField(null=True)
    #: pending, sending, sent, failed, expired.
    status = fields.CharField(max_length=10)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.FloatField()
    #: While `sending`: until when its sender may take.
    lease_until = fields.FloatField(null=True)
    created_at = fields.FloatField()
    #: End of the life of what the letter carries.
    expires_at = fields.FloatField()
    finished_at = fields.FloatField(null=True)
    last_error = fields.CharField(max_length=20, null=True)
    transport = fields.CharField(max_length=20, null=True)
    #: The sign-in request a letter belongs to.
    link_id = Uuid(null=True)

    class Meta:
        """Letters that are due are looked up by status and time."""

        table = "email_queue"
        indexes = (("status", "next_attempt_at"),)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that was claimed for sending; ``lease_until`` is also the proof that it is ours."""

    id: UUID
    kind: str
    recipient: str
    message_id: str
    body: bytes
    attempts: int
    created_at: float
    expires_at: float
    lease_until: float
    link_id: UUID | None


_CREATE = Sql(
    "create_letter",
    """INSERT INTO email_queue (id, kind, recipient, message_id, body, status, attempts, next_attempt_at,
    created_at, expires_at, link_id) VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, ?, ?, ?)""",
)
# The outer condition is checked again on the row itself: of two nodes that chose the same letter, the
# second finds it taken.
_CLAIM = Sql(
    "claim_letter",
    """UPDATE email_queue SET status = 'sending', lease_until = ?, attempts = attempts + 1
    WHERE status = 'pending' AND id =
    (SELECT id FROM email_queue WHERE status = 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT 1)
    RETURNING id, kind, recipient, message_id, body, attempts, created_at, expires_at, lease_until, link_id""",
)
_EXPIRE = Sql(
    "expire_letters",
    """UPDATE email_queue SET status = 'expired', body = NULL, finished_at = ?
    WHERE status = 'pending' AND (expires_at <= ? OR EXISTS
    (SELECT 1 FROM magic_links WHERE magic_links.id = email_queue.link_id AND magic_links.closed_at IS NOT NULL))
    RETURNING id""",
)
_RECLAIM = Sql(
    "reclaim_letters",
    """UPDATE email_queue SET status = 'pending', lease_until = NULL, next_attempt_at = ?
    WHERE status = 'sending' AND lease_until <= ?""",
)
# A letter that has left must not leave again, even if it was put back meanwhile: here the lease does not count.
_SENT = Sql(
    "letter_sent",
    """UPDATE email_queue SET status = 'sent', body = NULL, lease_until = NULL, finished_at = ?, transport = ?,
    last_error = NULL WHERE id = ? AND status IN ('pending', 'sending')""",
)
# Everything else is said only by the holder of the lease. Who was too slow keeps silent: the letter is in
# other hands, and putting it back would send it once more.
_DEFER = Sql(
    "defer_letter",
    """UPDATE email_queue SET status = 'pending', lease_until = NULL, next_attempt_at = ?, last_error = ?, transport = ?
    WHERE id = ? AND status = 'sending' AND lease_until = ?""",
)
_RELEASE = Sql(
    "release_letter",
    """UPDATE email_queue SET status = 'pending', lease_until = NULL, attempts = attempts - 1
    WHERE id = ? AND status = 'sending' AND lease_until = ?""",
)
_FAIL = Sql(
    "letter_failed",
    """UPDATE email_queue SET status = 'failed', lease_until = NULL, finished_at = ?, last_error = ?, transport = ?
    WHERE id = ? AND status = 'sending' AND lease_until = ?""",
)
_OVER = Sql(
    "letter_expired",
    """UPDATE email_queue SET status = 'expired', body = NULL, lease_until = NULL, finished_at = ?, last_error = ?, transport = ?
    WHERE id = ? AND status = 'sending' AND lease_until = ?""",
)
_DUE_AGAIN = Sql(
    "letters_due_again",
    "UPDATE email_queue SET next_attempt_at = ? WHERE status = 'pending' AND next_attempt_at > ? AND last_error LIKE ?",
)
_REQUEUE = Sql(
    "requeue_letter",
    """UPDATE email_queue SET status = 'pending', attempts = 0, next_attempt_at = ?, finished_at = NULL
    WHERE id = ? AND status = 'failed' AND body IS NOT NULL AND expires_at > ?""",
)
_COUNTS = Sql("count_letters", "SELECT status, COUNT(*) AS n FROM email_queue GROUP BY status")
_OLDEST = Sql("oldest_letter", "SELECT MIN(created_at) AS at FROM email_queue WHERE status IN ('pending', 'sending')")
_NEXT_DUE = Sql(
    "next_letter",
    """SELECT MIN(at) AS at FROM (SELECT MIN(next_attempt_at) AS at FROM email_queue WHERE status = 'pending'
    UNION ALL SELECT MIN(lease_until) FROM email_queue WHERE status = 'sending') AS waiting""",
)
# A letter is queued in the moment of its link: the ids tell where to look.
_STATE_OF = Sql(
    "letter_of_link",
    "SELECT status FROM email_queue WHERE id >= ? AND link_id = ? ORDER BY id LIMIT 1",
)
_HELD_UP = Sql("queue_held_up", "SELECT 1 AS one FROM email_queue WHERE status = 'pending' AND last_error LIKE ? LIMIT 1")
_WIPE = Sql("wipe_letters", "UPDATE email_queue SET body = NULL WHERE status = 'failed' AND expires_at <= ? AND body IS NOT NULL")
# Only what is finished has a `finished_at`. It was queued before that: the bound on the id keeps the search off everything newer.
_PURGE = Sql(
    "purge_letters",
    """DELETE FROM email_queue WHERE id IN
    (SELECT id FROM email_queue WHERE id < ? AND finished_at <= ? ORDER BY id LIMIT ?)""",
)


async def create(
    tx: Tx, *, letter_id: UUID, kind: str, recipient: str, message_id: str, body: bytes, now: float, expires_at: float, link_id: UUID | None
) -> None:
    """Queue a letter; it is due at once."""
    await tx.run(_CREATE, letter_id, kind, recipient, message_id, body, now, now, expires_at, link_id)


async def claim(tx: Tx, *, now: float, lease_until: float) -> Letter | None:
    """Take the letter that is due longest; until ``lease_until`` nobody else will."""
    rows = await tx.all(_CLAIM, lease_until, now)
    return _letter(rows[0]) if rows else None


async def expire_stale(tx: Tx, now: float) -> int:
    """Give up waiting letters whose life is over or whose link is closed; return how many."""
    return len(await tx.all(_EXPIRE, now, now))


async def reclaim(tx: Tx, *, now: float, leases_before: float) -> int:
    """Put back letters whose sender was lost: those whose lease ended by ``leases_before``; return how many."""
    return await tx.run(_RECLAIM, now, leases_before)


async def mark_sent(tx: Tx, letter: Letter, *, now: float, transport: str) -> bool:
    """Write down that another server took responsibility; the body is wiped. False if somebody else wrote it down."""
    return await tx.run(_SENT, now, transport, letter.id) == 1


async def mark_failed(tx: Tx, letter: Letter, *, now: float, error: str, transport: str) -> bool:
    """Write down a dead letter; its body stays, sealed, for a requeue. False if the lease is lost."""
    return await tx.run(_FAIL, now, error, transport, letter.id, letter.lease_until) == 1


async def mark_expired(tx: Tx, letter: Letter, *, now: float, error: str, transport: str) -> bool:
    """Give a claimed letter up because what it carries is over. False if the lease is lost."""
    return await tx.run(_OVER, now, error, transport, letter.id, letter.lease_until) == 1


async def defer(tx: Tx, letter: Letter, *, until: float, error: str, transport: str) -> bool:
    """Let a letter wait for its next try. False if the lease is lost."""
    return await tx.run(_DEFER, until, error, transport, letter.id, letter.lease_until) == 1


async def release(tx: Tx, letter: Letter) -> bool:
    """Put back a letter that was claimed but not tried: the try is given back. False if the lease is lost."""
    return await tx.run(_RELEASE, letter.id, letter.lease_until) == 1


async def due_again(tx: Tx, *, now: float, error_prefix: str) -> int:
    """Make letters that wait because of such an error due at once; return how many."""
    return await tx.run(_DUE_AGAIN, now, now, f"{error_prefix}%")


async def requeue(tx: Tx, letter_id: UUID, now: float) -> bool:
    """Let a dead letter be tried again; False if there is none of that id with a body and life left."""
    return await tx.run(_REQUEUE, now, letter_id, now) == 1


async def counts(db: Runs) -> Mapping[str, int]:
    """Return how many letters there are of each status."""
    return {row["status"]: int(row["n"]) for row in await db.all(_COUNTS)}


async def oldest(db: Runs) -> float | None:
    """Return when the oldest letter that waits was queued."""
    return _number(await db.one(_OLDEST))


async def next_due(db: Runs) -> float | None:
    """Return when the next letter is due, or a lost lease ends."""
    return _number(await db.one(_NEXT_DUE))


async def state_of(db: Runs, link_id: UUID, *, near: UUID) -> str | None:
    """Return the status of the letter of a link; its id is ``near`` or a little above. None if there is none."""
    row = await db.one(_STATE_OF, near, link_id)
    return str(row["status"]) if row else None


async def is_held_up(db: Runs, *, error_prefix: str) -> bool:
    """Tell whether any letter waits for an error that begins so."""
    return await db.one(_HELD_UP, f"{error_prefix}%") is not None


async def purge(tx: Tx, *, before: float, now: float, limit: int) -> int:
    """Delete letters that were finished by a moment, wipe dead ones past their life; return how many were deleted."""
    await tx.run(_WIPE, now)
    return await tx.run(_PURGE, ids.earliest(before + _MILLISECOND), before, limit)


def _number(row: Row | None) -> float | None:
    value: Any = row["at"] if row else None
    return None if value is None else float(value)


def _letter(row: Row) -> Letter:
    return Letter(
        id=as_uuid(row["id"]),
        kind=row["kind"],
        recipient=row["recipient"],
        message_id=row["message_id"],
        body=row["body"] or b"",
        attempts=row["attempts"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        lease_until=row["lease_until"],
        link_id=as_uuid(row["link_id"]),
    )
