"""Sessions: one row for each sign-in; the refresh token is only a counter in it (SEC-50, SEC-54)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.rules import assurance, ids
from pwauth_server.store.fields import Uuid, as_uuid, words
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import UserRow


class SessionRow(Model):
    """The table ``sessions``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    user: fields.ForeignKeyRelation[UserRow] = fields.ForeignKeyField("models.UserRow", on_delete=fields.CASCADE)
    generation = fields.BigIntField(default=0)
    created_at = fields.FloatField()
    auth_time = fields.FloatField()
    amr = fields.CharField(max_length=100)
    acr = fields.CharField(max_length=40)
    ip = fields.CharField(max_length=45)
    browser = fields.CharField(max_length=60)
    last_used_at = fields.FloatField()
    #: When the live generation was issued.
    rotated_at = fields.FloatField()
    #: Idle end; every rotation moves it, never past `absolute_expires_at`.
    expires_at = fields.FloatField()
    absolute_expires_at = fields.FloatField()
    ended_at = fields.FloatField(null=True)
    end_reason = fields.CharField(max_length=20, null=True)

    class Meta:
        """A person's sessions are looked up by person; nothing a rotation writes is indexed."""

        table = "sessions"
        indexes = (("user_id", "id"),)


class Session(NamedTuple):
    """A session with what its owner's tokens say. A frozen dataclass would take three times as long to make."""

    id: UUID
    user_id: UUID
    email: str
    verified: bool
    disabled: bool
    roles: tuple[str, ...]
    generation: int
    created_at: float
    auth_time: float
    amr: tuple[str, ...]
    acr: str
    ip: str
    browser: str
    last_used_at: float
    rotated_at: float
    expires_at: float
    absolute_expires_at: float
    ended: bool
    #: Changes whenever keys change: see `store/epoch.py`.
    epoch: int

    def __hash__(self) -> int:
        """Hash by id; equality still looks at everything."""
        return hash(self.id)

    def is_live(self, now: float) -> bool:
        """Tell whether this session counts at ``now`` (SEC-09, SEC-53)."""
        return not self.ended and not self.disabled and now < self.expires_at


# In the order of the fields of `Session`.
_SELECT = """SELECT s.id, s.user_id, u.email, u.verified_at, u.disabled_at, u.roles, s.generation, s.created_at,
    s.auth_time, s.amr, s.acr, s.ip, s.browser, s.last_used_at, s.rotated_at, s.expires_at, s.absolute_expires_at,
    s.ended_at, (SELECT number FROM server_state WHERE name = 'epoch') AS epoch
    FROM sessions s JOIN users u ON u.id = s.user_id"""
_FIND = Sql("find_session", f"{_SELECT} WHERE s.id = ?")
_LIST = Sql("list_sessions", f"{_SELECT} WHERE s.user_id = ? AND s.ended_at IS NULL AND s.expires_at > ? ORDER BY s.id DESC LIMIT 100")
_NEWEST = Sql("list_newest_sessions", f"{_SELECT} WHERE s.ended_at IS NULL AND s.expires_at > ? ORDER BY s.id DESC LIMIT ? OFFSET ?")
_COUNT = Sql("count_sessions", "SELECT COUNT(*) AS n FROM sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > ?")
_COUNT_ALL = Sql("count_all_sessions", "SELECT COUNT(*) AS n FROM sessions WHERE ended_at IS NULL AND expires_at > ?")
_CREATE = Sql(
    "create_session",
    """INSERT INTO sessions (id, user_id, generation, created_at, auth_time, amr, acr, ip, browser,
    last_used_at, rotated_at, expires_at, absolute_expires_at) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
)
# The comparison with the presented generation makes this a compare-and-swap: of fifty parallel
# refreshes one moves the counter, the others find it moved. It asks all that could forbid it, and
# answers with the whole session: the heartbeat of every client is this one statement.
_ROTATE = Sql(
    "rotate_session",
    """UPDATE sessions SET generation = generation + 1, rotated_at = ?, last_used_at = ?,
    expires_at = CASE WHEN absolute_expires_at < ? THEN absolute_expires_at ELSE ? END
    WHERE id = ? AND generation = ? AND ended_at IS NULL AND expires_at > ?
    AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL)
    RETURNING id, user_id, (SELECT u.email FROM users u WHERE u.id = sessions.user_id) AS email,
    (SELECT u.verified_at FROM users u WHERE u.id = sessions.user_id) AS verified_at, NULL AS disabled_at,
    (SELECT u.roles FROM users u WHERE u.id = sessions.user_id) AS roles, generation, created_at,
    auth_time, amr, acr, ip, browser, last_used_at, rotated_at, expires_at, absolute_expires_at,
    ended_at, (SELECT number FROM server_state WHERE name = 'epoch') AS epoch""",
)
_TOUCH = Sql("touch_session", "UPDATE sessions SET last_used_at = ?, expires_at = ? WHERE id = ? AND ended_at IS NULL")
_END = Sql("end_session", "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL")
_END_OTHERS = Sql(
    "end_other_sessions",
    "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE user_id = ? AND id <> ? AND ended_at IS NULL AND expires_at > ? RETURNING id",
)
_HISTORY = Sql(
    "session_history",
    """SELECT id, created_at, last_used_at, expires_at, ended_at, end_reason, ip, browser, amr
    FROM sessions WHERE user_id = ? ORDER BY id DESC LIMIT ?""",
)
_PURGE = Sql(
    "purge_sessions",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id < ? AND absolute_expires_at < ? ORDER BY id LIMIT ?)",
)


async def create(tx: Tx, session: Session) -> None:
    """Store a new session at generation 0."""
    s = session
    await tx.run(
        _CREATE, s.id, s.user_id, s.created_at, s.auth_time, " ".join(s.amr), s.acr, s.ip, s.browser,
        s.last_used_at, s.rotated_at, s.expires_at, s.absolute_expires_at,
    )  # fmt: skip


async def find(db: Runs, session_id: UUID) -> Session | None:
    """Return a session, live or not."""
    row = await db.one(_FIND, session_id)
    return None if row is None else _session(*_values(row))


async def live_of(db: Runs, user_id: UUID, now: float) -> list[Session]:
    """Return a person's live sessions, newest first, 100 at the most."""
    return [_session(*_values(row)) for row in await db.all(_LIST, user_id, now)]


async def newest(db: Runs, now: float, *, limit: int, offset: int) -> list[Session]:
    """Return live sessions of everybody, the newest first."""
    return [_session(*_values(row)) for row in await db.all(_NEWEST, now, limit, offset)]


async def count_live_of(db: Runs, user_id: UUID, now: float) -> int:
    """Return how many live sessions a person has."""
    row = await db.one(_COUNT, user_id, now)
    return int(row["n"]) if row else 0


async def count_live(db: Runs, now: float) -> int:
    """Return how many sessions are live in all."""
    row = await db.one(_COUNT_ALL, now)
    return int(row["n"]) if row else 0


async def rotate(tx: Tx, session_id: UUID, *, generation: int, now: float, idle: float) -> Session | None:
    """Move a live session from ``generation`` to the next and return it; None if it is not there or not live.

    The idle life of ``idle`` seconds starts anew, never past the absolute end (SEC-53).
    """
    row = await tx.one(_ROTATE, now, now, now + idle, now + idle, session_id, generation, now)
    # A row that was just written reads like none before: no use in looking for it, or in keeping it.
    return None if row is None else _session.__wrapped__(*_values(row))


async def touch(tx: Tx, session_id: UUID, *, now: float, expires_at: float) -> None:
    """Move the idle end of a session that a browser holds by cookie."""
    await tx.run(_TOUCH, now, expires_at, session_id)


async def end(tx: Tx, session_id: UUID, *, now: float, reason: str) -> bool:
    """End a session; False if it was over already."""
    return await tx.run(_END, now, reason, session_id) == 1


async def end_others(tx: Tx, user_id: UUID, *, keep: UUID, now: float, reason: str) -> list[UUID]:
    """End all sessions of a person but one; return their ids."""
    return [as_uuid(row["id"]) for row in await tx.all(_END_OTHERS, now, reason, user_id, keep, now)]


async def end_all(tx: Tx, user_id: UUID, *, now: float, reason: str) -> list[UUID]:
    """End all sessions of a person; return their ids."""
    return await end_others(tx, user_id, keep=ids.NIL, now=now, reason=reason)


async def history(db: Runs, user_id: UUID, *, limit: int) -> Sequence[Row]:
    """Return a person's sessions that are still kept, over or not, newest first."""
    rows: Sequence[Row] = await db.all(_HISTORY, user_id, limit)
    return rows


async def purge(tx: Tx, *, below: UUID, now: float, limit: int) -> int:
    """Delete sessions that were created before the id ``below`` and whose absolute life is over."""
    return await tx.run(_PURGE, below, now, limit)


def _values(row: Row) -> Iterable[Any]:
    # PostgreSQL's driver hands out dicts, which iterate over names; a `sqlite3.Row` over values.
    return row.values() if isinstance(row, dict) else row


@lru_cache(maxsize=4096)
def _session(*values: Any) -> Session:
    """Return what a row says; a row that reads the same is the same session, so it is put together once."""
    (session_id, user_id, email, verified_at, disabled_at, roles, generation, created_at, auth_time, amr, *rest) = values
    (acr, ip, browser, last_used_at, rotated_at, expires_at, absolute_expires_at, ended_at, epoch) = rest
    return Session(
        id=as_uuid(session_id),
        user_id=as_uuid(user_id),
        email=email,
        verified=verified_at is not None,
        disabled=disabled_at is not None,
        roles=assurance.roles(words(roles), acr),
        generation=generation,
        created_at=created_at,
        auth_time=auth_time,
        amr=words(amr),
        acr=acr,
        ip=ip,
        browser=browser,
        last_used_at=last_used_at,
        rotated_at=rotated_at,
        expires_at=expires_at,
        absolute_expires_at=absolute_expires_at,
        ended=ended_at is not None,
        epoch=epoch,
    )
