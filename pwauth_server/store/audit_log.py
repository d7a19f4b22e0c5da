"""The audit log as it is read: newest first, filtered, page by page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pwauth_server.rules.moments import rfc3339
from pwauth_server.store.fields import as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit log; `email` is the person's present address, None once the account is gone."""

    id: int
    at: float
    event: str
    user_id: UUID | None
    email: str | None
    session_id: UUID | None
    ip: str
    browser: str
    request_id: str
    method: str
    reason: str
    facts: Mapping[str, Any]

    @property
    def by_administrator(self) -> bool:
        """Tell whether somebody did it who administers, or a program of theirs."""
        return "by" in self.facts

    def told(self) -> dict[str, Any]:
        """Return it as JSON tells it: to administrators, and to a program that is told of events."""
        return {
            "id": str(self.id),
            "at": rfc3339(self.at),
            "event": self.event,
            "user_id": str(self.user_id) if self.user_id else None,
            "email": self.email,
            "session_id": str(self.session_id) if self.session_id else None,
            "ip": self.ip,
            "browser": self.browser,
            "request_id": self.request_id,
            "method": self.method,
            "reason": self.reason,
            "facts": self.facts,
        }

    def for_owner(self) -> "Entry":
        """Return it as the person of the account may see it: where an administrator sits is nobody's business."""
        return replace(self, ip="", browser="") if self.by_administrator else self


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for; None: anything. Times in Unix seconds, `until` is not included."""

    event: str | None = None
    user_id: UUID | None = None
    ip: str | None = None
    since: float | None = None
    until: float | None = None


_ENTRIES = """SELECT a.id, a.at, a.event, a.user_id, u.email, a.session_id, a.ip, a.browser, a.request_id, a.method, a.reason, a.facts
    FROM audit_log a LEFT JOIN users u ON u.id = a.user_id WHERE a.id"""
_TAIL = "ORDER BY a.id DESC LIMIT ?"
_FIND = Sql("find_audit", f"{_ENTRIES} = ?")
_NEWEST = 2**63 - 1
#: Rows that are taken apart in one go: others get their turn in between.
BATCH = 250
#: Rows that the figures of sign-ins look at, at the most: the newest.
LOOKED_AT = 100_000
_SIGN_INS = Sql(
    "count_sign_ins",
    """SELECT event, method, COUNT(*) AS n FROM
    (SELECT at, event, method, reason FROM audit_log ORDER BY id DESC LIMIT ?) AS newest
    WHERE at > ? AND event IN ('sign_in.succeeded', 'sign_in.failed') AND reason <> 'not_confirmed' GROUP BY event, method""",
)
#: In the order of the fields of `Filter`.
_CONDITIONS = ("a.event = ?", "a.user_id = ?", "a.ip = ?", "a.at >= ?", "a.at < ?")


async def page(db: Runs, wanted: Filter, *, before: int | None, limit: int) -> list[Entry]:
    """Return at most ``limit`` rows, newest first; ``before`` is the id of the last row of the page before."""
    values = (wanted.event, wanted.user_id, wanted.ip, wanted.since, wanted.until)
    given = [(condition, value) for condition, value in zip(_CONDITIONS, values, strict=True) if value is not None]
    # Put together of constants of ours: a statement for each set of filters, so that the person's index is used.
    sql = Sql("list_audit", " ".join([_ENTRIES, "< ?", *(f"AND {condition}" for condition, _ in given), _TAIL]))
    rows: Sequence[Row] = await db.all(sql, before or _NEWEST, *(value for _, value in given), limit)
    return [_entry(row) for row in rows]


async def find(db: Runs, entry_id: int) -> Entry | None:
    """Return one row; None once it is too old to be kept."""
    row = await db.one(_FIND, entry_id)
    return None if row is None else _entry(row)


async def newest(db: Runs, wanted: Filter, *, before: int | None, limit: int) -> list[Entry]:
    """Return the same as `page`, for thousands of rows: a few at a time, so that nobody else waits for all of them."""
    found: list[Entry] = []
    while len(found) < limit:
        asked = min(BATCH, limit - len(found))
        batch = await page(db, wanted, before=found[-1].id if found else before, limit=asked)
        found += batch
        if len(batch) < asked:
            break
    return found


async def sign_ins(db: Runs, *, since: float) -> list[tuple[str, str, int]]:
    """Return event, method and number of sign-ins since a moment, among the newest rows; who was only asked to confirm has not failed."""
    return [(row["event"], row["method"], int(row["n"])) for row in await db.all(_SIGN_INS, LOOKED_AT, since)]


def _entry(row: Row) -> Entry:
    return Entry(
        id=row["id"],
        at=row["at"],
        event=row["event"],
        user_id=as_uuid(row["user_id"]),
        email=row["email"],
        session_id=as_uuid(row["session_id"]),
        ip=row["ip"],
        browser=row["browser"],
        request_id=row["request_id"],
        method=row["method"],
        reason=row["reason"],
        facts=json.loads(row["facts"]),
    )
