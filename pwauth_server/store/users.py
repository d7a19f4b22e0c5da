"""People: one row for each mailbox, proven or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid, as_uuid, words
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx


class UserRow(Model):
    """The table ``users``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    email = fields.CharField(max_length=254, unique=True)
    name = fields.CharField(max_length=100, default="")
    roles = fields.CharField(max_length=200, default="", db_index=True)
    created_at = fields.FloatField()
    verified_at = fields.FloatField(null=True)
    disabled_at = fields.FloatField(null=True)
    last_sign_in_at = fields.FloatField(null=True)
    #: What authenticators know a person by: 64 random bytes that mean nothing (WebAuthn L3 section 14.6.1).
    handle = fields.BinaryField(null=True)
    #: Wrong one-time and recovery codes in a row.
    code_failures = fields.IntField(db_default=0)
    #: Since when this person wants no sign-in letters.
    mail_off_at = fields.FloatField(null=True)
    #: When the account was taken over from the Rust server; null for all others.
    imported_at = fields.FloatField(null=True)

    class Meta:
        """Those that nobody has proven are found among all others: every minute somebody looks for them."""

        table = "users"
        indexes = (("verified_at", "imported_at"),)


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
    #: Whether sign-in letters are sent and their links count.
    mail_sign_in: bool
    #: Whether the account was taken over from the Rust server.
    imported: bool


_COLUMNS = "id, email, name, roles, created_at, verified_at, disabled_at, mail_off_at, imported_at"
_FIND = Sql("find_user", f"SELECT {_COLUMNS} FROM users WHERE id = ?")
_FIND_BY_EMAIL = Sql("find_user_by_email", f"SELECT {_COLUMNS} FROM users WHERE email = ?")
_LOCK = Sql("lock_user", "SELECT id FROM users WHERE id = ?")
_LOCK_BY_EMAIL = Sql("lock_user_by_email", "SELECT id FROM users WHERE email = ?")
# Two first sign-ins of one address race: the second finds the row of the first (SEC-05).
_CREATE = Sql(
    "create_user",
    """INSERT INTO users (id, email, name, roles, created_at, verified_at)
    VALUES (?, ?, '', '', ?, ?) ON CONFLICT (email) DO NOTHING RETURNING """
    + _COLUMNS,
)
# Neither the address nor the id may be anybody's.
_IMPORT = Sql(
    "import_user",
    """INSERT INTO users (id, email, name, roles, created_at, verified_at, handle, imported_at)
    VALUES (?, ?, '', '', ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING """
    + _COLUMNS,
)
_SIGNED_IN = Sql("user_signed_in", "UPDATE users SET last_sign_in_at = ? WHERE id = ?")
_HAS_SIGNED_IN = Sql("has_signed_in", "SELECT 1 AS one FROM users WHERE id = ? AND last_sign_in_at IS NOT NULL")
_VERIFY = Sql("verify_user", "UPDATE users SET verified_at = ? WHERE id = ?")
# Sessions, passkeys, one-time passwords, recovery codes and ceremonies go with the row.
_DELETE = Sql("delete_user", "DELETE FROM users WHERE id = ?")
_PURGE_UNVERIFIED = Sql(
    "purge_unverified_users",
    """DELETE FROM users WHERE id IN
    (SELECT id FROM users WHERE verified_at IS NULL AND imported_at IS NULL AND created_at < ? ORDER BY id LIMIT ?) RETURNING id""",
)
_SET_ROLES = Sql("set_roles", "UPDATE users SET roles = ? WHERE id = ?")
_SET_MAIL = Sql("set_mail_sign_in", "UPDATE users SET mail_off_at = ? WHERE id = ?")
# An admin is somebody among whose words is that one; most people have no role, and are not looked at.
_HAS_ROLE = "roles > '' AND ' ' || roles || ' ' LIKE '% ' || ? || ' %'"
_WITH_ROLE = Sql("users_with_role", f"SELECT {_COLUMNS} FROM users WHERE {_HAS_ROLE} ORDER BY email")
_ANY_WITH_ROLE = Sql("any_user_with_role", f"SELECT 1 AS one FROM users WHERE {_HAS_ROLE} LIMIT 1")
_LOCK_WITH_ROLE = Sql("lock_users_with_role", f"SELECT id FROM users WHERE id = ? OR ({_HAS_ROLE}) ORDER BY id")
_SET_DISABLED = Sql("set_disabled", "UPDATE users SET disabled_at = ? WHERE id = ?")
_MAIL_OFF_AT = Sql("mail_off_at", "SELECT mail_off_at FROM users WHERE id = ?")
_FIND_HANDLE = Sql("find_handle", "SELECT handle FROM users WHERE id = ?")
# Given once and kept: authenticators would take another one for another person (SEC-44).
_GIVE_HANDLE = Sql("give_handle", "UPDATE users SET handle = COALESCE(handle, ?) WHERE id = ? RETURNING handle")
_RENAME = Sql("rename_user", "UPDATE users SET name = ? WHERE id = ?")


async def find(db: Runs, user_id: UUID) -> User | None:
    """Return a person by id."""
    return _user(await db.one(_FIND, user_id))


async def find_by_email(db: Runs, email: str) -> User | None:
    """Return a person by canonical address."""
    return _user(await db.one(_FIND_BY_EMAIL, email))


async def hold(tx: Tx, user_id: UUID) -> User | None:
    """Return a person as they are now; nobody else changes the account until this transaction ends."""
    await tx.lock(_LOCK, user_id)
    return await find(tx, user_id)


async def hold_by_email(tx: Tx, email: str) -> User | None:
    """Return the person of a canonical address as they are now; nobody else changes the account until this transaction ends."""
    await tx.lock(_LOCK_BY_EMAIL, email)
    return await find_by_email(tx, email)


async def find_or_create(tx: Tx, *, user_id: UUID, email: str, now: float, verified: bool = True) -> tuple[User, bool]:
    """Return the person of a mailbox, and whether the row is new; ``verified`` says whether the mailbox was just proven."""
    created = _user(await tx.one(_CREATE, user_id, email, now, now if verified else None))
    found = created or await find_by_email(tx, email)
    if found is None:  # unreachable while email is unique
        raise LookupError("users")
    return found, created is not None


async def take_over(
    tx: Tx, *, user_id: UUID, email: str, created_at: float, verified_at: float | None, handle: bytes, now: float
) -> User | None:
    """Store the account of another server; None if address or id is somebody's already."""
    return _user(await tx.one(_IMPORT, user_id, email, created_at, verified_at, handle, now))


async def has_signed_in(tx: Tx, user_id: UUID) -> bool:
    """Tell whether anybody ever signed in to an account here."""
    return await tx.one(_HAS_SIGNED_IN, user_id) is not None


async def record_sign_in(tx: Tx, user_id: UUID, now: float) -> None:
    """Remember when a person last signed in."""
    await tx.run(_SIGNED_IN, now, user_id)


async def verify(tx: Tx, user_id: UUID, now: float) -> None:
    """Remember that a person has proven to hold the mailbox."""
    await tx.run(_VERIFY, now, user_id)


async def delete(tx: Tx, user_id: UUID) -> bool:
    """Delete a person with everything that belongs to the account; False if somebody was faster.

    The id is never given to anybody again.
    """
    return await tx.run(_DELETE, user_id) == 1


async def purge_unverified(tx: Tx, *, before: float, limit: int) -> list[UUID]:
    """Delete accounts that were made here before and whose mailbox nobody has proven; return their ids (SEC-07)."""
    return [as_uuid(row["id"]) for row in await tx.all(_PURGE_UNVERIFIED, before, limit)]


async def set_roles(tx: Tx, user_id: UUID, roles: Sequence[str]) -> None:
    """Give a person exactly these roles."""
    await tx.run(_SET_ROLES, " ".join(sorted(set(roles))), user_id)


async def with_role(db: Runs, role: str) -> list[User]:
    """Return everybody who has a role, by address."""
    return [user for row in await db.all(_WITH_ROLE, role) if (user := _user(row))]


async def is_any_with(db: Runs, role: str) -> bool:
    """Tell whether anybody has a role."""
    return await db.one(_ANY_WITH_ROLE, role) is not None


async def hold_with(tx: Tx, user_id: UUID, role: str) -> User | None:
    """Return a person as they are now; until this transaction ends nobody else changes them, or anybody who has a role.

    All in one statement and in one order: two that want the same people wait for each other, not both.
    """
    await tx.lock(_LOCK_WITH_ROLE, user_id, role)
    return await find(tx, user_id)


async def set_disabled(tx: Tx, user_id: UUID, *, at: float | None) -> None:
    """Shut a person out from ``at`` on, or with None let them in again."""
    await tx.run(_SET_DISABLED, at, user_id)


async def set_mail_sign_in(tx: Tx, user_id: UUID, *, off_at: float | None) -> None:
    """Stop sign-in letters to a person from ``off_at`` on, or with None send them again."""
    await tx.run(_SET_MAIL, off_at, user_id)


async def mail_off_since(tx: Tx, user_id: UUID) -> float | None:
    """Return since when a person wants no sign-in letters; None if they are sent."""
    row = await tx.one(_MAIL_OFF_AT, user_id)
    return row["mail_off_at"] if row else None


async def find_handle(db: Runs, user_id: UUID) -> bytes | None:
    """Return what authenticators know a person by; None if no passkey was ever asked for."""
    row = await db.one(_FIND_HANDLE, user_id)
    return row["handle"] if row else None


async def give_handle(tx: Tx, user_id: UUID, fresh: bytes) -> bytes:
    """Return what authenticators know a person by: ``fresh`` random bytes if they know nothing yet."""
    row = await tx.one(_GIVE_HANDLE, fresh, user_id)
    if row is None:
        raise LookupError("users")
    return bytes(row["handle"])


async def rename(tx: Tx, user_id: UUID, name: str) -> None:
    """Set a person's name."""
    await tx.run(_RENAME, name, user_id)


def _user(row: Row | None) -> User | None:
    return None if row is None else from_row(row)


def from_row(row: Row) -> User:
    """Return the person that a row with all columns of `users` tells of."""
    return User(
        id=as_uuid(row["id"]),
        email=row["email"],
        name=row["name"],
        roles=words(row["roles"]),
        created_at=row["created_at"],
        verified=row["verified_at"] is not None,
        disabled=row["disabled_at"] is not None,
        mail_sign_in=row["mail_off_at"] is None,
        imported=row["imported_at"] is not None,
    )
