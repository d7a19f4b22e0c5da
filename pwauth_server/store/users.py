"""People: one row for each proven mailbox."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx


class UserRow(Model):
    """The table ``users``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    email = fields.CharField(max_length=254, unique=True)
    name = fields.CharField(max_length=100, default="")
    roles = fields.CharField(max_length=200, default="")
    created_at = fields.FloatField()
    verified_at = fields.FloatField(null=True)
    disabled_at = fields.FloatField(null=True)
    last_sign_in_at = fields.FloatField(null=True)

    class Meta:
        """Name of the table."""

        table = "users"


@dataclass(frozen=True, slots=True)
class User:
    """A person as flows see them."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: float
    verified: bool
    disabled: bool


_COLUMNS = "id, email, name, roles, created_at, verified_at, disabled_at"
_FIND = Sql("find_user", f"SELECT {_COLUMNS} FROM users WHERE id = ?")
_FIND_BY_EMAIL = Sql("find_user_by_email", f"SELECT {_COLUMNS} FROM users WHERE email = ?")
# Two first sign-ins of one address race: the second finds the row of the first (SEC-05).
_CREATE = Sql(
    "create_user",
    """INSERT INTO users (id, email, name, roles, created_at, verified_at)
    VALUES (?, ?, '', '', ?, ?) ON CONFLICT (email) DO NOTHING RETURNING """
    + _COLUMNS,
)
_SIGNED_IN = Sql("user_signed_in", "UPDATE users SET last_sign_in_at = ?, verified_at = COALESCE(verified_at, ?) WHERE id = ?")
_RENAME = Sql("rename_user", "UPDATE users SET name = ? WHERE id = ?")


async def find(db: Runs, user_id: UUID) -> User | None:
    """Return a person by id."""
    return _user(await db.one(_FIND, user_id))


async def find_by_email(db: Runs, email: str) -> User | None:
    """Return a person by canonical address."""
    return _user(await db.one(_FIND_BY_EMAIL, email))


async def find_or_create(tx: Tx, *, user_id: UUID, email: str, now: float) -> tuple[User, bool]:
    """Return the person of a mailbox that was just proven, and whether the row is new."""
    created = _user(await tx.one(_CREATE, user_id, email, now, now))
    found = created or await find_by_email(tx, email)
    if found is None:  # unreachable while email is unique
        raise LookupError("users")
    return found, created is not None


async def record_sign_in(tx: Tx, user_id: UUID, now: float) -> None:
    """Remember when a person last signed in; the mailbox counts as proven from the first time."""
    await tx.run(_SIGNED_IN, now, now, user_id)


async def rename(tx: Tx, user_id: UUID, name: str) -> None:
    """Set a person's name."""
    await tx.run(_RENAME, name, user_id)


def _user(row: Row | None) -> User | None:
    if row is None:
        return None
    return User(
        id=as_uuid(row["id"]),
        email=row["email"],
        name=row["name"],
        roles=split(row["roles"]),
        created_at=row["created_at"],
        verified=row["verified_at"] is not None,
        disabled=row["disabled_at"] is not None,
    )


def split(text: Any) -> tuple[str, ...]:
    """Read a column that holds words separated by blanks."""
    return tuple(text.split())
