"""The open enrolment of old: what it gives, what it is worth, and who takes it away (SEC-01, SEC-05 to SEC-07)."""

import asyncio
from dataclasses import replace

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import InvalidGrant, RateLimited, SignInFailed, StepUpRequired, Unauthenticated
from pwauth_server.events import Caller, Event, Method, Reason
from pwauth_server.flows import first_use, housekeeping, sessions, sign_in, step_up, tokens, totp
from pwauth_server.flows.sign_in import Ending, Proof, SignedIn
from pwauth_server.flows.tokens import TokenPair
from pwauth_server.store import users
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from pwauth_server.store.users import User
from tests.fakes import FakeClock
from tests.mail_fakes import audited
from tests.residents import Resident
from tests.totp_app import App

EVERYTHING = (
    Sql("test_totp_of", "SELECT user_id FROM totp"),
    Sql("test_challenges_of", "SELECT user_id FROM challenges"),
    Sql("test_sessions_of", "SELECT user_id FROM sessions"),
)
LETTERS = Sql("test_letters", "SELECT kind FROM email_queue")
ADD_PASSKEY = Sql(
    "test_add_passkey",
    """INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name,
    created_at) VALUES (?, ?, ?, ?, 0, ?, ?, '', ?, '', 0)""",
)
#: A world that lets anybody enrol first.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000, "enrolment": "first_use", "admin_emails": ["ann@ex.com"]}


@pytest.fixture
def mallory(ann: Resident) -> Resident:
    """Return a stranger who uses Ann's address from elsewhere."""
    return replace(ann, caller=Caller("198.51.100.66", "curl", "test"))


async def planted(mallory: Resident) -> tuple[SignedIn, App]:
    """Enrol an app for somebody else's address and sign in with it, as the Rust server allowed."""
    mine = await mallory.enrol(None)
    return await mallory.alone(mallory.code(mine)), mine


async def owner(deps: Deps) -> User:
    """Return the account of Ann's address."""
    found = await users.find_by_email(deps.db.reads, "ann@ex.com")
    assert found is not None
    return found


async def test_the_calls_of_old_work_in_their_order(deps: Deps, clock: FakeClock, mallory: Resident) -> None:
    """Enrol by address, show a code, be signed in; the app keeps working (policy a)."""
    done, mine = await planted(mallory)
    assert (done.session.amr, done.session.acr, done.session.verified) == (("otp",), "unverified", False)
    clock.tick(30)
    await mallory.alone(mallory.code(mine))
    assert await mallory.notices() == []
    assert await audited(deps, Event.TOTP_ADDED) == ["none"]


async def test_its_sessions_are_worth_nothing_elsewhere(deps: Deps, mallory: Resident) -> None:
    """Their tokens name no address and another audience, are inactive for apps, change no factor and make no admin (SEC-07)."""
    done, _ = await planted(mallory)
    access = (await tokens.prove(deps, done.tokens.access_token)).access
    assert (access.email, access.email_verified, access.acr, access.roles) == (None, False, "unverified", ())
    assert access.audience == "http://localhost:3000/unverified"
    assert not await mallory.is_in(done)
    with pytest.raises(StepUpRequired) as refused:
        await step_up.require(deps, done.session)
    assert refused.value.methods == ("email",)
    assert (await owner(deps)).roles == ()


async def test_its_sessions_write_to_nobody(deps: Deps, mallory: Resident) -> None:
    """A stranger who sets off the alarm of reuse sends no letter to a mailbox that nobody has proven (SEC-52, SEC-58)."""
    done, _ = await planted(mallory)
    spent = done.tokens.refresh_token
    for _ in range(2):
        done = replace(done, tokens=await tokens.rotate(deps, done.tokens.refresh_token, mallory.caller))
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, spent, mallory.caller)
    assert await audited(deps, Event.REFRESH_REUSED) == ["reuse"]
    assert await deps.db.reads.all(LETTERS) == []


async def test_only_the_first_factor_can_be_had_so(deps: Deps, ann: Resident, mallory: Resident) -> None:
    """Not for an address that has one, nor for one that was proven, nor for one that may not sign up (SEC-01)."""
    await planted(mallory)
    with pytest.raises(Unauthenticated):
        await mallory.enrol(None)
    bob = replace(ann, email="bob@ex.com")
    await bob.sign_in()
    with pytest.raises(Unauthenticated):
        await replace(mallory, email="bob@ex.com").enrol(None)
    closed = replace(deps, config=deps.config.model_copy(update={"signup": "domains", "signup_domains": ["corp.com"]}))
    with pytest.raises(Unauthenticated):
        await replace(mallory, email="carl@ex.com", deps=closed).enrol(None)
    assert await users.find_by_email(deps.db.reads, "carl@ex.com") is None
    with pytest.raises(Unauthenticated):
        await totp.enrol(deps, session=None, email=None, caller=mallory.caller)


async def test_a_factor_that_came_meanwhile_keeps_the_other_one_out(deps: Deps, clock: FakeClock, mallory: Resident) -> None:
    """Of two strangers who both began, the one who finished first has the account (policy a)."""
    mine = await mallory.enrol(None)
    user = await owner(deps)
    key = deps.entropy.row_id(clock.now())
    await deps.db.unit(lambda tx: tx.run(ADD_PASSKEY, key, user.id, b"c", b"k", False, False, key))  # noqa: FBT003 - columns
    with pytest.raises(SignInFailed):
        await mallory.alone(mallory.code(mine))
    assert await deps.db.unit(lambda tx: first_use.account_for(tx, deps, "ann@ex.com", mallory.caller, clock.now())) is None


async def test_the_first_proof_of_a_mailbox_wipes_what_was_planted(deps: Deps, clock: FakeClock, ann: Resident, mallory: Resident) -> None:
    """App, sessions and id are gone, in one step; what apps hold under the old id is not the owner's (SEC-06)."""
    theirs, mine = await planted(mallory)
    before = await owner(deps)
    done = await ann.sign_in()
    after = await owner(deps)
    assert done.session.user_id == after.id != before.id
    assert after.verified
    assert await users.find(deps.db.reads, before.id) is None
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, theirs.tokens.refresh_token, mallory.caller)
    with pytest.raises(Unauthenticated):
        await tokens.prove(deps, theirs.tokens.access_token)
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await mallory.alone(mallory.code(mine))
    with pytest.raises(Unauthenticated):
        await mallory.enrol(None)
    for table in EVERYTHING:
        assert before.id not in [row["user_id"] for row in await deps.db.reads.all(table)]
    assert await audited(deps, Event.UNVERIFIED_RESET) == ["none"]
    assert len(await audited(deps, Event.USER_CREATED)) == 2


async def test_whoever_holds_session_and_mailbox_keeps_the_account(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """Same id, same app, a new session that knows both; sessions of others and secrets that wait are gone (SEC-06)."""
    first, mine = await planted(ann)
    clock.tick(30)
    other = await ann.alone(ann.code(mine))
    before = await owner(deps)
    done = await ann.sign_in(first.session)
    after = await owner(deps)
    assert (after.id, after.verified) == (before.id, True)
    assert (done.session.amr, done.session.acr) == (("otp", "email", "mfa"), "mfa")
    assert done.session.absolute_expires_at > clock.now() + 86_400
    assert await ann.is_in(done)
    assert [it.id for it in await sessions.of_owner(deps, done.session)] == [done.session.id]
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, other.tokens.refresh_token, ann.caller)
    clock.tick(30)
    assert (await ann.alone(ann.code(mine))).session.verified
    assert await audited(deps, Event.UNVERIFIED_RESET) == []


async def test_somebody_elses_session_keeps_nothing(deps: Deps, ann: Resident, mallory: Resident) -> None:
    """A bearer of another account does not save what was planted: the sign-in is refused, and the next one wipes (SEC-06)."""
    await planted(mallory)
    bob = replace(ann, email="bob@ex.com")
    bobs = await bob.enrol(None)
    session = (await bob.alone(bob.code(bobs))).session
    before, token = await owner(deps), await ann.letter()
    with pytest.raises(Exception, match="signed in as somebody else"):
        await ann.open(token, session)
    assert await owner(deps) == before
    await ann.open(token)
    assert (await owner(deps)).id != before.id


async def test_fifty_races_between_the_strangers_refresh_and_the_owners_proof(deps: Deps, clock: FakeClock, ann: Resident) -> None:
    """However they fall, the stranger ends with nothing and the owner with an id of her own (SEC-06)."""
    for number in range(50):
        clock.tick(1)
        victim = replace(ann, email=f"v{number}@ex.com")
        attacker = replace(victim, caller=Caller(f"198.51.100.{number}", "curl", "test"))
        theirs, mine = await planted(attacker)
        token = await victim.letter()
        clock.tick(30)
        attacks = [tokens.rotate(deps, theirs.tokens.refresh_token, attacker.caller), attacker.alone(attacker.code(mine))]
        won, *tried = await asyncio.gather(victim.open(token), *attacks, return_exceptions=True)
        assert isinstance(won, SignedIn)
        assert won.session.user_id != theirs.session.user_id
        for got in tried:
            assert isinstance(got, InvalidGrant | SignInFailed | TokenPair | SignedIn), got
            pair = got.tokens if isinstance(got, SignedIn) else got
            if isinstance(pair, TokenPair):
                with pytest.raises(Unauthenticated):
                    await tokens.prove(deps, pair.access_token)
                with pytest.raises(InvalidGrant):
                    await tokens.rotate(deps, pair.refresh_token, attacker.caller)
        assert await victim.is_in(won)
        assert [it.id for it in await sessions.of_owner(deps, won.session)] == [won.session.id]


async def test_a_passkey_and_the_first_proof_of_its_mailbox_do_not_collide(deps: Deps, clock: FakeClock, mallory: Resident) -> None:
    """The stranger's sign-in comes before the wipe and goes with it, or after it and is refused; neither breaks (SEC-06)."""
    for number in range(30):
        email = f"v{number}@ex.com"
        theirs, _ = await planted(replace(mallory, email=email, caller=Caller(f"198.51.100.{number}", "curl", "test")))
        user = await users.find(deps.db.reads, theirs.session.user_id)
        key = Proof(Method.PASSKEY, ("hwk", "user"), email, user)
        mail = Proof(Method.LINK, ("email",), email)
        endings = await asyncio.gather(*(finish(deps, proof) for proof in (key, mail, key)))
        assert isinstance(endings[1], Session)
        for ending in (endings[0], endings[2]):
            assert ending is Reason.UNKNOWN or isinstance(ending, Session)
        assert [it.id for it in await sessions.of_owner(deps, endings[1])] == [endings[1].id]


async def finish(deps: Deps, proof: Proof) -> Ending:
    """Show a proof."""
    return await deps.db.unit(lambda tx: sign_in.finish(tx, deps, proof, Caller(), deps.clock.now()))


async def test_many_first_proofs_at_once_make_one_account(deps: Deps, clock: FakeClock, ann: Resident, mallory: Resident) -> None:
    """Two links of the owner's, one of them with the stranger's app at work: one id, and it is new (SEC-05, SEC-06)."""
    theirs, _ = await planted(mallory)
    links = []
    for _ in range(3):
        links.append(await ann.letter())
        clock.tick(61)
    done = await asyncio.gather(*(ann.open(link) for link in links), return_exceptions=True)
    inside = {it.session.user_id for it in done if isinstance(it, SignedIn)}
    assert len(inside) == 1
    assert theirs.session.user_id not in inside
    assert all(isinstance(it, SignedIn | SignInFailed) for it in done)


async def test_an_account_that_nobody_proves_is_over_after_a_day(deps: Deps, clock: FakeClock, mallory: Resident) -> None:
    """With its sessions and its app, and then the address is free again (SEC-07)."""
    done, mine = await planted(mallory)
    assert done.session.absolute_expires_at == clock.now() + 86_400
    clock.tick(86_399)
    assert (await mallory.alone(mallory.code(mine))).session.absolute_expires_at == clock.now() + 1
    clock.tick(1)
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, done.tokens.refresh_token, mallory.caller)
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await mallory.alone(mallory.code(mine))
    assert (await audited(deps, Event.SIGN_IN_FAILED)) == ["expired"]
    await housekeeping.sweep(deps)
    assert await users.find_by_email(deps.db.reads, "ann@ex.com") is None
    clock.tick(901)
    assert await planted(mallory)


async def test_nobody_makes_accounts_by_the_dozen(deps: Deps, mallory: Resident) -> None:
    """Each may cost a row, so a client gets twenty an hour (SEC-05)."""
    for number in range(20):
        await replace(mallory, email=f"v{number}@ex.com").enrol(None)
    with pytest.raises(RateLimited):
        await replace(mallory, email="one.more@ex.com").enrol(None)


async def test_where_it_is_switched_off_again_its_accounts_are_closed_and_go(deps: Deps, clock: FakeClock, mallory: Resident) -> None:
    """What is planted signs nobody in any more, and after a day it is gone (SEC-07)."""
    _, mine = await planted(mallory)
    off = replace(mallory, deps=replace(deps, config=deps.config.model_copy(update={"enrolment": "session"})))
    clock.tick(30)
    with pytest.raises(SignInFailed):
        await off.alone(off.code(mine))
    assert await audited(deps, Event.SIGN_IN_FAILED) == ["unverified"]
    with pytest.raises(Unauthenticated):
        await replace(off, email="new@ex.com").enrol(None)
    clock.tick(86_400)
    await housekeeping.sweep(off.deps)
    assert await users.find_by_email(deps.db.reads, "ann@ex.com") is None


async def test_a_code_that_could_never_be_used_is_not_given_out(deps: Deps, mallory: Resident) -> None:
    """Where codes sign nobody in alone, an account without a mailbox has no use for them (SEC-35)."""
    strict = replace(deps, config=deps.config.model_copy(update={"totp_mode": "second_factor"}))
    with pytest.raises(Unauthenticated):
        await replace(mallory, deps=strict).enrol(None)
    assert await users.find_by_email(deps.db.reads, "ann@ex.com") is None
