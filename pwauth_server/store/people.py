"""People as administration looks at them: found by a word, page by page, with figures; read only (SEC-78)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pwauth_server.rules import ids
from pwauth_server.store.fields import as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs
from pwauth_server.store.users import User, from_row


@dataclass(frozen=True, slots=True)
class Profile:
    """A person, and when they were last here (Unix seconds)."""

    user: User
    last_sign_in_at: float | None
    disabled_at: float | None


@dataclass(frozen=True, slots=True)
class PasskeyInfo:
    """A passkey without anything that a signature is checked with."""

    id: UUID
    name: str
    created_at: float
    last_used_at: float | None
    #: Whether a provider synchronises it.
    backed_up: bool
    #: Whether its owner disowned it.
    suspended: bool


_COLUMNS = "id, email, name, roles, created_at, verified_at, disabled_at, mail_off_at, imported_at, last_sign_in_at"
# `q` is text, never a pattern: its own wildcards are escaped, so that "%" finds nobody (SEC-78).
_MATCHES = "(email LIKE ? ESCAPE '!' OR LOWER(name) LIKE ? ESCAPE '!' OR id = ?)"
_LIST = Sql("list_users", f"SELECT {_COLUMNS} FROM users ORDER BY email LIMIT ? OFFSET ?")
_COUNT = Sql("count_users", "SELECT COUNT(*) AS n FROM users")
_SEARCH = Sql("search_users", f"SELECT {_COLUMNS} FROM users WHERE {_MATCHES} ORDER BY email LIMIT ? OFFSET ?")
_COUNT_FOUND = Sql("count_found_users", f"SELECT COUNT(*) AS n FROM users WHERE {_MATCHES}")
_FIND = Sql("find_profile", f"SELECT {_COLUMNS} FROM users WHERE id = ?")
_AFTER = Sql("next_profiles", f"SELECT {_COLUMNS} FROM users WHERE id > ? ORDER BY id LIMIT ?")
_PASSKEYS = Sql(
    "list_passkeys_of",
    "SELECT id, name, created_at, last_used_at, backed_up, suspended_at FROM passkeys WHERE user_id = ? ORDER BY id LIMIT 100",
)
_FIGURES = Sql(
    "figures_of_users",
    """SELECT COUNT(*) AS total, COUNT(verified_at) AS verified, COUNT(disabled_at) AS disabled,
    COUNT(CASE WHEN ' ' || roles || ' ' LIKE '% admin %' THEN 1 END) AS admins,
    (SELECT COUNT(DISTINCT user_id) FROM passkeys) AS with_passkey,
    (SELECT COUNT(*) FROM totp WHERE sealed_secret IS NOT NULL) AS with_totp FROM users""",
)


async def page(db: Runs, *, q: str, limit: int, offset: int) -> list[Profile]:
    """Return people by address: those whose address or name holds ``q`` or whose id it is, or everybody."""
    rows = await (db.all(_SEARCH, *_pattern(q), limit, offset) if q else db.all(_LIST, limit, offset))
    return [_profile(row) for row in rows]


async def count(db: Runs, *, q: str) -> int:
    """Return how many people all pages together have."""
    row = await (db.one(_COUNT_FOUND, *_pattern(q)) if q else db.one(_COUNT))
    return int(row["n"]) if row else 0


async def find(db: Runs, user_id: UUID) -> Profile | None:
    """Return a person by id."""
    row = await db.one(_FIND, user_id)
    return None if row is None else _profile(row)


async def after(db: Runs, user_id: UUID, *, limit: int) -> list[Profile]:
    """Return the people whose ids come after one, in their order."""
    return [_profile(row) for row in await db.all(_AFTER, user_id, limit)]


async def passkeys_of(db: Runs, user_id: UUID) -> list[PasskeyInfo]:
    """Return a person's passkeys, disowned ones too, the oldest first."""
    rows: Sequence[Row] = await db.all(_PASSKEYS, user_id)
    return [
        PasskeyInfo(
            as_uuid(row["id"]), row["name"], row["created_at"], row["last_used_at"], bool(row["backed_up"]), row["suspended_at"] is not None
        )
        for row in rows
    ]


async def figures(db: Runs) -> Mapping[str, int]:
    """Return how many people there are: total, verified, disabled, admins, with_passkey, with_totp."""
    row = await db.one(_FIGURES)
    return {name: int(row[name]) for name in ("total", "verified", "disabled", "admins", "with_passkey", "with_totp")} if row else {}


def _pattern(q: str) -> tuple[str, str, UUID]:
    escaped = q.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%", f"%{escaped}%", ids.parse(q) or ids.NIL


def _profile(row: Row) -> Profile:
    return Profile(from_row(row), row["last_sign_in_at"], row["disabled_at"])
