"""Rows for the tests of the store: valid ones, changed by what a test is about."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any, TypeVar
from uuid import UUID

from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.rules.ids import uuid7
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Database, Tx
from tests.fakes import NEW_YEAR

MARK = Sql("mark", "INSERT INTO server_state (name, number) VALUES (?, ?)")
MARKS = Sql("marks", "SELECT name FROM server_state ORDER BY name")
USER = "person@ex.com"
HAPPENED = Occurrence(Event.USER_CREATED, NEW_YEAR, Caller("203.0.113.9"), facts={"n": 1})

T = TypeVar("T")


class OopsError(Exception):
    """A flow changed its mind."""


def row_id(number: int, at: float = NEW_YEAR) -> UUID:
    """Return the id of the row with a number that was created at a time."""
    return uuid7(at, number.to_bytes(10, "big"))


async def mark(tx: Tx, name: str) -> None:
    """Write a row that `MARKS` shows."""
    await tx.run(MARK, name, 1)


def session(user_id: UUID, number: int = 1, **changes: Any) -> Session:
    """Return a session that began at NEW_YEAR and lives for a week, a month at the most."""
    values: dict[str, Any] = {
        "id": row_id(number),
        "user_id": user_id,
        "email": USER,
        "verified": True,
        "disabled": False,
        "roles": (),
        "generation": 0,
        "created_at": NEW_YEAR,
        "auth_time": NEW_YEAR,
        "amr": ("email", "otp"),
        "acr": "email",
        "ip": "203.0.113.9",
        "browser": "Firefox on Linux",
        "last_used_at": NEW_YEAR,
        "rotated_at": NEW_YEAR,
        "expires_at": NEW_YEAR + 604_800,
        "absolute_expires_at": NEW_YEAR + 2_592_000,
        "ended": False,
        "epoch": 1,
    }
    return Session(**(values | changes))


def link(number: int = 1, **changes: Any) -> MagicLink:
    """Return a sign-in request that was made at NEW_YEAR and lives for ten minutes."""
    values: dict[str, Any] = {
        "id": row_id(number, changes.get("created_at", NEW_YEAR)),
        "purpose": "login",
        "email": USER,
        "token_hash": b"t" * 32,
        "code_mac": b"c" * 32,
        "browser_hash": b"b" * 32,
        "tries": 0,
        "return_to": "/welcome",
        "ip": "203.0.113.9",
        "browser": "Firefox on Linux",
        "created_at": NEW_YEAR,
        "expires_at": changes.get("created_at", NEW_YEAR) + 600,
        "closed": False,
    }
    return MagicLink(**(values | changes))


async def marks(database: Database) -> list[str]:
    """Return the committed marks."""
    return [row["name"] for row in await database.reads.all(MARKS)]


def marks_in(path: str) -> set[str]:
    """Return the marks that another program finds in the file."""
    with closing(sqlite3.connect(path)) as file:
        return {name for (name,) in file.execute("SELECT name FROM server_state")}


async def does(database: Database, verb: Callable[..., Awaitable[T]], *values: Any, **named: Any) -> T:
    """Run one verb in a unit of its own."""

    async def work(tx: Tx) -> T:
        return await verb(tx, *values, **named)

    return await database.unit(work)
