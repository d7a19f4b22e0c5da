"""The one door: who may enter with what, and what a session of before adds (SEC-53, SEC-56, SEC-57)."""

import asyncio
from dataclasses import replace

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, StepUpRequired, Unauthenticated
from pwauth_server.events import Caller, Method, Reason
from pwauth_server.flows import sessions, sign_in, step_up
from pwauth_server.flows.sign_in import Current, Ending, Proof, SecondFactorDue
from pwauth_server.rules import assurance
from pwauth_server.store import sessions as stored
from pwauth_server.store import users
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from pwauth_server.store.users import User
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world

ME = Caller("203.0.113.9", "Firefox on Linux")
DAY = 86_400.0
MONTH = 30 * DAY
_ADD_TOTP = Sql("test_add_totp", "INSERT INTO totp (user_id, sealed_secret, confirmed_at) VALUES (?, ?, ?)")

MAIL = Proof(Method.LINK, ("email",), "ann@ex.com")
PASSKEY = Proof(Method.PASSKEY, ("swk", "user"), "ann@ex.com")
TOTP = Proof(Method.TOTP, ("otp",), "ann@ex.com")
RECOVERY = Proof(Method.RECOVERY_CODE, ("recovery",), "ann@ex.com")
HOST = Proof(Method.HOST_LINK, ("host",), "ann@ex.com")


async def finish(deps: Deps, proof: Proof, before: Session | None = None, *, on_purpose: bool = True) -> Ending:
    """Show ``proof``, with a session of before in hand."""
    now, current = deps.clock.now(), Current(before, on_purpose) if before else None
    user = await users.find_by_email(deps.db.reads, proof.email)
    return await deps.db.unit(lambda tx: sign_in.finish(tx, deps, replace(proof, user=user), ME, now, current=current))


async def enter(deps: Deps, proof: Proof, before: Session | None = None, *, on_purpose: bool = True) -> Session:
    """Show ``proof`` and get in."""
    ending = await finish(deps, proof, before, on_purpose=on_purpose)
    assert isinstance(ending, Session), ending
    return ending


async def person(deps: Deps, email: str = "ann@ex.com", *, totp: bool = False) -> User:
    """Return somebody with an account, and if wanted with one-time passwords."""
    now = deps.clock.now()
    user, _ = await deps.db.unit(lambda tx: users.find_or_create(tx, user_id=deps.entropy.row_id(now), email=email, now=now))
    if totp:
        await deps.db.unit(lambda tx: tx.run(_ADD_TOTP, user.id, b"sealed", now))
    return user


async def may_change_factors(deps: Deps, session: Session) -> bool:
    """Tell whether step-up is satisfied."""
    try:
        await step_up.require(deps, session)
    except StepUpRequired:
        return False
    return True


@pytest.mark.parametrize("proof", (PASSKEY, TOTP, RECOVERY, HOST), ids=lambda proof: proof.method)
async def test_every_factor_but_the_mailbox_steps_up(deps: Deps, clock: FakeClock, proof: Proof) -> None:
    """On an account with more than a mailbox, an old session by mail becomes one that may change factors (SEC-57)."""
    await person(deps, totp=True)
    held = await enter(deps, MAIL)
    assert not await may_change_factors(deps, held)
    clock.tick(3 * DAY)
    stepped = await enter(deps, proof, held)
    assert await may_change_factors(deps, stepped)
    assert stepped.id != held.id
    assert not await may_change_factors(deps, await enter(deps, MAIL, await enter(deps, MAIL)))
    clock.tick(assurance.MAX_AGE + 1)
    assert not await may_change_factors(deps, stepped)


@pytest.mark.parametrize("proof", (PASSKEY, RECOVERY, HOST), ids=lambda proof: proof.method)
async def test_the_mailbox_makes_no_old_factor_young(deps: Deps, clock: FakeClock, proof: Proof) -> None:
    """Whoever finds a signed-in device with its mail open cannot make last week's factor one of now (SEC-53, SEC-57)."""
    await person(deps, totp=True)
    held = await enter(deps, proof, await enter(deps, MAIL))
    clock.tick(5 * DAY)
    for _ in range(3):
        renewed = await enter(deps, MAIL, held)
        assert not await may_change_factors(deps, renewed)
        assert (renewed.auth_time, renewed.absolute_expires_at) == (held.auth_time, held.absolute_expires_at)
        held = renewed
        clock.tick(assurance.MAX_AGE - 60)


async def test_links_within_ten_minutes_do_not_add_up(deps: Deps, clock: FakeClock) -> None:
    """A fresh passkey counts for ten minutes, however many links are used meanwhile (SEC-57)."""
    await person(deps, totp=True)
    held = await enter(deps, PASSKEY)
    clock.tick(400)
    held = await enter(deps, MAIL, held)
    assert await may_change_factors(deps, held)
    clock.tick(400)
    assert not await may_change_factors(deps, await enter(deps, MAIL, held))


async def test_six_digits_do_not_make_a_passkey_young(deps: Deps, clock: FakeClock) -> None:
    """They step up, but nobody is told that a passkey was there just now (SEC-35)."""
    await person(deps, totp=True)
    held = await enter(deps, PASSKEY)
    assert held.acr == "phr"
    clock.tick(5 * DAY)
    stepped = await enter(deps, TOTP, held)
    assert (stepped.acr, stepped.amr, stepped.auth_time) == ("mfa", ("otp", "mfa"), clock.now())
    assert await may_change_factors(deps, stepped)
    assert (await enter(deps, MAIL, stepped)).acr == "mfa"


async def test_six_digits_alone_never_step_up(deps: Deps) -> None:
    """Neither once nor twice (SEC-35)."""
    await person(deps, totp=True)
    held = await enter(deps, TOTP)
    assert not await may_change_factors(deps, held)
    assert not await may_change_factors(deps, await enter(deps, TOTP, held))


async def test_the_mailbox_is_enough_for_who_has_nothing_else(deps: Deps, clock: FakeClock) -> None:
    """Signing in again by mail makes an old session young (SEC-57)."""
    held = await enter(deps, MAIL)
    assert await may_change_factors(deps, held)
    clock.tick(assurance.MAX_AGE + 1)
    assert not await may_change_factors(deps, held)
    stepped = await enter(deps, MAIL, held)
    assert await may_change_factors(deps, stepped)
    assert stepped.absolute_expires_at == clock.now() + MONTH


async def test_a_session_that_ended_meanwhile_adds_nothing(deps: Deps) -> None:
    """Between the guard and the sign-in it may have been ended: a bearer is refused, a cookie is forgotten (SEC-54)."""
    await person(deps, totp=True)
    held = await enter(deps, PASSKEY)
    await sessions.log_out(deps, held, ME)
    with pytest.raises(Unauthenticated):
        await finish(deps, MAIL, held)
    fresh = await enter(deps, MAIL, held, on_purpose=False)
    assert (fresh.amr, fresh.acr) == (("email",), "email")


async def test_a_session_is_replaced_once(deps: Deps) -> None:
    """Of ten step-ups at once with one session one succeeds, and nothing of the others is kept (SEC-10, SEC-56)."""
    await person(deps)
    held = await enter(deps, MAIL)
    endings = await asyncio.gather(*(finish(deps, MAIL, held) for _ in range(10)), return_exceptions=True)
    assert [type(ending) for ending in endings if not isinstance(ending, Unauthenticated)] == [Session]
    live = await stored.live_of(deps.db.reads, held.user_id, deps.clock.now())
    assert [session.id for session in live] == [ending.id for ending in endings if isinstance(ending, Session)]


async def test_somebody_elses_bearer_does_not_sign_in(deps: Deps) -> None:
    """The proof stays unspent and both people keep what they have (SEC-57)."""
    await person(deps)
    await person(deps, "bob@ex.com")
    bob = await enter(deps, replace(MAIL, email="bob@ex.com"))
    with pytest.raises(IdentityMismatch):
        await finish(deps, MAIL, bob)
    assert (await enter(deps, MAIL, bob, on_purpose=False)).user_id != bob.user_id
    assert await stored.count_live_of(deps.db.reads, bob.user_id, deps.clock.now()) == 1


async def test_a_second_factor_of_long_ago_is_asked_for_again(database_config: Config, clock: FakeClock) -> None:
    """A stolen session and an open mailbox are not both factors, for another month each time (SEC-53)."""
    config = database_config.model_copy(update={"totp_mode": "second_factor"})
    deps = await open_world(config, clock, ScriptedTransport())
    try:
        await person(deps, totp=True)
        assert isinstance(await finish(deps, MAIL), SecondFactorDue)
        held = await enter(deps, replace(TOTP, amr=("email", "otp")))
        assert isinstance(await finish(deps, MAIL, held), Session)
        held = await enter(deps, replace(TOTP, amr=("email", "otp")))
        clock.tick(assurance.MAX_AGE + 1)
        assert isinstance(await finish(deps, MAIL, held), SecondFactorDue)
    finally:
        await deps.db.close()


async def test_a_planted_account_is_nobodys_without_the_setting(deps: Deps) -> None:
    """No factor but the mailbox opens an account whose mailbox was never proven (SEC-07)."""
    now = deps.clock.now()
    await deps.db.unit(lambda tx: users.find_or_create(tx, user_id=deps.entropy.row_id(now), email="ann@ex.com", now=now, verified=False))
    for proof in (PASSKEY, TOTP, RECOVERY, HOST):
        assert await finish(deps, proof) is Reason.UNVERIFIED
