"""Three days after "this wasn't me": what was disowned still stands in the way of whoever has just the mailbox (SEC-57, SEC-58).

A notice lies in the mailbox for a week, so a thief of the mailbox can press it too. He must not get more by it than
the mailbox already opened.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import LastFactor, Missing, SignInFailed, StepUpRequired
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows import admin_users, disown, mail, notices, recovery
from pwauth_server.flows.sign_in import SecondFactorDue
from pwauth_server.rules import recovery as sheets
from pwauth_server.rules.assurance import FROZEN
from pwauth_server.store import factors, passkeys, totp, users
from pwauth_server.store.fields import as_uuid
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from tests.admins import BOSS, add_passkey
from tests.fakes import FakeClock
from tests.residents import HOME, Resident, held, inside

_MOVE_KEY = Sql("test_move_key", "UPDATE passkeys SET created_at = ? WHERE id = ?")
_NOTICES = Sql("test_newest_notice", "SELECT id, body FROM email_queue WHERE kind = 'notice' ORDER BY id DESC LIMIT 1")
_FIRST_NOTICE = Sql("test_first_notice", "SELECT id, body FROM email_queue WHERE kind = 'notice' ORDER BY id LIMIT 1")
DAY = 86_400.0
#: A world where letters can be had at any time.
SETTINGS = {"email_rate_limit_per_hour": 1_000_000}


@pytest.fixture
def strict(deps: Deps) -> Resident:
    """Return the same person where one-time passwords are a second factor."""
    return Resident(replace(deps, config=deps.config.model_copy(update={"totp_mode": "second_factor"})))


async def press_newest(ann: Resident, *, first: bool = False) -> None:
    """Press "this wasn't me" in the newest notice, or in the first one."""
    row: Any = await ann.deps.db.reads.one(_FIRST_NOTICE if first else _NOTICES)
    facts = json.loads(ann.deps.ring.open(mail.PURPOSE, str(as_uuid(row["id"])), row["body"]))
    await disown.disown(ann.deps, facts["link"].partition("token=")[2], HOME)


async def is_refused(ann: Resident, session: Session) -> tuple[str, ...]:
    """Try to add either factor; return with what the refusals say it could be done."""
    with pytest.raises(StepUpRequired) as no_app:
        await ann.enrol(session)
    with pytest.raises(StepUpRequired) as no_codes:
        await recovery.make(ann.deps, session, HOME)
    assert no_app.value.methods == no_codes.value.methods
    return no_app.value.methods


async def test_the_mailbox_does_not_become_the_second_factor(clock: FakeClock, strict: Resident) -> None:
    """Where one-time passwords are asked for, a thief of the mailbox who disowns the owner's still stands outside."""
    await strict.with_app()
    clock.tick(5 * DAY)
    await press_newest(strict)
    for wait in (0.0, FROZEN - 1):
        clock.tick(wait)
        with pytest.raises(SignInFailed):
            await strict.open(await strict.letter())
    clock.tick(1)
    assert (await strict.sign_in()).session.acr == "email"


async def test_what_was_not_disowned_is_asked_for(clock: FakeClock, strict: Resident) -> None:
    """Recovery codes from before the letter finish the sign-in; the mailbox alone does not."""
    sheet = await recovery.make(strict.deps, (await strict.sign_in()).session, HOME)
    clock.tick(DAY)
    session = (await strict.sign_in()).session
    session = inside(await recovery.step_up_with(strict.deps, code=sheets.normal(sheet[0]), caller=HOME, current=held(session))).session
    await strict.show(await strict.enrol(session), session)
    clock.tick(60)
    await press_newest(strict)
    due = await strict.open(await strict.letter())
    assert isinstance(due, SecondFactorDue)
    assert due.methods == ("recovery_code",)
    code = sheets.normal(sheet[1])
    done = inside(await recovery.finish_with(strict.deps, pending_id=due.pending_id, code=code, caller=HOME, current=None))
    assert done.session.acr == "mfa"


async def test_the_mailbox_alone_changes_nothing(clock: FakeClock, ann: Resident) -> None:
    """It signs in, as it always did, and adds no factor until three days are over."""
    await ann.with_app()
    clock.tick(DAY)
    await press_newest(ann)
    assert await is_refused(ann, (await ann.sign_in()).session) == ()
    clock.tick(FROZEN)
    await ann.with_app()


async def test_recovery_codes_stand_in_the_way_too(clock: FakeClock, ann: Resident) -> None:
    """Disowned codes let nobody in any more, and getting rid of them gives nobody the account."""
    sheet = await recovery.make(ann.deps, (await ann.sign_in()).session, HOME)
    clock.tick(60)
    await press_newest(ann)
    session = (await ann.sign_in()).session
    with pytest.raises(SignInFailed):
        await recovery.step_up_with(ann.deps, code=sheets.normal(sheet[0]), caller=HOME, current=held(session))
    assert await is_refused(ann, session) == ()
    clock.tick(FROZEN)
    await recovery.make(ann.deps, (await ann.sign_in()).session, HOME)


async def test_an_administrator_can_lift_it(clock: FakeClock, strict: Resident) -> None:
    """Who knows the person removes what was disowned, recovery codes too, and the mailbox is enough again; once is enough."""
    session, mine = await strict.with_app()
    clock.tick(30)
    await recovery.make(strict.deps, (await strict.show(mine, session)).session, HOME)
    key = await add_passkey(strict.deps, session.user_id)
    await strict.deps.db.unit(lambda tx: tx.run(_MOVE_KEY, clock.now(), key))
    await strict.deps.db.unit(lambda tx: users.set_mail_sign_in(tx, session.user_id, off_at=1.0))
    clock.tick(60)
    await press_newest(strict, first=True)
    await admin_users.lift(strict.deps, BOSS, str(session.user_id), HOME)
    await strict.with_app()
    with pytest.raises(Missing):
        await admin_users.lift(strict.deps, BOSS, str(session.user_id), HOME)


async def test_an_administrators_disowned_key_can_be_removed(clock: FakeClock, ann: Resident) -> None:
    """It counts for nothing, so it need not stay as the last one (SEC-59)."""
    session = (await ann.sign_in()).session
    await ann.deps.db.unit(lambda tx: users.set_roles(tx, session.user_id, ("admin",)))
    key = await add_passkey(ann.deps, session.user_id)
    await ann.deps.db.unit(lambda tx: factors.suspend_added(tx, session.user_id, since=0, until=2, now=clock.now()))
    await admin_users.remove_passkey(ann.deps, BOSS, str(session.user_id), str(key), HOME)
    assert await passkeys.find(ann.deps.db.reads, session.user_id, key) is None


async def test_mail_that_was_given_up_opens_nothing_by_a_press(clock: FakeClock, ann: Resident) -> None:
    """Where it was off before, it signs in again after three days, and only because nothing else is left (SEC-59)."""
    session, _ = await ann.with_app()
    await ann.deps.db.unit(lambda tx: users.set_mail_sign_in(tx, session.user_id, off_at=clock.now()))
    key = await add_passkey(ann.deps, session.user_id)
    clock.tick(DAY)
    await ann.deps.db.unit(lambda tx: tx.run(_MOVE_KEY, clock.now(), key))
    user = await users.find(ann.deps.db.reads, session.user_id)
    assert user is not None
    added = Occurrence(Event.PASSKEY_ADDED, clock.now(), HOME, user.id)
    owner = user
    await ann.deps.db.unit(lambda tx: notices.tell(tx, ann.deps, added, owner))
    await ann.deps.db.unit(lambda tx: totp.remove(tx, owner.id))
    clock.tick(60)
    await press_newest(ann)
    with pytest.raises(TypeError):
        await ann.letter()  # none was sent
    clock.tick(FROZEN)
    assert (await ann.sign_in()).session.acr == "email"
    user = await users.find(ann.deps.db.reads, session.user_id)
    assert user is not None
    assert user.mail_sign_in


async def test_the_last_disowned_key_without_mail_stays(clock: FakeClock, ann: Resident) -> None:
    """Only by it does the mailbox come back in three days; an administrator lifts the freeze instead (SEC-59)."""
    session = (await ann.sign_in()).session
    key = await add_passkey(ann.deps, session.user_id)
    await ann.deps.db.unit(lambda tx: factors.suspend_added(tx, session.user_id, since=0, until=2, now=clock.now()))
    await ann.deps.db.unit(lambda tx: users.set_mail_sign_in(tx, session.user_id, off_at=1.0))
    with pytest.raises(LastFactor):
        await admin_users.remove_passkey(ann.deps, BOSS, str(session.user_id), str(key), HOME)
    await admin_users.lift(ann.deps, BOSS, str(session.user_id), HOME)
    clock.tick(61)
    assert (await ann.sign_in()).session.acr == "email"
