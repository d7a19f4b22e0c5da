"""One-time passwords over time: what counts when, how often, and for whom (SEC-01, 02, 30 to 35, 71)."""

import asyncio

import pytest
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import (
    ConfigError,
    IdentityMismatch,
    LastFactor,
    Missing,
    RateLimited,
    SignInFailed,
    StepUpRequired,
    Unauthenticated,
)
from pwauth_server.events import Event
from pwauth_server.flows import account, sessions, step_up, totp
from pwauth_server.flows.sign_in import Current
from pwauth_server.store import users
from pwauth_server.store.statements import Sql
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, audited, open_world
from tests.residents import Resident
from tests.totp_app import App

MOVE_PENDING = Sql("test_move_pending", "UPDATE totp SET pending_secret = ?, pending_until = ?, pending_session = ?")
SEALED = Sql("test_sealed", "SELECT user_id, sealed_secret, pending_secret FROM totp ORDER BY user_id")
NEWER = "q7Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6KaEe1Uu0oRtYiPlMn"
#: A world where letters can be had at any time.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000}


# -- enrolling


async def test_a_secret_counts_once_a_code_of_it_was_shown(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Until then it opens nothing; the code that confirms is spent by that (SEC-02)."""
    session = (await ann.sign_in()).session
    mine = await ann.enrol(session)
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(mine))
    kept = await ann.show(mine, session)
    assert kept.session.id == session.id
    assert kept.session.auth_time == session.auth_time
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(mine))
    clock.tick(30)
    assert (await ann.alone(ann.code(mine))).session.amr == ("otp",)
    assert (await account.me(deps, session)).owned.totp
    assert await ann.notices() == ["totp.added"]


async def test_the_old_secret_counts_until_the_new_one_is_confirmed(clock: FakeClock, ann: Resident) -> None:
    """An enrolment that nobody finishes changes nothing, and the first code of the new one retires the old one (SEC-02)."""
    session, old = await ann.with_app()
    clock.tick(30)
    session = (await ann.show(old, session)).session
    new = await ann.enrol(session)
    clock.tick(30)
    await ann.alone(ann.code(old))
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(new))
    clock.tick(30)
    await ann.show(new, session)
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(old))
    await ann.alone(ann.code(new))


async def test_a_pending_secret_is_over_after_ten_minutes(clock: FakeClock, ann: Resident) -> None:
    """To the second (SEC-02)."""
    session = (await ann.sign_in()).session
    first = await ann.enrol(session)
    clock.tick(600)
    with pytest.raises(SignInFailed):
        await ann.show(first, session)
    session = (await ann.sign_in(session)).session
    second = await ann.enrol(session)
    clock.tick(599.9)
    await ann.show(second, session)


async def test_only_the_session_that_asked_confirms(clock: FakeClock, ann: Resident) -> None:
    """Another session of the same person does not, and the latest secret is the one that waits (SEC-01, SEC-02)."""
    session = (await ann.sign_in()).session
    clock.tick(1)
    other = (await ann.sign_in()).session
    first, second = await ann.enrol(session), await ann.enrol(session)
    for mine, asking in ((second, other), (first, session)):
        with pytest.raises(SignInFailed):
            await ann.show(mine, asking)
    await ann.show(second, session)


async def test_a_session_that_has_ended_meanwhile_confirms_nothing(deps: Deps, ann: Resident) -> None:
    """Whatever the guard saw a moment ago (SEC-54)."""
    session = (await ann.sign_in()).session
    mine = await ann.enrol(session)
    await sessions.log_out(deps, session, ann.caller)
    with pytest.raises(Unauthenticated):
        await ann.show(mine, session)


async def test_a_factor_that_came_meanwhile_must_be_shown_first(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Whoever holds only the mailbox begins to enrol in time, and still adds nothing beside the owner's app (SEC-57)."""
    thiefs = (await ann.sign_in()).session
    clock.tick(1)
    owners = (await ann.sign_in()).session
    mine = await ann.enrol(owners)
    await ann.show(mine, owners)
    with pytest.raises(StepUpRequired):
        await ann.enrol(thiefs)
    planted = App(b"a secret of the thief")
    sealed = totp.seal(deps, thiefs.user_id, planted.secret)
    await deps.db.unit(lambda tx: tx.run(MOVE_PENDING, sealed, clock.now() + 600, thiefs.id))
    with pytest.raises(StepUpRequired):
        await ann.show(planted, thiefs)
    assert (await account.me(deps, owners)).owned.totp


async def test_nobody_enrols_for_somebody_else(deps: Deps, ann: Resident) -> None:
    """The session's own address or none; without a session nobody, and nothing is stored (SEC-01)."""
    session = (await ann.sign_in()).session
    with pytest.raises(IdentityMismatch):
        await totp.enrol(deps, session=session, email="bob@ex.com", caller=ann.caller)
    for email in (None, "ann@ex.com", "new@ex.com"):
        with pytest.raises(Unauthenticated):
            await totp.enrol(deps, session=None, email=email, caller=ann.caller)
    assert list(await deps.db.reads.all(SEALED)) == []
    assert await users.find_by_email(deps.db.reads, "new@ex.com") is None


async def test_secrets_are_all_different(ann: Resident) -> None:
    """Each has 160 bits of chance, and none is told twice (SEC-34)."""
    session = (await ann.sign_in()).session
    secrets = {(await ann.enrol(session)).secret for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {20}


# -- codes


async def test_a_step_is_accepted_once_and_none_before_it(clock: FakeClock, ann: Resident) -> None:
    """The neighbour's code spends this one's, and whoever is too early or too late is refused (SEC-30, SEC-34)."""
    _, mine = await ann.with_app()
    clock.tick(300)
    for steps in (-2, 2):
        with pytest.raises(SignInFailed):
            await ann.alone(ann.code(mine, steps=steps))
    await ann.alone(ann.code(mine, steps=1))
    for steps in (1, 0, -1):
        with pytest.raises(SignInFailed):
            await ann.alone(ann.code(mine, steps=steps))
    clock.tick(901)
    await ann.alone(ann.code(mine))
    assert (await audited(ann.deps, Event.SIGN_IN_FAILED)).count("replayed") == 3


async def test_of_thirty_equal_codes_at_once_one_gets_in(clock: FakeClock, ann: Resident) -> None:
    """A stranger with a camera and the owner cannot both use it (SEC-30)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    code = ann.code(mine)
    done = await asyncio.gather(*(ann.alone(code) for _ in range(30)), return_exceptions=True)
    assert len([it for it in done if isinstance(it, BaseException)]) == 29
    assert all(isinstance(it, SignInFailed | RateLimited) for it in done if isinstance(it, BaseException))


async def test_of_thirty_confirmations_at_once_one_counts(ann: Resident) -> None:
    """The same code confirms once, and the others find it spent (SEC-02, SEC-30)."""
    session = (await ann.sign_in()).session
    mine = await ann.enrol(session)
    done = await asyncio.gather(*(ann.show(mine, session) for _ in range(30)), return_exceptions=True)
    assert len([it for it in done if not isinstance(it, BaseException)]) == 1
    assert await ann.notices() == ["totp.added"]


async def test_six_digits_alone_change_no_factor(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """They sign in, and stepping up takes more (SEC-35)."""
    _, mine = await ann.with_app()
    clock.tick(30)
    weak = (await ann.alone(ann.code(mine))).session
    assert (weak.amr, weak.acr) == (("otp",), "otp")
    with pytest.raises(StepUpRequired):
        await step_up.require(deps, weak)
    strong = (await ann.sign_in(weak)).session
    assert (strong.amr, strong.acr) == (("otp", "email", "mfa"), "mfa")
    await step_up.require(deps, strong)


async def test_a_code_steps_a_session_up(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """The mailbox alone no longer changes factors once there is an app; with its code a new session does (SEC-56, SEC-57)."""
    session, mine = await ann.with_app()
    clock.tick(3600)
    with pytest.raises(StepUpRequired):
        await step_up.require(deps, session)
    done = await ann.show(mine, session)
    assert done.session.id != session.id
    assert done.session.amr == ("email", "otp", "mfa")
    await step_up.require(deps, done.session)
    assert [it.id for it in await sessions.of_owner(deps, done.session)] == [done.session.id]


async def test_a_bearer_of_somebody_else_is_told_before_anything_is_compared(deps: Deps, ann: Resident) -> None:
    """Right or wrong, the answer is the same (SEC-33)."""
    session = (await ann.sign_in()).session
    with pytest.raises(IdentityMismatch):
        totp.is_meant(Current(session, on_purpose=True), "bob@ex.com")
    assert totp.is_meant(Current(session, on_purpose=True), None)
    assert totp.is_meant(Current(session, on_purpose=False), "ann@ex.com")
    assert not totp.is_meant(Current(session, on_purpose=False), "bob@ex.com")


# -- keys


async def starts(config: Config, clock: FakeClock, *secret_key: str) -> bool:
    """Tell whether a server starts with these secrets; one that does not says why in one line, without any of them."""
    given = config.model_copy(update={"secret_key": [SecretStr(key) for key in secret_key]})
    try:
        deps = await open_world(given, clock, ScriptedTransport())
    except ConfigError as refused:
        (problem,) = refused.problems
        assert problem.startswith("secret_key: the secrets of authenticator apps (1) were sealed under another one; ")
        assert not [key for key in secret_key if key in problem]
        return False
    await deps.db.close()
    return True


async def test_a_key_that_an_app_needs_cannot_be_taken_away(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Or its codes would be wrong for ever, and nobody would know why; once its owner has shown one, it can (SEC-71)."""
    _, mine = await ann.with_app()
    older = deps.config.secret_key_file.read_text().strip()
    assert await starts(deps.config, clock, NEWER, older)
    assert not await starts(deps.config, clock, NEWER)
    both = deps.config.model_copy(update={"secret_key": [SecretStr(NEWER), SecretStr(older)]})
    moved = await open_world(both, clock, ScriptedTransport())
    clock.tick(30)
    await Resident(moved).alone(ann.code(mine))
    await moved.db.close()
    assert await starts(deps.config, clock, NEWER)


async def test_a_key_that_a_waiting_app_needs_stays_as_long_as_it_waits(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Ten minutes, as it could be confirmed until then (SEC-71)."""
    await ann.enrol((await ann.sign_in()).session)
    assert await starts(deps.config, clock, NEWER, deps.config.secret_key_file.read_text().strip())
    assert not await starts(deps.config, clock, NEWER)
    clock.tick(600)
    assert await starts(deps.config, clock, NEWER)


# -- removing


async def test_one_time_passwords_go_and_their_owner_is_told(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """No code works any more, there is nothing left to remove, and a new secret can be had (SEC-58)."""
    session, mine = await ann.with_app()
    with pytest.raises(StepUpRequired):
        await totp.remove(deps, session, ann.caller)
    clock.tick(30)
    session = (await ann.show(mine, session)).session
    await totp.remove(deps, session, ann.caller)
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(mine))
    with pytest.raises(Missing):
        await totp.remove(deps, session, ann.caller)
    assert await ann.notices() == ["totp.added", "totp.removed"]
    await ann.show(await ann.enrol(session), session)


async def test_the_last_way_in_stays(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Somebody who wants no letters cannot remove the only factor (SEC-59)."""
    session, mine = await ann.with_app()
    clock.tick(30)
    session = (await ann.show(mine, session)).session
    await deps.db.unit(lambda tx: users.set_mail_sign_in(tx, session.user_id, off_at=1.0))
    done = await asyncio.gather(*(totp.remove(deps, session, ann.caller) for _ in range(2)), return_exceptions=True)
    assert [type(it) for it in done] == [LastFactor, LastFactor]
    assert (await account.me(deps, session)).owned.totp
