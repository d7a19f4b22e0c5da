"""A person's passkeys: who may add one, what happens at once, and which one must stay."""

import asyncio
import json

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import (
    CeremonyOver,
    Conflict,
    IdentityMismatch,
    LastFactor,
    Missing,
    PasskeyRefused,
    StepUpRequired,
    Unauthenticated,
)
from pwauth_server.events import Event, Reason
from pwauth_server.flows import passkey_sign_in, passkeys
from pwauth_server.flows.ceremonies import LIFE
from pwauth_server.flows.passkeys import MAX_PASSKEYS
from pwauth_server.store import sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from tests.authenticator import Authenticator
from tests.fakes import FakeClock
from tests.flows.passkey_holders import ANN, BEN, ME, add, by_mail, enter, strongly

SUSPEND = Sql("test_suspend", "UPDATE passkeys SET suspended_at = ? WHERE id = ?")
FACTS = Sql("test_facts", "SELECT facts FROM audit_log WHERE event = ? ORDER BY id")
LETTERS = Sql("test_letters", "SELECT COUNT(*) AS n FROM email_queue WHERE kind = 'notice' AND recipient = ?")


async def mail_off(deps: Deps, session: Session) -> None:
    """Let a person no longer sign in by mail."""
    await deps.db.unit(lambda tx: users.set_mail_sign_in(tx, session.user_id, off_at=deps.clock.now()))


async def facts_of(deps: Deps, event: Event) -> list[dict[str, str]]:
    """Return the facts of every audit row of an event."""
    return [json.loads(row["facts"]) for row in await deps.db.reads.all(FACTS, event.value)]


async def notices_to(deps: Deps, email: str) -> int:
    """Return how many notices were posted."""
    row = await deps.db.reads.one(LETTERS, email)
    return int(row["n"]) if row else 0


async def test_a_passkey_is_added_listed_and_used(deps: Deps) -> None:
    """With a name of its own, mailed and audited, and the session it opens knows what was shown (SEC-57, SEC-58)."""
    ann, key = await by_mail(deps), Authenticator()
    added = await add(deps, ann, key, name="Blue key")
    assert (added.name, added.credential_id, added.transports) == ("Blue key", key.credential_id, ("hybrid", "internal"))
    listed = await passkeys.listed(deps, ann)
    assert (listed.passkeys, listed.accepted, listed.handle) == ([added], [key.credential_id], key.user_handle)
    assert await facts_of(deps, Event.PASSKEY_ADDED) == [{"passkey": str(added.id)}]
    assert await notices_to(deps, ANN) == 1
    session = await enter(deps, key)
    assert (session.user_id, session.amr, session.acr) == (ann.user_id, ("hwk", "user", "mfa"), "phr")
    assert (await enter(deps, key, email=ANN)).user_id == ann.user_id
    used = (await passkeys.listed(deps, ann)).passkeys[0]
    assert (used.sign_count, used.last_used_at) == (2, deps.clock.now())


async def test_a_synchronised_passkey_is_told_apart_and_counts_nothing(deps: Deps) -> None:
    """Its counter stays at zero however often it is used, and `amr` says that it may be copied (SEC-45)."""
    ann, key = await by_mail(deps), Authenticator(synced=True)
    assert (await add(deps, ann, key)).name == "Google Password Manager"
    for _ in range(3):
        assert (await enter(deps, key)).amr == ("swk", "user", "mfa")


async def test_a_person_is_known_by_one_handle(deps: Deps) -> None:
    """Sixty-four bytes that say nothing, the same for every passkey of a person (SEC-44)."""
    ann, one, other = await by_mail(deps), Authenticator(), Authenticator()
    await add(deps, ann, one)
    ann = await enter(deps, one)
    options = await passkeys.begin(deps, ann, email=ANN, caller=ME)
    assert [it["id"] for it in options.public_key["excludeCredentials"]] == [passkeys_id(one)]
    await add(deps, ann, other)
    assert one.user_handle == other.user_handle
    assert len(one.user_handle or b"") == 64
    ben = Authenticator()
    await add(deps, await by_mail(deps, BEN), ben)
    assert ben.user_handle != one.user_handle


async def test_a_challenge_belongs_to_one_session_and_works_once(deps: Deps, clock: FakeClock) -> None:
    """A stranger's is missing, a sign-in's and an old one are over, and failing uses it up (SEC-40)."""
    ann, ben, key = await by_mail(deps), await by_mail(deps, BEN), Authenticator()

    async def finish(session: Session | None, pending_id: str, response: dict[str, object]) -> None:
        await passkeys.finish(deps, session, pending_id=pending_id, response=response, name=None, caller=ME)

    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    answer = key.make(options.public_key)
    with pytest.raises(Missing):
        await finish(ben, options.pending_id, answer)
    with pytest.raises(CeremonyOver):
        await finish(ann, options.pending_id, answer)
    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    with pytest.raises(PasskeyRefused):
        await finish(ann, options.pending_id, key.make(options.public_key, client={"origin": "https://evil.io"}))
    with pytest.raises(CeremonyOver):
        await finish(ann, options.pending_id, key.make(options.public_key))
    with pytest.raises(CeremonyOver):
        await finish(ann, (await passkey_sign_in.begin(deps, email=ANN)).pending_id, answer)
    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    clock.tick(LIFE)
    with pytest.raises(CeremonyOver):
        await finish(ann, options.pending_id, key.make(options.public_key))
    assert (await passkeys.listed(deps, ann)).passkeys == []
    assert (await passkeys.listed(deps, ben)).passkeys == []


async def test_one_answer_adds_one_passkey(deps: Deps) -> None:
    """Of ten parallel completions one stores it, the others come too late (SEC-40)."""
    ann, key = await by_mail(deps), Authenticator()
    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    answer = key.make(options.public_key)

    async def finish() -> object:
        return await passkeys.finish(deps, ann, pending_id=options.pending_id, response=answer, name=None, caller=ME)

    outcomes = await asyncio.gather(*(finish() for _ in range(10)), return_exceptions=True)
    assert [type(it) for it in outcomes].count(CeremonyOver) == 9
    assert len((await passkeys.listed(deps, ann)).passkeys) == 1


async def test_an_id_that_somebody_has_is_refused(deps: Deps) -> None:
    """Whoever could register another's credential id would be taken for the other (SEC-46)."""
    theirs, mine = Authenticator(), Authenticator()
    await add(deps, await by_mail(deps, BEN), theirs)
    ann = await by_mail(deps)
    with pytest.raises(PasskeyRefused):
        await add(deps, ann, mine, credential_id=theirs.credential_id)
    assert (await passkeys.listed(deps, ann)).passkeys == []
    assert (await enter(deps, theirs)).email == BEN


async def test_an_address_that_is_named_must_be_ones_own(deps: Deps) -> None:
    """Nobody adds a passkey to an account whose session they do not hold (SEC-01)."""
    await by_mail(deps, BEN)
    with pytest.raises(IdentityMismatch):
        await passkeys.begin(deps, await by_mail(deps), email=BEN, caller=ME)
    for email in (None, ANN, "nobody@ex.com"):
        with pytest.raises(Unauthenticated):
            await passkeys.begin(deps, None, email=email, caller=ME)


async def test_a_session_that_ended_adds_and_removes_nothing(deps: Deps) -> None:
    """Between the guard and the write somebody may have ended it and disowned what it did (SEC-09, SEC-58)."""
    ann, key = await by_mail(deps), Authenticator()
    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    stays = await add(deps, ann, key)
    await deps.db.unit(lambda tx: sessions.end(tx, ann.id, now=deps.clock.now(), reason=Reason.DISOWNED))
    answer = Authenticator().make(options.public_key)
    with pytest.raises(Unauthenticated):
        await passkeys.finish(deps, ann, pending_id=options.pending_id, response=answer, name=None, caller=ME)
    with pytest.raises(Unauthenticated):
        await passkeys.begin(deps, ann, email=None, caller=ME)
    with pytest.raises(Unauthenticated):
        await passkeys.remove(deps, ann, str(stays.id), ME)
    assert (await passkeys.listed(deps, ann)).passkeys == [stays]


async def test_there_are_twenty_at_the_most(deps: Deps) -> None:
    """Also if two are added at once (SEC-41)."""
    ann = await strongly(deps)
    for _ in range(MAX_PASSKEYS - 1):
        await add(deps, ann, Authenticator())
    outcomes = await asyncio.gather(*(add(deps, ann, Authenticator()) for _ in range(3)), return_exceptions=True)
    assert [type(it) for it in outcomes].count(Conflict) == 2
    with pytest.raises(Conflict):
        await passkeys.begin(deps, ann, email=None, caller=ME)
    assert len((await passkeys.listed(deps, ann)).passkeys) == MAX_PASSKEYS


async def test_a_session_that_grew_too_weak_meanwhile_adds_none(deps: Deps) -> None:
    """A mailbox alone began it, but the account has a passkey by now: its owner must show that one (SEC-57)."""
    ann = await by_mail(deps)
    begun = await passkeys.begin(deps, ann, email=None, caller=ME)
    await add(deps, ann, Authenticator())
    with pytest.raises(StepUpRequired):
        await passkeys.finish(deps, ann, pending_id=begun.pending_id, response=Authenticator().make(begun.public_key), name=None, caller=ME)
    assert len((await passkeys.listed(deps, ann)).passkeys) == 1


async def test_the_last_way_in_stays(deps: Deps) -> None:
    """Without letters the last passkey cannot be removed, and of two removals at once one is refused (SEC-59)."""
    ann, keys = await strongly(deps), [Authenticator(), Authenticator()]
    first, second = [await add(deps, ann, key) for key in keys]
    await mail_off(deps, ann)
    removals = (passkeys.remove(deps, ann, str(it.id), ME) for it in (first, second))
    outcomes = await asyncio.gather(*removals, return_exceptions=True)
    assert [type(it) for it in outcomes].count(LastFactor) == 1
    assert len((await passkeys.listed(deps, ann)).passkeys) == 1
    assert len(await facts_of(deps, Event.PASSKEY_REMOVED)) == 1


async def test_with_letters_the_last_passkey_may_go(deps: Deps) -> None:
    """The owner is told, and what is left is answered (SEC-58, SEC-59)."""
    ann, key = await strongly(deps), Authenticator()
    added = await add(deps, ann, key)
    left = await passkeys.remove(deps, ann, str(added.id), ME)
    assert (left.passkeys, left.accepted, left.handle) == ([], [], key.user_handle)
    assert await notices_to(deps, ANN) == 2
    with pytest.raises(Missing):
        await passkeys.remove(deps, ann, str(added.id), ME)


async def test_an_administrator_keeps_a_passkey(deps: Deps) -> None:
    """Administrators act with a passkey, so one of theirs has to stay (SEC-59)."""
    ann = await strongly(deps)
    first, second = [await add(deps, ann, Authenticator()) for _ in range(2)]
    await deps.db.unit(lambda tx: users.set_roles(tx, ann.user_id, ["admin"]))
    await passkeys.remove(deps, ann, str(first.id), ME)
    with pytest.raises(LastFactor):
        await passkeys.remove(deps, ann, str(second.id), ME)


async def test_a_disowned_passkey_counts_for_nothing(deps: Deps) -> None:
    """It is shown as such, kept from browsers, and may go even if it is the last (SEC-58, SEC-59)."""
    ann = await strongly(deps)
    good, bad = [await add(deps, ann, Authenticator()) for _ in range(2)]
    await deps.db.unit(lambda tx: tx.run(SUSPEND, deps.clock.now(), bad.id))
    await mail_off(deps, ann)
    listed = await passkeys.listed(deps, ann)
    assert {it.id: it.suspended_at for it in listed.passkeys} == {good.id: None, bad.id: deps.clock.now()}
    assert listed.accepted == [good.credential_id]
    with pytest.raises(LastFactor):
        await passkeys.remove(deps, ann, str(good.id), ME)
    assert (await passkeys.remove(deps, ann, str(bad.id), ME)).accepted == [good.credential_id]


async def test_a_passkey_of_somebody_else_is_as_missing_as_none(deps: Deps) -> None:
    """Neither its name nor itself can be taken away by others (SEC-48)."""
    ann, ben = await by_mail(deps), await by_mail(deps, BEN)
    hers = await add(deps, ann, Authenticator())
    for passkey_id in (str(hers.id), str(hers.id).upper(), "x", ""):
        with pytest.raises(Missing):
            await passkeys.rename(deps, ben, passkey_id, "mine", ME)
        with pytest.raises(Missing):
            await passkeys.remove(deps, ben, passkey_id, ME)
    renamed = await passkeys.rename(deps, ann, str(hers.id), "Red key", ME)
    assert (renamed.name, (await passkeys.listed(deps, ann)).passkeys) == ("Red key", [renamed])
    assert await facts_of(deps, Event.PASSKEY_RENAMED) == [{"passkey": str(hers.id)}]


def passkeys_id(authenticator: Authenticator) -> str:
    """Return an authenticator's credential id as options name it."""
    return str(authenticator.use({"challenge": "x"})["id"])
