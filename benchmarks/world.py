"""Furnishes a database before a benchmark, through the project's own functions."""

import json
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Method
from pwauth_server.flows import api_keys, magic_link, sign_in, tokens
from pwauth_server.rules import ids, secrets
from pwauth_server.store import magic_links, sessions
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.migrate import migrate
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.wiring import make_deps

ME = Caller("127.0.0.1", "wrk")
#: Rows written in one unit of work.
BATCH = 1000
DAY = 86_400.0

_INSERT_USER = "INSERT INTO users (id, email, name, roles, created_at, verified_at) VALUES (?, ?, '', '', ?, ?)"
_INSERT_SESSION = """INSERT INTO sessions (id, user_id, generation, created_at, auth_time, amr, acr, ip, browser,
    last_used_at, rotated_at, expires_at, absolute_expires_at) VALUES (?, ?, 0, ?, ?, 'email', 'email', '127.0.0.1', 'wrk', ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of a furnished server."""

    api_key: str
    access_token: str


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Deps]:
    """Yield the world of a configuration, with its database up to date."""
    await migrate(config)
    deps = await make_deps(config)
    try:
        yield deps
    finally:
        await deps.db.close()


async def sign_in_many(deps: Deps, count: int) -> list[tokens.TokenPair]:
    """Return the tokens of so many new sessions, each of a person of its own."""
    now = deps.clock.now()

    async def work(tx: Tx) -> list[sign_in.Ending]:
        proofs = (sign_in.Proof(Method.LINK, ("email",), f"person{number}@example.com") for number in range(count))
        return [await sign_in.finish(tx, deps, proof, ME, now) for proof in proofs]

    return [await tokens.issue(deps, it) for it in await deps.db.unit(work) if isinstance(it, Session)]


async def issue_again(deps: Deps, count: int) -> Iterator[str]:
    """Return so many access tokens that no server has seen, over a hundred sessions."""
    now = deps.clock.now()
    user_id = await _somebody(deps, now)
    live = (await sessions.live_of(deps.db.reads, user_id, now))[:100]
    return iter([(await tokens.issue(deps, live[number % len(live)])).access_token for number in range(count)])


async def _somebody(deps: Deps, now: float) -> UUID:
    proof = sign_in.Proof(Method.LINK, ("email",), "somebody@example.com")

    async def work(tx: Tx) -> UUID:
        opened_sessions = [await sign_in.finish(tx, deps, proof, ME, now) for _ in range(100)]
        return next(it.user_id for it in opened_sessions if isinstance(it, Session))

    return await deps.db.unit(work)


async def send_links(deps: Deps, count: int) -> Iterator[str]:
    """Return the tokens of so many sign-in links, each to an address of its own and good for an hour."""
    now, texts = deps.clock.now(), []
    for start in range(0, count, BATCH):
        made = [_link(deps, now) for _ in range(start, min(start + BATCH, count))]

        async def work(tx: Tx, made: Sequence[tuple[MagicLink, str]] = made) -> None:
            for link, _ in made:
                await magic_links.create(tx, link)

        await deps.db.unit(work)
        texts += [text for _, text in made]
    return iter(texts)


def _link(deps: Deps, now: float) -> tuple[MagicLink, str]:
    row_id, secret = deps.entropy.row_id(now), deps.entropy.random(32)
    link = MagicLink(
        id=row_id,
        purpose=magic_link.LOGIN,
        email=f"{row_id.hex}@example.com",  # a sign-in ends the other links of its address
        token_hash=secrets.digest(secret),
        code_mac=bytes(32),
        browser_hash=None,
        tries=0,
        return_to=None,
        ip=ME.ip,
        browser=ME.browser,
        created_at=now,
        expires_at=now + 3600,
        closed=False,
    )
    return link, secrets.issue(secrets.MAGIC_LINK, row_id, secret)


async def make_keys(deps: Deps, pair: tokens.TokenPair) -> Keys:
    """Return an API key for introspection beside one person's access token."""
    return Keys(await api_keys.create(deps, name="benchmark", scopes=["introspect"], expires_at=None), pair.access_token)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write one line each."""
    path.write_text("".join(f"{line}\n" for line in lines))


def bodies(name: str, values: Iterable[str], **more: Any) -> Iterator[str]:
    """Yield JSON bodies with one field that varies."""
    return (json.dumps({name: value} | more) for value in values)


def fill(database: str, count: int, *, age: float = 0.0, life: float = 30 * DAY) -> None:
    """Store so many sessions straight in a migrated SQLite file, ten for each person, in the order of their ids.

    They began over the day before ``age`` seconds ago and live for ``life`` seconds.
    """
    chance, newest = random.Random(count), time.time() - age
    moments = [newest - DAY * (count - number) / count for number in range(count)]
    people = [ids.uuid7(moment, chance.randbytes(10)) for moment in moments[::10]]
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.executemany(_INSERT_USER, ((it.bytes, f"{it}@example.com", at, at) for it, at in zip(people, moments[::10], strict=True)))
        raw.executemany(
            _INSERT_SESSION,
            (
                (ids.uuid7(at, chance.randbytes(10)).bytes, people[number // 10].bytes, at, at, at, at, at + min(life, 7 * DAY), at + life)
                for number, at in enumerate(moments)
            ),
        )


async def some_refresh_tokens(deps: Deps, count: int) -> list[str]:
    """Return the refresh tokens of so many live sessions from everywhere in the table."""
    with closing(sqlite3.connect(deps.config.database_path)) as raw:
        found = raw.execute("SELECT id FROM sessions WHERE expires_at > ? ORDER BY random() LIMIT ?", (deps.clock.now(), count)).fetchall()
    rows = [await sessions.find(deps.db.reads, UUID(bytes=row_id)) for (row_id,) in found]
    return [(await tokens.issue(deps, row)).refresh_token for row in rows if row is not None]
