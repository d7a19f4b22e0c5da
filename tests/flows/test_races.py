"""What happens at the same moment on several connections: each ends as if one had come after the other, and nothing breaks.

SQLite has one writer, so there the order is given; PostgreSQL is where these could wait for each other.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Missing, RateLimited, SignInFailed, StepUpRequired, Unauthenticated
from pwauth_server.flows import admin_users, keys, own_data, passkey_sign_in
from pwauth_server.flows import sessions as flow
from pwauth_server.store import sessions, users
from tests.admins import BOSS, HERE, arrive, change
from tests.fakes import FakeClock
from tests.residents import Resident

#: What may come of being second; anything else breaks the test.
LATE = (SignInFailed, Unauthenticated, StepUpRequired, Missing, Conflict, RateLimited)
ROUNDS = 15
#: A world on each kind of database in turn, where letters can be had at any time.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000, "rate_limit_per_minute": 1_000_000}


async def at_once(*all_of_it: Coroutine[Any, Any, Any]) -> None:
    """Do everything together; whoever was late must have been told so, and no other way."""
    for done in await asyncio.gather(*all_of_it, return_exceptions=True):
        if isinstance(done, BaseException) and not isinstance(done, LATE):
            raise done


async def later(ann: Resident) -> str:
    """Ask for another letter once the last one has cooled down."""
    clock = ann.deps.clock
    assert isinstance(clock, FakeClock)
    clock.tick(61)
    return await ann.letter()


@pytest.mark.parametrize("how", ("disable", "delete", "leave"))
async def test_somebody_signs_in_while_the_account_goes(deps: Deps, how: str) -> None:
    """By links, while an administrator or the owner takes the account away: no session is left of it (SEC-09)."""
    for number in range(ROUNDS):
        ann = Resident(deps, f"ann{number}@ex.com")
        session = (await ann.sign_in()).session
        tokens = [await later(ann) for _ in range(3)]
        goes = {
            "disable": lambda session=session: change(deps, session.user_id, disabled=True),
            "delete": lambda session=session: admin_users.delete(deps, BOSS, str(session.user_id), HERE),
            "leave": lambda session=session: own_data.delete(deps, session, HERE),
        }[how]()
        await at_once(*map(ann.open, tokens), goes)
        assert await sessions.count_live_of(deps.db.reads, session.user_id, deps.clock.now()) == 0


async def test_a_thief_steps_up_while_all_others_are_ended(deps: Deps) -> None:
    """The session that steps up is ended before or after, and its successor too: only the owner's is left (SEC-55)."""
    for number in range(ROUNDS):
        ann = Resident(deps, f"ann{number}@ex.com")
        thief = (await ann.sign_in()).session
        token = await later(ann)
        owner = (await ann.sign_in()).session
        await at_once(ann.open(token, thief), flow.end_others(deps, owner, HERE))
        assert [it.id for it in await sessions.live_of(deps.db.reads, owner.user_id, deps.clock.now())] == [owner.id]


async def test_somebody_asks_for_a_challenge_while_the_account_goes(deps: Deps) -> None:
    """The answer is that for an address without an account, not an error that tells of one (SEC-41)."""
    for number in range(ROUNDS):
        email = f"ann{number}@ex.com"
        session = await arrive(deps, email)
        asks = [passkey_sign_in.begin(deps, email=email) for _ in range(4)]
        await at_once(own_data.delete(deps, session, HERE), *asks)
        assert await users.find_by_email(deps.db.reads, email) is None


async def test_keys_are_dropped_and_rotated_at_once(deps: Deps) -> None:
    """Whatever two operators do in the same moment, one key signs and another is published ahead (SEC-24)."""
    for _ in range(ROUNDS):
        held = [row.kid for row in await keys.listed(deps)]
        await at_once(*(keys.drop(deps, kid) for kid in held), keys.rotate(deps), keys.begin_anew(deps), keys.rotate(deps))
        rows, now = await keys.listed(deps), deps.clock.now()
        assert {row.kid for row in rows}.isdisjoint(held)
        assert any(row.signs_from is not None and row.signs_from <= now and row.verifies_until is None for row in rows)
        assert any(row.signs_from is None for row in rows)
        assert (await keys.reload(deps)).signing_key(now).kid not in held
