"""Invitations: addresses that may sign up until a moment, whatever `signup` says (SEC-08)."""

from dataclasses import dataclass
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx


class InviteRow(Model):
    """The table ``invites``; times in Unix seconds. A row opens nothing: it makes an address welcome."""

    id = Uuid(primary_key=True)
    email = fields.CharField(max_length=254, unique=True)
    #: Who invites: `key:` or `user:` and an id.
    invited_by = fields.CharField(max_length=45)
    created_at = fields.FloatField()
    expires_at = fields.FloatField()

    class Meta:
        """Name of the table."""

        table = "invites"


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation."""

    id: UUID
    email: str
    invited_by: str
    created_at: float
    expires_at: float


_COLUMNS = "id, email, invited_by, created_at, expires_at"
# Inviting again moves the end; it stays the same invitation.
_PUT = Sql(
    "put_invite",
    f"""INSERT INTO invites ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (email) DO UPDATE SET invited_by = excluded.invited_by, expires_at = excluded.expires_at RETURNING {_COLUMNS}""",
)
_IS_WELCOME = Sql("is_invited", "SELECT 1 AS one FROM invites WHERE email = ? AND expires_at > ?")
_LIST = Sql("list_invites", f"SELECT {_COLUMNS} FROM invites WHERE expires_at > ? ORDER BY id DESC LIMIT ? OFFSET ?")
_COUNT = Sql("count_invites", "SELECT COUNT(*) AS n FROM invites WHERE expires_at > ?")
_WITHDRAW = Sql("withdraw_invite", "DELETE FROM invites WHERE id = ?")
_USE = Sql("use_invite", "DELETE FROM invites WHERE email = ? RETURNING id")
_PURGE = Sql("purge_invites", "DELETE FROM invites WHERE id IN (SELECT id FROM invites WHERE expires_at <= ? LIMIT ?)")


async def put(tx: Tx, it: Invite) -> Invite:
    """Invite an address, or move the end of its invitation; return what is in force."""
    row = await tx.one(_PUT, it.id, it.email, it.invited_by, it.created_at, it.expires_at)
    return it if row is None else _invite(row)


async def is_invited(db: Runs, email: str, now: float) -> bool:
    """Tell whether a canonical address is invited at ``now``."""
    return await db.one(_IS_WELCOME, email, now) is not None


async def page(db: Runs, *, now: float, limit: int, offset: int) -> list[Invite]:
    """Return open invitations, newest first."""
    return [_invite(row) for row in await db.all(_LIST, now, limit, offset)]


async def count(db: Runs, now: float) -> int:
    """Return how many invitations are open."""
    row = await db.one(_COUNT, now)
    return int(row["n"]) if row else 0


async def withdraw(tx: Tx, invite_id: UUID) -> bool:
    """Take an invitation back; False if there is none."""
    return await tx.run(_WITHDRAW, invite_id) == 1


async def use(tx: Tx, email: str) -> UUID | None:
    """Use up the invitation of an address, over or not; return its id, None if there is none."""
    row = await tx.one(_USE, email)
    return as_uuid(row["id"]) if row else None


async def purge(tx: Tx, *, now: float, limit: int) -> int:
    """Delete invitations that are over; return how many."""
    return await tx.run(_PURGE, now, limit)


def _invite(row: Row) -> Invite:
    return Invite(as_uuid(row["id"]), row["email"], row["invited_by"], row["created_at"], row["expires_at"])
