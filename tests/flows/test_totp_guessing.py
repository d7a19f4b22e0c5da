"""Guessing one-time passwords, and stealing them from the database (SEC-31, SEC-32, SEC-65, SEC-71)."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import SecretStr

from pwauth_server.deps import Deps
from pwauth_server.errors import RateLimited, SignInFailed
from pwauth_server.events import Event
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.store.statements import Sql
from tests.fakes import FakeClock
from tests.mail_fakes import audited
from tests.residents import Resident
from tests.totp_app import App

FAILURES = Sql("test_failures", "SELECT code_failures FROM users WHERE email = ?")
SEALED = Sql("test_sealed", "SELECT user_id, sealed_secret, pending_secret FROM totp ORDER BY user_id")
PLANT = Sql("test_plant", "UPDATE totp SET sealed_secret = ? WHERE user_id = ?")
SECRETS = [SecretStr("an old secret for sealing, 1234567890"), SecretStr("a new secret for sealing, 0987654321")]
#: A world where letters can be had at any time.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000}


async def failures(deps: Deps) -> int:
    """Return how many codes of Ann's were wrong in a row."""
    row = await deps.db.reads.one(FAILURES, "ann@ex.com")
    return int(row["code_failures"]) if row else -1


async def fail(ann: Resident, mine: App, times: int) -> None:
    """Show wrong codes as a stranger does."""
    for _ in range(times):
        with pytest.raises(SignInFailed):
            await ann.alone(ann.wrong(mine))


async def test_twenty_wrong_codes_of_strangers_suspend_codes_for_strangers(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """The right one is then refused in the same words, the owner is told, and mail still works and forgives (SEC-31, SEC-58)."""
    _, mine = await ann.with_app()
    for _ in range(4):
        clock.tick(901)
        await fail(ann, mine, 5)
    assert await failures(deps) == 20
    assert await ann.notices() == ["codes.suspended", "totp.added"]
    clock.tick(901)
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(mine))
    assert (await audited(deps, Event.SIGN_IN_FAILED))[-1] == "suspended"
    await ann.sign_in()
    assert await failures(deps) == 0
    clock.tick(30)
    await ann.alone(ann.code(mine))


async def test_codes_are_counted_together_wherever_they_are_typed(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Five wrong ones are five, alone or in a session, and so are twenty; another way in forgives both (SEC-31)."""
    _, mine = await ann.with_app()
    clock.tick(61)
    held = (await ann.sign_in()).session
    await fail(ann, mine, 3)
    for _ in range(2):
        with pytest.raises(SignInFailed):
            await ann.type(ann.wrong(mine), held)
    for attempt in (ann.alone(ann.code(mine)), ann.show(mine, held)):
        with pytest.raises(RateLimited):
            await attempt
    clock.tick(901)
    await deps.db.unit(lambda tx: tx.run(Sql("t1", "UPDATE users SET code_failures = ?"), 20))
    with pytest.raises(SignInFailed):
        await ann.show(mine, held)
    assert (await audited(deps, Event.SIGN_IN_FAILED))[-1] == "suspended"
    held = (await ann.sign_in()).session
    assert (await ann.show(mine, held)).session.acr == "mfa"


async def test_a_code_that_was_spent_is_no_guess(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Whoever presses the button again and again has shown the right one: he has no failures, and the next code counts (SEC-30)."""
    _, mine = await ann.with_app()
    clock.tick(60)
    code = ann.code(mine)
    await ann.alone(code)
    for _ in range(30):
        with pytest.raises(SignInFailed):
            await ann.alone(code)
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["replayed"] * 30
    assert await failures(deps) == 0
    clock.tick(30)
    await ann.alone(ann.code(mine))


async def test_a_success_refunds_only_its_own_account(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Four wrong codes for Ann and one's own right one in turn: Ann's count goes on, and the fifth guess is the last (SEC-32)."""
    _, anns = await ann.with_app()
    mallory = replace(ann, email="mallory@ex.com")
    _, own = await mallory.with_app()
    clock.tick(30)
    await fail(ann, anns, 4)
    await mallory.alone(mallory.code(own))
    await fail(ann, anns, 1)
    with pytest.raises(RateLimited):
        await ann.alone(ann.wrong(anns))
    assert await failures(deps) == 5


async def test_an_account_that_is_not_there_is_limited_like_one_that_is(ann: Resident) -> None:
    """The sixth try is too many for both, so the limit tells nothing (SEC-33, SEC-63)."""
    _, mine = await ann.with_app()
    for who in (ann, replace(ann, email="nobody@ex.com")):
        await fail(who, mine, 5)
        with pytest.raises(RateLimited):
            await who.alone(ann.code(mine))


async def test_a_client_that_guesses_for_everybody_is_limited(clock: FakeClock, ann: Resident) -> None:
    """Thirty failures an hour, however many accounts they are for, and a success in between refunds none (SEC-31, SEC-32)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    for number in range(30):
        await fail(replace(ann, email=f"v{number}@ex.com"), mine, 1)
        if number == 20:
            await ann.alone(ann.code(mine))
    with pytest.raises(RateLimited):
        await replace(ann, email="one.more@ex.com").alone(ann.wrong(mine))
    elsewhere = replace(ann, email="one.more@ex.com", caller=ann.caller._replace(ip="198.51.100.1"))
    await fail(elsewhere, mine, 1)


async def test_tries_that_are_not_compared_cost_a_client_nothing(ann: Resident) -> None:
    """A hundred at an account that is shut leave the other accounts of an office open (SEC-31, SEC-65)."""
    _, mine = await ann.with_app()
    await fail(ann, mine, 5)
    for _ in range(95):
        with pytest.raises(RateLimited):
            await ann.alone(ann.wrong(mine))
    for number in range(25):
        await fail(replace(ann, email=f"v{number}@ex.com"), mine, 1)
    with pytest.raises(RateLimited):
        await replace(ann, email="one.more@ex.com").alone(ann.wrong(mine))


async def test_a_client_that_may_guess_no_more_uses_up_nobodys_tries(clock: FakeClock, ann: Resident) -> None:
    """The owner elsewhere still gets in with the last of five (SEC-65)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    for number in range(30):
        await fail(replace(ann, email=f"v{number}@ex.com"), mine, 1)
    for _ in range(10):
        with pytest.raises(RateLimited):
            await ann.alone(ann.wrong(mine))
    elsewhere = replace(ann, caller=ann.caller._replace(ip="198.51.100.1"))
    await fail(elsewhere, mine, 4)
    await elsewhere.alone(ann.code(mine))


async def test_another_way_in_opens_codes_again_at_once(clock: FakeClock, ann: Resident) -> None:
    """Whoever erred five times and came in by mail need not wait a quarter of an hour for the app (SEC-31)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    await fail(ann, mine, 5)
    with pytest.raises(RateLimited):
        await ann.alone(ann.code(mine))
    await ann.sign_in()
    await ann.alone(ann.code(mine))


async def test_a_thief_with_the_mailbox_gets_no_tries_back_by_it(clock: FakeClock, ann: Resident) -> None:
    """Five wrong codes in sessions are five, in however many sessions (SEC-31, SEC-32)."""
    _, mine = await ann.with_app()
    clock.tick(61)
    thiefs = (await ann.sign_in()).session
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await ann.type(ann.wrong(mine), thiefs)
    clock.tick(61)
    with pytest.raises(RateLimited):
        await ann.type(ann.wrong(mine), (await ann.sign_in()).session)


async def test_right_codes_cost_nothing(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Whoever never errs is never limited (SEC-32)."""
    _, mine = await ann.with_app()
    for _ in range(12):
        clock.tick(30)
        await ann.alone(ann.code(mine))
    assert await failures(deps) == 0


async def test_a_hundred_guesses_at_once_are_compared_five_times(clock: FakeClock, ann: Resident, deps: Deps) -> None:
    """Counted before compared, so that none slips past (SEC-31)."""
    _, mine = await ann.with_app()
    done = await asyncio.gather(*(ann.alone(ann.wrong(mine)) for _ in range(100)), return_exceptions=True)
    assert len([it for it in done if isinstance(it, SignInFailed)]) == 5
    assert len([it for it in done if isinstance(it, RateLimited)]) == 95
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["wrong_code"] * 5
    assert await failures(deps) == 5


# -- at rest


async def test_secrets_are_sealed_for_their_owner(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """The database shows neither spelling, and a secret that is copied to somebody else opens nothing (SEC-71)."""
    bob = replace(ann, email="bob@ex.com")
    apps = [(await ann.with_app())[1], (await bob.with_app())[1]]
    rows = await deps.db.reads.all(SEALED)
    stored = b"".join(row["sealed_secret"] for row in rows)
    for mine in apps:
        assert mine.secret not in stored
    sealed = [(row["user_id"], row["sealed_secret"]) for row in rows]
    for (user_id, _), (_, other) in zip(sealed, reversed(sealed), strict=True):
        await deps.db.unit(lambda tx, user_id=user_id, other=other: tx.run(PLANT, other, user_id))  # type: ignore[misc]
    clock.tick(60)
    for who in (ann, bob):
        for mine in apps:
            with pytest.raises(SignInFailed):
                await who.alone(who.code(mine))


async def test_a_new_key_takes_over_with_the_next_code(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Old secrets still open, and each goes under the newest key when its owner comes by (SEC-71)."""
    old, new = (secret.get_secret_value() for secret in SECRETS)
    before = replace(ann, deps=replace(deps, ring=KeyRing([old])))
    _, mine = await before.with_app()
    after = replace(deps, ring=KeyRing([new, old]))
    clock.tick(30)
    await replace(ann, deps=after).alone(ann.code(mine))
    (row,) = await deps.db.reads.all(SEALED)
    assert after.ring.is_current(row["sealed_secret"])
    only_new = replace(deps, ring=KeyRing([new]))
    clock.tick(30)
    await replace(ann, deps=only_new).alone(ann.code(mine))
