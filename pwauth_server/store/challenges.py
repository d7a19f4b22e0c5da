"""Ceremonies that have begun: challenges for passkeys, sign-ins that wait for a second factor (SEC-40).

Each is taken by deleting its row, so nobody can use one twice. A passkey's answer takes its challenge whether it is
right or wrong; a sign-in that waits for a second factor outlives wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid, as_uuid, words
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import UserRow

#: Rows at the most that anybody can make, by asking for a challenge to sign in; beyond that the oldest of these give way
#: (SEC-41). What only somebody can begin who has shown something does not give way to strangers; limits keep it few.
MAX_ROWS = 10_000


class Purpose(StrEnum):
    """What a ceremony is for; none can stand in for another."""

    PASSKEY_REGISTRATION = "passkey_registration"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    SECOND_FACTOR = "second_factor"


class ChallengeRow(Model):
    """The table ``challenges``; its id is part of the `pending_id`; times in Unix seconds."""

    id = Uuid(primary_key=True)
    purpose = fields.CharField(max_length=20)
    #: Hash of the secret in the `pending_id`.
    secret_hash = fields.BinaryField()
    challenge = fields.BinaryField(null=True)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField("models.UserRow", null=True, on_delete=fields.CASCADE)
    #: Who must finish it: null where anybody may.
    session_id = Uuid(null=True)
    #: Whether an address was named: then only its owner's passkey counts, and for a stranger's none does.
    is_named = fields.BooleanField()
    #: What was shown already, and how: for a second factor.
    amr = fields.CharField(max_length=100)
    return_to = fields.CharField(max_length=2048, null=True)
    expires_at = fields.FloatField()

    class Meta:
        """What is over is found by its end."""

        table = "challenges"
        indexes = (("expires_at",),)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A ceremony that has begun."""

    id: UUID
    purpose: Purpose
    secret_hash: bytes
    expires_at: float
    challenge: bytes | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    is_named: bool = False
    amr: tuple[str, ...] = ()
    return_to: str | None = None


_COLUMNS = "id, purpose, secret_hash, challenge, user_id, session_id, is_named, amr, return_to, expires_at"
_CREATE = Sql("create_challenge", f"INSERT INTO challenges ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
_FIND = Sql("find_challenge", f"SELECT {_COLUMNS} FROM challenges WHERE id = ?")
_TAKE = Sql("take_challenge", f"DELETE FROM challenges WHERE id = ? RETURNING {_COLUMNS}")
_TAKE_ALL_OF = Sql("take_challenges_of", "DELETE FROM challenges WHERE user_id = ?")
_PURGE = Sql("purge_challenges", "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at < ? LIMIT ?)")
_LIST = Sql(
    "list_challenges",
    """SELECT c.id, c.purpose, c.user_id, u.email, c.is_named, c.expires_at
    FROM challenges c LEFT JOIN users u ON u.id = c.user_id WHERE c.expires_at > ? ORDER BY c.id DESC LIMIT ? OFFSET ?""",
)
_MAKE_ROOM = Sql(
    "make_room_for_challenge",
    """DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE purpose = 'passkey_sign_in' ORDER BY id LIMIT
    (SELECT CASE WHEN COUNT(*) < ? THEN 0 ELSE 1 + COUNT(*) - ? END FROM challenges WHERE purpose = 'passkey_sign_in'))""",
)


async def create(tx: Tx, it: Challenge) -> None:
    """Store a ceremony; of those that anybody can begin the oldest gives way to it if there are too many."""
    if it.purpose is Purpose.PASSKEY_SIGN_IN:
        await tx.run(_MAKE_ROOM, MAX_ROWS, MAX_ROWS)
    await tx.run(
        _CREATE, it.id, it.purpose.value, it.secret_hash, it.challenge, it.user_id, it.session_id, it.is_named,
        " ".join(it.amr), it.return_to, it.expires_at,
    )  # fmt: skip


async def find(db: Runs, challenge_id: UUID) -> Challenge | None:
    """Return a ceremony without using it up."""
    return _challenge(await db.one(_FIND, challenge_id))


async def take(tx: Tx, challenge_id: UUID) -> Challenge | None:
    """Use a ceremony up and return it, live or not; None for everybody but the first."""
    return _challenge(await tx.one(_TAKE, challenge_id))


async def take_all_of(tx: Tx, user_id: UUID) -> None:
    """Use up every ceremony that began for a person."""
    await tx.run(_TAKE_ALL_OF, user_id)


async def page(db: Runs, *, now: float, limit: int, offset: int) -> Sequence[Row]:
    """Return what is under way, without any secret, newest first."""
    rows: Sequence[Row] = await db.all(_LIST, now, limit, offset)
    return rows


async def purge(tx: Tx, *, now: float, limit: int) -> int:
    """Delete ceremonies that are over; return how many."""
    return await tx.run(_PURGE, now, limit)


def _challenge(row: Row | None) -> Challenge | None:
    if row is None:
        return None
    return Challenge(
        id=as_uuid(row["id"]),
        purpose=Purpose(row["purpose"]),
        secret_hash=row["secret_hash"],
        expires_at=row["expires_at"],
        challenge=row["challenge"],
        user_id=as_uuid(row["user_id"]),
        session_id=as_uuid(row["session_id"]),
        is_named=bool(row["is_named"]),
        amr=words(row["amr"]),
        return_to=row["return_to"],
    )
