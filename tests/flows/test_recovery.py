"""Recovery codes as flows: counted, slow where nobody waits for them, and never for a session that is over."""

import asyncio
from functools import partial

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import RateLimited, SignInFailed, StepUpRequired, Unauthenticated
from pwauth_server.events import Caller, Method
from pwauth_server.flows import recovery, sessions, sign_in
from pwauth_server.flows.guesses import Party
from pwauth_server.flows.sign_in import Current, Proof, SignedIn
from pwauth_server.store import factors, users
from pwauth_server.store.sessions import Session
from tests.fakes import FakeClock

ME = Caller("203.0.113.9", "Firefox on Linux")
WRONG = "2" + "A" * 17


async def by_mail(deps: Deps, email: str = "ann@ex.com") -> Session:
    """Sign in by mail."""
    now = deps.clock.now()
    ending = await deps.db.unit(lambda tx: sign_in.finish(tx, deps, Proof(Method.LINK, ("email",), email), ME, now))
    assert isinstance(ending, Session)
    return ending


async def show(deps: Deps, session: Session, code: str, caller: Caller = ME) -> Session:
    """Show a code with a session."""
    done = await recovery.step_up_with(deps, code=code.replace("-", ""), caller=caller, current=Current(session, on_purpose=False))
    assert isinstance(done, SignedIn)
    return done.session


async def test_slow_hashes_keep_nobody_waiting(deps: Deps) -> None:
    """While ten codes are made the event loop goes on turning, hundreds of times."""
    session, turns = await by_mail(deps), 0
    making = asyncio.create_task(recovery.make(deps, session, ME))
    while not making.done():
        turns += 1
        await asyncio.sleep(0)
    assert len(await making) == 10
    assert turns > 200


async def test_wrong_codes_are_few(deps: Deps, clock: FakeClock) -> None:
    """Five in a quarter of an hour for an account, from wherever; right ones cost nothing (SEC-31, SEC-32)."""
    sheet = await recovery.make(deps, await by_mail(deps), ME)
    for number in range(3):
        await show(deps, await by_mail(deps), sheet[number])
    held = await by_mail(deps)
    for number in range(5):
        with pytest.raises(SignInFailed):
            await show(deps, held, WRONG, Caller(f"198.51.100.{number}"))
    with pytest.raises(RateLimited):
        await show(deps, held, sheet[5])
    clock.tick(901)
    assert (await show(deps, held, sheet[5])).acr == "mfa"


async def test_sheets_are_few(deps: Deps, clock: FakeClock) -> None:
    """Ten slow hashes each: ten sheets an hour (SEC-64)."""
    sheet = await recovery.make(deps, await by_mail(deps), ME)
    held = await show(deps, await by_mail(deps), sheet[0])
    for _ in range(9):
        await recovery.make(deps, held, ME)
    with pytest.raises(RateLimited):
        await recovery.make(deps, held, ME)


async def test_a_session_that_ended_meanwhile_makes_no_codes(deps: Deps) -> None:
    """Hashing takes a while: whoever is thrown out in it leaves nothing behind (SEC-54, SEC-57)."""
    held = await by_mail(deps)
    await sessions.log_out(deps, held, ME)
    with pytest.raises(Unauthenticated):
        await recovery.make(deps, held, ME)
    assert (await factors.owned(deps.db.reads, held.user_id)).recovery_codes == 0


async def test_a_factor_that_came_meanwhile_is_asked_for(deps: Deps) -> None:
    """The account is looked at again when the codes are written (SEC-57)."""
    first, second = await by_mail(deps), await by_mail(deps)
    await recovery.make(deps, first, ME)
    with pytest.raises(StepUpRequired):
        await recovery.make(deps, second, ME)


async def test_parallel_sheets_do_not_mix(deps: Deps) -> None:
    """Whoever makes two at once has one of them, whole."""
    held = await show(deps, await by_mail(deps), (await recovery.make(deps, await by_mail(deps), ME))[0])
    sheets = await asyncio.gather(recovery.make(deps, held, ME), recovery.make(deps, held, ME))
    good = []
    for sheet in sheets:
        try:
            good.append(await show(deps, await by_mail(deps), sheet[0]))
        except SignInFailed:
            continue
    assert len(good) == 1
    assert (await factors.owned(deps.db.reads, held.user_id)).recovery_codes == 9


async def test_a_browsers_session_that_ended_adds_no_code(deps: Deps) -> None:
    """A code on top of a session that is over would be a code alone, and it stays good (SEC-39)."""
    sheet = await recovery.make(deps, await by_mail(deps), ME)
    held = await by_mail(deps)
    await sessions.log_out(deps, held, ME)
    with pytest.raises(Unauthenticated):
        await show(deps, held, sheet[0])
    assert (await show(deps, await by_mail(deps), sheet[0])).acr == "mfa"


async def test_strangers_cannot_lock_the_second_factor(deps: Deps) -> None:
    """Their wrong codes suspend codes for strangers; whoever waits behind the mailbox has tries left (SEC-65)."""
    await by_mail(deps)
    user = await users.find_by_email(deps.db.reads, "ann@ex.com")
    assert user is not None
    for party, before in ((Party.STRANGER, 0), (Party.DOOR, 20)):
        for number in range(before, party.most):
            assert await deps.db.unit(partial(factors.reserve_try, user_id=user.id, most=party.most)) == number + 1
        assert await deps.db.unit(partial(factors.reserve_try, user_id=user.id, most=party.most)) is None
