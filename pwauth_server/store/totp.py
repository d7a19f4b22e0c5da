"""One-time passwords by time: one secret for each person, and one that waits to be confirmed (SEC-02, SEC-30, SEC-71)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.rules.sealing import KEY_ID_BYTES
from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import UserRow


class TotpRow(Model):
    """The table ``totp``; times in Unix seconds, secrets sealed for their owner."""

    user: fields.OneToOneRelation[UserRow] = fields.OneToOneField("models.UserRow", primary_key=True, on_delete=fields.CASCADE)
    sealed_secret = fields.BinaryField(null=True)
    confirmed_at = fields.FloatField(null=True)
    #: The newest time step that was accepted: it and all before it are spent.
    last_step = fields.BigIntField(db_default=0)
    suspended_at = fields.FloatField(null=True)
    #: A secret that changes nothing until a code of it was shown, and the session that asked for it.
    pending_secret = fields.BinaryField(null=True)
    pending_until = fields.FloatField(null=True)
    pending_session = Uuid(null=True)

    class Meta:
        """Name of the table."""

        table = "totp"


@dataclass(frozen=True, slots=True)
class Totp:
    """What is stored for a person: nothing at all for somebody without one-time passwords."""

    #: Counts for signing in; None if there is none, or if its owner disowns it.
    sealed_secret: bytes | None = None
    pending_secret: bytes | None = None
    pending_until: float = 0.0
    #: None where nobody was signed in (`enrolment = "first_use"`).
    pending_session: UUID | None = None

    def waiting(self, session_id: UUID | None, now: float) -> bytes | None:
        """Return the secret that this session, or for None somebody without one, may still confirm."""
        return self.pending_secret if self.pending_session == session_id and now < self.pending_until else None


_FIND = Sql(
    "find_totp",
    """SELECT CASE WHEN suspended_at IS NULL THEN sealed_secret END AS sealed_secret, pending_secret, pending_until, pending_session
    FROM totp WHERE user_id = ?""",
)
_BEGIN = Sql(
    "begin_totp",
    """INSERT INTO totp (user_id, pending_secret, pending_until, pending_session) VALUES (?, ?, ?, ?)
    ON CONFLICT (user_id) DO UPDATE SET pending_secret = excluded.pending_secret, pending_until = excluded.pending_until,
    pending_session = excluded.pending_session""",
)
# The code that confirms is spent by that (SEC-02). The comparison keeps out a secret that has taken its place meanwhile.
_CONFIRM = Sql(
    "confirm_totp",
    """UPDATE totp SET sealed_secret = pending_secret, confirmed_at = ?, last_step = ?, suspended_at = NULL,
    pending_secret = NULL, pending_until = NULL, pending_session = NULL WHERE user_id = ? AND pending_secret = ?""",
)
# Of thirty parallel codes of one step, one finds the step unspent (SEC-30).
_SPEND = Sql(
    "spend_totp_step",
    "UPDATE totp SET last_step = ? WHERE user_id = ? AND last_step < ? AND sealed_secret = ? AND suspended_at IS NULL",
)
# Never over a secret that counts.
_TAKE_OVER = Sql(
    "take_over_totp",
    """INSERT INTO totp (user_id, sealed_secret, confirmed_at) VALUES (?, ?, ?)
    ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, confirmed_at = excluded.confirmed_at, last_step = 0
    WHERE totp.sealed_secret IS NULL RETURNING user_id""",
)
_RESEAL = Sql("reseal_totp", "UPDATE totp SET sealed_secret = ? WHERE user_id = ? AND sealed_secret = ?")
_FORGET_PENDING = Sql(
    "forget_pending_totp", "UPDATE totp SET pending_secret = NULL, pending_until = NULL, pending_session = NULL WHERE user_id = ?"
)
_COUNT_BY_KEY = Sql(
    "count_totp_by_key",
    f"""SELECT key_id, count(*) AS apps FROM (
    SELECT substr(sealed_secret, 1, {KEY_ID_BYTES}) AS key_id FROM totp WHERE sealed_secret IS NOT NULL
    UNION ALL SELECT substr(pending_secret, 1, {KEY_ID_BYTES}) FROM totp WHERE pending_until > ?
    ) AS sealed GROUP BY key_id""",
)
_REMOVE = Sql("remove_totp", "DELETE FROM totp WHERE user_id = ? RETURNING sealed_secret")


async def find(db: Runs, user_id: UUID) -> Totp:
    """Return what is stored for a person."""
    row = await db.one(_FIND, user_id)
    if row is None:
        return Totp()
    return Totp(row["sealed_secret"], row["pending_secret"], row["pending_until"] or 0.0, as_uuid(row["pending_session"]))


async def begin(tx: Tx, user_id: UUID, sealed: bytes, *, until: float, session_id: UUID | None) -> None:
    """Store a secret that waits for its first code; it takes the place of one that waited before."""
    await tx.run(_BEGIN, user_id, sealed, until, session_id)


async def confirm(tx: Tx, user_id: UUID, sealed: bytes, *, step: int, now: float) -> bool:
    """Let the waiting secret ``sealed`` count from now on, with ``step`` spent; False if it no longer waits."""
    return await tx.run(_CONFIRM, now, step, user_id, sealed) == 1


async def spend(tx: Tx, user_id: UUID, sealed: bytes, *, step: int) -> bool:
    """Spend a time step of the secret ``sealed``; False if it, or one after it, was spent before."""
    return await tx.run(_SPEND, step, user_id, step, sealed) == 1


async def take_over(tx: Tx, user_id: UUID, sealed: bytes, *, now: float) -> bool:
    """Let a secret of another server count for somebody who has none; False if there is one."""
    return await tx.one(_TAKE_OVER, user_id, sealed, now) is not None


async def reseal(tx: Tx, user_id: UUID, old: bytes, new: bytes) -> None:
    """Store a secret under another key."""
    await tx.run(_RESEAL, new, user_id, old)


async def forget_pending(tx: Tx, user_id: UUID) -> None:
    """Throw away a secret that waits."""
    await tx.run(_FORGET_PENDING, user_id)


async def remove(tx: Tx, user_id: UUID) -> bool:
    """Delete a person's one-time passwords, suspended or waiting ones too; False if none had been confirmed."""
    row = await tx.one(_REMOVE, user_id)
    return row is not None and row["sealed_secret"] is not None


async def count_by_key(db: Runs, now: float) -> Mapping[bytes, int]:
    """Return how many secrets, those that wait included, are sealed under each key, by its id; looks at all of them."""
    return {row["key_id"]: int(row["apps"]) for row in await db.all(_COUNT_BY_KEY, now)}
