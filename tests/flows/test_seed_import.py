"""People of the Rust server come along with what they sign in with, and strangers' factors stay worthless (SEC-05 to SEC-07)."""

from collections import Counter
from pathlib import Path

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import SignInFailed, Unauthenticated
from pwauth_server.events import Event
from pwauth_server.flows import admin_users, housekeeping, own_data, seed_import, tokens
from pwauth_server.flows.seed_import import ACCOUNTS, PASSKEYS, SECRETS, Report
from pwauth_server.store import factors, sessions, totp, users
from pwauth_server.store import passkeys as store
from pwauth_server.store.users import User
from tests.admins import BOSS, HERE
from tests.authenticator import Authenticator
from tests.backup_fakes import quiet
from tests.conftest import needs_postgres
from tests.fakes import NEW_YEAR, FakeClock
from tests.flows.passkey_holders import ME, enter
from tests.mail_fakes import ScriptedTransport, audited, open_world
from tests.residents import Resident
from tests.rust_server import LONG_AGO, RustServer

#: Sequences are not rolled back, so the next try gets through.
REFUSE_SECOND_USER_ONCE = """
CREATE SEQUENCE users_tried;
CREATE FUNCTION refuse_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('users_tried') = 2 THEN RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_second AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse_second();
"""
#: The world that people move to.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000}


@pytest.fixture
def old(tmp_path: Path) -> RustServer:
    """Return the server that people move from."""
    return RustServer(tmp_path / "seed.db")


async def moved(deps: Deps, old: RustServer, *, trust: bool = False, is_dry: bool = False) -> Report:
    """Import what the old server holds."""
    return await seed_import.run(deps, old.path, trust=trust, is_dry=is_dry, watch=quiet)


async def person(deps: Deps, email: str = "ann@ex.com") -> User:
    """Return the account of an address."""
    found = await users.find_by_email(deps.db.reads, email)
    assert found is not None
    return found


async def test_apps_and_passkeys_of_the_old_server_sign_in(deps: Deps, old: RustServer, clock: FakeClock) -> None:
    """Under the ids that apps know, synchronised passkeys and those of a device alike, by address and without one."""
    ann, ben, carl = (old.user(f"{name}@ex.com") for name in ("ann", "ben", "carl"))
    mine = old.with_app(ann)
    fixed = old.with_passkey(ben, Authenticator())
    synced = old.with_passkey(carl, Authenticator(synced=True))
    report = await moved(deps, old)
    assert (report.carried, report.waiting, report.problems) == ({ACCOUNTS: 3, SECRETS: 1, PASSKEYS: 2}, 3, [])
    resident = Resident(deps)
    done = await resident.alone(resident.code(mine))
    assert (str(done.session.user_id), done.session.amr) == (ann, ("otp",))
    with pytest.raises(SignInFailed):
        await resident.alone(resident.code(mine))
    for _ in range(2):
        session = await enter(deps, fixed, email="ben@ex.com")
        assert (str(session.user_id), session.amr) == (ben, ("hwk", "user", "mfa"))
        session = await enter(deps, synced)
        assert (str(session.user_id), session.amr) == (carl, ("swk", "user", "mfa"))
        clock.tick(30)
    assert (await person(deps)).created_at == LONG_AGO


async def test_a_passkey_keeps_the_kind_that_it_showed_first(deps: Deps, old: RustServer) -> None:
    """The old server did not keep it; once it is learnt, the passkey of a device never becomes a synchronised one (SEC-45)."""
    key = old.with_passkey(old.user("ann@ex.com"), Authenticator())
    await moved(deps, old)
    await enter(deps, key)
    (passkey,) = await store.of_user(deps.db.reads, (await person(deps)).id)
    assert (passkey.backup_eligible, passkey.transports, passkey.sign_count) == (False, ("hybrid", "internal"), 2)
    key.synced = True
    with pytest.raises(SignInFailed):
        await enter(deps, key)


async def test_what_a_stranger_planted_dies_with_the_first_letter(deps: Deps, old: RustServer) -> None:
    """Until then it opens a session that no app takes; the mailbox's owner gets another id, and nothing of the stranger's (SEC-06)."""
    victim = old.user("ann@ex.com")
    planted, key = old.with_app(victim), old.with_passkey(victim, Authenticator())
    await moved(deps, old)
    ann = Resident(deps)
    theirs = await ann.alone(ann.code(planted))
    access = (await tokens.prove(deps, theirs.tokens.access_token)).access
    assert (access.email, access.acr, access.audience) == (None, "unverified", "http://localhost:3000/unverified")
    assert not await ann.is_in(theirs)
    with pytest.raises(Unauthenticated):
        await ann.enrol(None)
    own = await ann.sign_in()
    assert str(own.session.user_id) != victim
    assert not (await factors.owned(deps.db.reads, own.session.user_id)).beyond_mail
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(planted, steps=1))
    with pytest.raises(SignInFailed):
        await enter(deps, key)
    assert await audited(deps, Event.UNVERIFIED_RESET) == ["none"]
    report = await moved(deps, old)
    assert (report.carried, len(report.problems)) == (Counter(), 1)


async def test_a_planted_factor_that_was_removed_leaves_no_session_behind(deps: Deps, old: RustServer) -> None:
    """An administrator takes it away, but who had signed in by it had the account: its owner gets another one (SEC-06)."""
    victim = old.user("ann@ex.com")
    planted = old.with_app(victim)
    await moved(deps, old)
    ann = Resident(deps)
    theirs = await ann.alone(ann.code(planted))
    await admin_users.remove_totp(deps, BOSS, victim, HERE)
    own = await ann.sign_in()
    assert str(own.session.user_id) != victim
    assert await sessions.find(deps.db.reads, theirs.session.id) is None


async def test_whoever_holds_factor_and_mailbox_keeps_both(deps: Deps, old: RustServer, clock: FakeClock) -> None:
    """With the session of the app in hand the first letter proves the account as it is (policy a)."""
    old_id = old.user("ann@ex.com")
    mine = old.with_app(old_id)
    await moved(deps, old)
    ann = Resident(deps)
    done = await ann.alone(ann.code(mine))
    own = await ann.sign_in(done.session)
    assert (str(own.session.user_id), own.session.verified, own.session.acr) == (old_id, True, "mfa")
    clock.tick(30)
    assert await ann.is_in(await ann.alone(ann.code(mine)))


async def test_accounts_without_factors_keep_their_id(deps: Deps, old: RustServer, clock: FakeClock) -> None:
    """Most people of the old server have nothing but the mailbox, and nobody else could sign in to it."""
    old_id = old.user("ann@ex.com")
    await moved(deps, old)
    clock.tick(200_000)
    await housekeeping.sweep(deps)
    own = await Resident(deps).sign_in()
    assert (str(own.session.user_id), own.session.verified) == (old_id, True)
    assert await audited(deps, Event.UNVERIFIED_RESET) == []


async def test_nobody_else_adds_the_first_factor(deps: Deps, old: RustServer, clock: FakeClock) -> None:
    """Not even where anybody may add one to an address of its own, and unproven accounts of old stay there (SEC-01)."""
    object.__setattr__(deps, "config", deps.config.model_copy(update={"enrolment": "first_use"}))
    old.user("ann@ex.com", created_at=int(NEW_YEAR))
    await moved(deps, old)
    with pytest.raises(Unauthenticated):
        await Resident(deps).enrol(None)
    clock.tick(200_000)
    await housekeeping.sweep(deps)
    assert not (await person(deps)).verified


async def test_trust_needs_a_mailbox_that_was_shown_there(deps: Deps, old: RustServer) -> None:
    """An operator vouches for the server, not for addresses that nobody ever had a letter of; trust may come later."""
    proven, squatted = old.by_link(old.user("ann@ex.com")), old.user("ben@ex.com")
    mine, theirs = old.with_app(proven), old.with_app(squatted)
    await moved(deps, old)
    report = await moved(deps, old, trust=True)
    assert (report.carried, report.here) == (Counter(), 2)
    ann, ben = Resident(deps), Resident(deps, "ben@ex.com")
    done = await ann.alone(ann.code(mine))
    assert (done.session.verified, await ann.is_in(done)) == (True, True)
    assert not (await ben.alone(ben.code(theirs))).session.verified
    assert (await ann.sign_in()).session.user_id == done.session.user_id


async def test_an_account_of_ours_is_left_alone(deps: Deps, old: RustServer) -> None:
    """Whatever the old server says of its address."""
    ann = Resident(deps)
    _, own = await ann.with_app()
    planted = old.with_app(old.by_link(old.user("ANN@ex.com")))
    (problem,) = (await moved(deps, old)).problems
    assert (problem.who, problem.why) == ("ann@ex.com", "account left out: the address has one here, which stays as it is")
    (problem,) = (await moved(deps, old, trust=True)).problems
    assert problem.why == "one-time password left out: the account has one here"
    with pytest.raises(SignInFailed):
        await ann.alone(ann.code(planted))
    await ann.alone(ann.code(own, steps=1))


async def test_an_account_of_ours_gets_what_it_lacks_from_a_trusted_server(deps: Deps, old: RustServer) -> None:
    """Its owner is told, so that a stranger's factor can be taken back."""
    ann = Resident(deps)
    here = (await ann.sign_in()).session.user_id
    there = old.by_link(old.user("ann@ex.com"))
    mine, key = old.with_app(there), old.with_passkey(there, Authenticator())
    report = await moved(deps, old, trust=True)
    assert (report.carried, report.problems) == ({SECRETS: 1, PASSKEYS: 1}, [])
    assert (await ann.alone(ann.code(mine))).session.user_id == here
    assert (await enter(deps, key)).user_id == here
    assert await ann.notices() == ["passkey.added", "totp.added"]
    again = await moved(deps, old, trust=True)
    assert again.carried == Counter()
    assert [why.partition(" left out")[0] for _, why in again.problems] == ["one-time password", "passkey"]


async def test_a_dry_run_says_the_same_and_changes_nothing(deps: Deps, old: RustServer) -> None:
    """What it counts is what the import then does."""
    for number in range(seed_import.BATCH + 1):
        old.with_app(old.user(f"person{number}@ex.com"))
    old.user("no address")
    rehearsed = await moved(deps, old, is_dry=True)
    assert await users.find_by_email(deps.db.reads, "person0@ex.com") is None
    assert await audited(deps, Event.USER_IMPORTED) == []
    report = await moved(deps, old)
    assert (report.carried, report.problems, report.waiting) == (rehearsed.carried, rehearsed.problems, rehearsed.waiting)
    assert report.carried[ACCOUNTS] == seed_import.BATCH + 1
    again = await moved(deps, old)
    assert (again.carried, again.here) == (Counter(), seed_import.BATCH + 1)
    assert len(await audited(deps, Event.USER_IMPORTED)) == seed_import.BATCH + 1


@needs_postgres
async def test_a_unit_that_is_begun_anew_counts_once(postgres_config: Config, clock: FakeClock, old: RustServer) -> None:
    """The server refuses its first try, as it does to one of two that wait for each other: nothing of that was carried over."""
    deps = await open_world(postgres_config, clock, ScriptedTransport())
    await deps.db.reads.orm.execute_script(REFUSE_SECOND_USER_ONCE)
    for name in ("ann", "ben"):
        old.with_app(old.user(f"{name}@ex.com"))
    report = await moved(deps, old)
    await deps.db.close()
    assert (report.carried, report.waiting) == ({ACCOUNTS: 2, SECRETS: 2}, 2)


async def test_an_account_that_was_deleted_here_does_not_come_back(deps: Deps, old: RustServer) -> None:
    """An id that somebody gave up is never given again (SEC-09)."""
    old.user("ann@ex.com")
    await moved(deps, old)
    await own_data.delete(deps, (await Resident(deps).sign_in()).session, ME)
    (problem,) = (await moved(deps, old)).problems
    assert problem.why == "account left out: it was deleted here"


async def test_secrets_are_sealed_on_arrival(deps: Deps, old: RustServer) -> None:
    """Nothing of what stands in the old file in the clear stands in ours (SEC-71)."""
    ann = old.by_link(old.user("ann@ex.com"))
    mine = old.with_app(ann)
    await moved(deps, old)
    sealed = (await totp.find(deps.db.reads, (await person(deps)).id)).sealed_secret
    assert sealed is not None
    assert mine.secret not in sealed
