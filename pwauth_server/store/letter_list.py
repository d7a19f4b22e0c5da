"""The mail queue as it is read: what waits, what failed and why; never what a letter says (SEC-92)."""

from collections.abc import Sequence
from uuid import UUID

from pwauth_server.store.fields import as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx

_COLUMNS = "id, kind, recipient, status, attempts, next_attempt_at, created_at, expires_at, finished_at, last_error, transport"
_CONDITIONS = ("status = ?", "kind = ?", "recipient = ?")
_ALL = Sql("all_letters", f"SELECT {_COLUMNS} FROM email_queue ORDER BY id DESC")
_OF = Sql("letters_of", f"SELECT {_COLUMNS} FROM email_queue WHERE recipient = ? ORDER BY id DESC LIMIT ?")
_ONE = Sql("one_letter", f"SELECT {_COLUMNS} FROM email_queue WHERE id = ?")
# What is being sent right now is in other hands.
_FORGET = Sql("forget_letter", "DELETE FROM email_queue WHERE id = ? AND recipient = ? AND status <> 'sending'")


async def page(
    db: Runs, *, status: str | None = None, kind: str | None = None, recipient: str | None = None, limit: int, offset: int = 0
) -> Sequence[Row]:
    """Return letters without bodies, newest first; None: any."""
    where, values = _where(status, kind, recipient)
    rows: Sequence[Row] = await db.all(
        Sql("find_letters", f"SELECT {_COLUMNS} FROM email_queue {where} ORDER BY id DESC LIMIT ? OFFSET ?"), *values, limit, offset
    )
    return rows


async def count(db: Runs, *, status: str | None, kind: str | None, recipient: str | None) -> int:
    """Return how many letters all pages together have."""
    where, values = _where(status, kind, recipient)
    row = await db.one(Sql("count_found_letters", f"SELECT COUNT(*) AS n FROM email_queue {where}"), *values)
    return int(row["n"]) if row else 0


async def to(db: Runs, recipient: str, *, limit: int) -> Sequence[Row]:
    """Return the letters to an address that are still listed, newest first."""
    rows: Sequence[Row] = await db.all(_OF, recipient, limit)
    return rows


async def all_of(db: Runs) -> Sequence[Row]:
    """Return every letter that is still listed, newest first, without its body."""
    rows: Sequence[Row] = await db.all(_ALL)
    return rows


async def find(db: Runs, letter_id: UUID) -> Row | None:
    """Return a letter that is still listed, without its body."""
    return await db.one(_ONE, letter_id)


async def forget(tx: Tx, recipient: str, letters: Sequence[UUID]) -> None:
    """Delete letters to an address by their ids."""
    for letter_id in letters:
        await tx.run(_FORGET, letter_id, recipient)


def ids_of(rows: Sequence[Row]) -> list[UUID]:
    """Return the ids of listed letters."""
    return [as_uuid(row["id"]) for row in rows]


def _where(*values: str | None) -> tuple[str, list[str]]:
    given = [(condition, value) for condition, value in zip(_CONDITIONS, values, strict=True) if value is not None]
    text = " AND ".join(condition for condition, _ in given)
    return f"WHERE {text}" if text else "", [value for _, value in given]
