"""A second factor after the mailbox: who is asked, what finishes a sign-in, and the three modes (SEC-31, SEC-35)."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, RateLimited, SignInFailed
from pwauth_server.events import Event
from pwauth_server.flows import sign_in, totp
from pwauth_server.flows.sign_in import SecondFactorDue
from pwauth_server.store.statements import Sql
from tests.fakes import FakeClock
from tests.mail_fakes import audited
from tests.residents import Resident

DISABLE = Sql("test_disable_ann", "UPDATE users SET disabled_at = 1 WHERE email = 'ann@ex.com'")
FAILURES = Sql("test_set_failures", "UPDATE users SET code_failures = ?")
#: A world that asks for a second factor, where letters can be had at any time.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000, "totp_mode": "second_factor"}


def in_mode(ann: Resident, mode: str) -> Resident:
    """Return the same person under another setting."""
    return replace(ann, deps=replace(ann.deps, config=ann.deps.config.model_copy(update={"totp_mode": mode})))


async def waiting(ann: Resident) -> SecondFactorDue:
    """Sign in by mail and be asked for more."""
    due = await ann.open(await ann.letter())
    assert isinstance(due, SecondFactorDue)
    return due


async def test_the_mailbox_is_half_the_way(clock: FakeClock, ann: Resident) -> None:
    """The code of the app is the other half; the session knows both, and the waiting is over (RFC 8176)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    due = await waiting(ann)
    assert due.methods == ("totp",)
    done = await ann.second(due, ann.code(mine))
    assert (done.session.amr, done.session.acr, done.session.auth_time) == (("email", "otp", "mfa"), "mfa", clock.now())
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await ann.second(due, ann.code(mine))


async def test_wrong_codes_do_not_use_the_waiting_up_but_the_limit_does(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Four slips are forgiven; six guesses are one too many, in however many sign-ins they are made (SEC-31)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    due = await waiting(ann)
    for _ in range(4):
        with pytest.raises(SignInFailed):
            await ann.second(due, ann.wrong(mine))
    assert await sign_in.still_due(deps, due.pending_id) == due
    await ann.second(due, ann.code(mine))
    assert await sign_in.still_due(deps, due.pending_id) is None
    clock.tick(1000)
    for _ in range(5):
        clock.tick(1)
        due = await waiting(ann)
        with pytest.raises(SignInFailed):
            await ann.second(due, ann.wrong(mine))
    clock.tick(1)
    due = await waiting(ann)
    with pytest.raises(RateLimited):
        await ann.second(due, ann.code(mine))


async def test_of_thirty_finishes_at_once_one_gets_in(clock: FakeClock, ann: Resident) -> None:
    """One code and one waiting sign-in make one session (SEC-30, SEC-40)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    due = await waiting(ann)
    code = ann.code(mine)
    done = await asyncio.gather(*(ann.second(due, code) for _ in range(30)), return_exceptions=True)
    assert len([it for it in done if not isinstance(it, BaseException)]) == 1
    assert all(isinstance(it, SignInFailed | RateLimited) for it in done if isinstance(it, BaseException))


async def test_the_waiting_ends_after_five_minutes(clock: FakeClock, ann: Resident) -> None:
    """To the second; then the person signs in anew (SEC-40)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    early, late = await waiting(ann), None
    clock.tick(299.9)
    await ann.second(early, ann.code(mine))
    late = await waiting(ann)
    clock.tick(300)
    with pytest.raises(SignInFailed):
        await ann.second(late, ann.code(mine))


async def test_a_strangers_waiting_sign_in_takes_only_its_own_code(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Another person's code is wrong, and another person's bearer is refused before the code is looked at (SEC-33)."""
    bob = replace(ann, email="bob@ex.com")
    (_, anns), (bobs_session, bobs) = await ann.with_app(), await bob.with_app()
    clock.tick(30)
    due = await waiting(ann)
    with pytest.raises(SignInFailed):
        await ann.second(due, bob.code(bobs))
    for code in (ann.code(anns), ann.wrong(anns)):
        with pytest.raises(IdentityMismatch):
            await ann.second(due, code, bobs_session)
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["wrong_code"]
    await ann.second(due, ann.code(anns))


async def test_whoever_is_disabled_meanwhile_does_not_get_in(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Nor is the code spent (SEC-09)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    due = await waiting(ann)
    await deps.db.unit(lambda tx: tx.run(DISABLE))
    with pytest.raises(SignInFailed):
        await ann.second(due, ann.code(mine))
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["disabled"]


async def test_forty_failures_of_whoever_has_the_mailbox_suspend_codes(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Twenty of strangers do not: the owner still gets in (SEC-31, SEC-65)."""
    _, mine = await ann.with_app()
    for failed, gets_in in ((20, True), (40, False)):
        await deps.db.unit(lambda tx, failed=failed: tx.run(FAILURES, failed))  # type: ignore[misc]
        clock.tick(30)
        due = await waiting(ann)
        if gets_in:
            await ann.second(due, ann.code(mine))
        else:
            with pytest.raises(SignInFailed):
                await ann.second(due, ann.code(mine))


async def test_six_digits_alone_sign_nobody_in_where_they_are_the_second_factor(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Right or wrong, known or not, the answer is the same and the code is not spent (SEC-35)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    for who, code in ((ann, ann.code(mine)), (ann, ann.wrong(mine)), (replace(ann, email="nobody@ex.com"), ann.code(mine))):
        with pytest.raises(SignInFailed):
            await who.alone(code)
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["not_allowed"] * 3
    await ann.second(await waiting(ann), ann.code(mine))


async def test_without_an_app_nobody_is_asked(clock: FakeClock, ann: Resident) -> None:
    """A secret that only waits does not count either (SEC-02)."""
    session = (await ann.sign_in()).session
    await ann.enrol(session)
    clock.tick(1)
    again = await ann.sign_in(session)
    assert again.session.amr == ("email",)


async def test_a_session_with_both_may_sign_in_again_by_mail_for_ten_minutes(clock: FakeClock, ann: Resident) -> None:
    """Then the second factor is due again, or a session would outlive it (SEC-53)."""
    session, mine = await ann.with_app()
    clock.tick(30)
    session = (await ann.show(mine, session)).session
    clock.tick(300)
    session = (await ann.sign_in(session)).session
    assert "mfa" in session.amr
    clock.tick(301)
    due = await ann.open(await ann.letter(), session)
    assert isinstance(due, SecondFactorDue)
    stepped = await ann.second(due, ann.code(mine), session)
    assert stepped.session.auth_time == clock.now()


@pytest.mark.parametrize(("mode", "alone", "asked"), (("fallback", True, False), ("second_factor", False, True), ("both", True, True)))
async def test_there_are_three_modes(clock: FakeClock, ann: Resident, mode: str, alone: bool, asked: bool) -> None:  # noqa: FBT001 - columns
    """A code signs in alone, or comes after the mailbox, or both."""
    ann = in_mode(ann, mode)
    _, mine = await ann.with_app()
    clock.tick(30)
    assert isinstance(await ann.open(await ann.letter()), SecondFactorDue) is asked
    if alone:
        assert (await ann.alone(ann.code(mine))).session.amr == ("otp",)
    else:
        with pytest.raises(SignInFailed):
            await ann.alone(ann.code(mine))


async def test_removing_the_app_ends_the_asking(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """What waited is refused, and the next letter signs in."""
    session, mine = await ann.with_app()
    clock.tick(30)
    session = (await ann.show(mine, session)).session
    clock.tick(30)
    due = await waiting(ann)
    await totp.remove(deps, session, ann.caller)
    with pytest.raises(SignInFailed):
        await ann.second(due, ann.code(mine))
    clock.tick(1)
    assert (await ann.sign_in()).session.amr == ("email",)


async def test_a_stolen_session_does_not_use_up_the_tries_at_the_door(clock: FakeClock, ann: Resident) -> None:
    """Wrong codes typed in a session, as many as it is let, leave the owner's second factor alone (SEC-65)."""
    stolen, mine = await ann.with_app()
    for _ in range(8):
        for _ in range(5):
            with suppress(SignInFailed, RateLimited):
                await ann.type(ann.wrong(mine), stolen)
        clock.tick(901)
    due = await waiting(ann)
    assert (await ann.second(due, ann.code(mine))).session.acr == "mfa"


async def test_an_app_that_was_nearly_replaced_still_counts(clock: FakeClock, ann: Resident) -> None:
    """Who began to set up a new one and gave up steps up by the old one in the same session (SEC-02)."""
    session, mine = await ann.with_app()
    clock.tick(30)
    session = (await ann.show(mine, session)).session
    other = await ann.enrol(session)
    clock.tick(30)
    assert (await ann.show(mine, session)).session.acr == "mfa"
    assert ann.code(other) != ann.code(mine)
