"""Administrators and people, on both databases: what is refused, what is told, what happens at once."""

import json
from uuid import UUID, uuid4

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Forbidden, LastFactor, Malformed, Missing, Refused
from pwauth_server.events import Event
from pwauth_server.flows import admin_users, admins, mail
from pwauth_server.flows.admin_users import Change
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import magic_links, passkeys, sessions, users
from pwauth_server.store.statements import Sql
from tests.admins import BOSS, HERE, add_passkey, add_totp, arrive, change
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, new_link, open_world
from tests.store import rows

AUDIT = Sql("test_audit_of", "SELECT event, user_id, ip, reason, facts FROM audit_log WHERE event = ? ORDER BY id")


async def letters(deps: Deps) -> list[str]:
    """Return the kinds of letters in the queue, oldest first."""
    return [row["kind"] for row in reversed(await mail.listed(deps))]


async def test_who_is_shut_out_has_nothing_left(deps: Deps) -> None:
    """Sessions end in that instant, open links are closed, and letting in again revives none of them (SEC-09)."""
    first, second, other = await arrive(deps, "ann@ex.com"), await arrive(deps, "ann@ex.com"), await arrive(deps, "bob@ex.com")
    link = await new_link(deps)
    stale = await arrive(deps, link.email)
    await deps.db.unit(lambda tx: magic_links.create(tx, rows.link(2, email=link.email)))
    await change(deps, stale.user_id, disabled=True)
    shut = await change(deps, first.user_id, disabled=True)
    assert (shut.profile.user.disabled, shut.sessions) == (True, 0)
    for session in (first, second, stale):
        found = await sessions.find(deps.db.reads, session.id)
        assert found is not None
        assert found.ended
    assert await sessions.count_live_of(deps.db.reads, other.user_id, deps.clock.now()) == 1
    back = await change(deps, stale.user_id, disabled=False)
    assert (back.profile.user.disabled, back.sessions) == (False, 0)
    found_link = await magic_links.find(deps.db.reads, rows.link(2).id)
    assert found_link is not None
    assert found_link.closed


async def test_every_change_is_written_down(deps: Deps) -> None:
    """Who did what to whom, and what it was before; no name and no address (SEC-91)."""
    ann = (await arrive(deps, "ann@ex.com")).user_id
    await change(deps, ann, disabled=True, name="Ann", roles=("staff",))
    await change(deps, ann, disabled=False)
    found = {event: await deps.db.reads.all(AUDIT, event.value) for event in (Event.USER_DISABLED, Event.USER_ENABLED, Event.USER_CHANGED)}
    facts = [row["facts"] for rows in found.values() for row in rows]
    assert all(BOSS.word in fact for fact in facts)
    assert ['"before":"enabled","after":"disabled"' in fact for fact in facts[:1]] == [True]
    assert ['"before":"","after":"staff"' in fact for fact in facts[2:3]] == [True]
    assert '"changed":"name"' in facts[3]
    assert "Ann" not in "".join(facts)
    again = await change(deps, ann, disabled=False, name="Ann", roles=("staff",))
    assert again.profile.user.name == "Ann"
    assert len(await deps.db.reads.all(AUDIT, Event.USER_CHANGED.value)) == 2
    with pytest.raises(Malformed):
        await change(deps, ann)


async def test_nobody_is_made_an_administrator_here(deps: Deps) -> None:
    """A stolen key cannot make one that outlives it; taking the role away is possible, and its owner is told (SEC-90, SEC-91)."""
    await arrive(deps, "boss@ex.com", "admin")
    ann = (await arrive(deps, "ann@ex.com", "admin", "staff")).user_id
    bob = (await arrive(deps, "bob@ex.com")).user_id
    with pytest.raises(Forbidden):
        await change(deps, bob, roles=("admin",))
    assert (await change(deps, ann, roles=("admin", "audit"))).profile.user.roles == ("admin", "audit")
    assert (await change(deps, ann, roles=("staff",))).profile.user.roles == ("staff",)
    assert await letters(deps) == ["notice"]
    assert (await deps.db.reads.all(AUDIT, Event.ROLE_REVOKED.value))[0]["user_id"] is not None


async def test_a_session_that_ends_with_its_account_names_who_ended_it(deps: Deps) -> None:
    """As every other thing that an administrator does (SEC-91)."""
    ann = (await arrive(deps, "ann@ex.com")).user_id
    await admin_users.delete(deps, BOSS, str(ann), HERE)
    for event in (Event.SESSION_ENDED, Event.USER_DELETED):
        (row,) = await deps.db.reads.all(AUDIT, event.value)
        assert json.loads(row["facts"]) == {"by": BOSS.word}


async def test_a_role_is_told_in_one_shape(sqlite_config: Config, clock: FakeClock) -> None:
    """Programs read it (`webhook_url`): what was before and after, and `by` whom if an administrator did it, whichever way it came."""
    config = sqlite_config.model_copy(update={"admin_emails": ["boss@ex.com"]})
    deps = await open_world(config, clock, ScriptedTransport())
    try:
        await arrive(deps, "boss@ex.com")
        ann = (await arrive(deps, "ann@ex.com", "staff")).user_id
        await admins.grant(deps, "ann@ex.com")
        await admins.revoke(deps, "ann@ex.com")
        await admins.grant(deps, "ann@ex.com")
        await change(deps, ann, roles=("staff",))
        rows_of = [await deps.db.reads.all(AUDIT, event.value) for event in (Event.ROLE_GRANTED, Event.ROLE_REVOKED)]
        told = [json.loads(row["facts"]) for found in rows_of for row in found]
    finally:
        await deps.db.close()
    given, taken = {"before": "staff", "after": "admin staff"}, {"before": "admin staff", "after": "staff"}
    assert told == [{"before": "", "after": "admin"}, given, given, taken, {"by": BOSS.word, **taken}]


async def test_who_is_named_by_the_configuration_keeps_the_role(sqlite_config: Config, clock: FakeClock) -> None:
    """It would come back with the next sign-in, so whoever takes it away is told where it comes from."""
    config = sqlite_config.model_copy(update={"admin_emails": ["ann@ex.com"]})
    deps = await open_world(config, clock, ScriptedTransport())
    try:
        await arrive(deps, "boss@ex.com", "admin")
        ann = (await arrive(deps, "ann@ex.com")).user_id
        with pytest.raises(Conflict, match="admin_emails"):
            await change(deps, ann, roles=())
    finally:
        await deps.db.close()


async def test_factors_are_taken_away_and_the_owner_is_told(deps: Deps) -> None:
    """By letter, once each; where the administrator sits is not in it (SEC-58)."""
    ann = (await arrive(deps, "ann@ex.com")).user_id
    key = await add_passkey(deps, ann)
    await add_totp(deps, ann)
    shown = await admin_users.find(deps, str(ann))
    assert ([it.id for it in shown.passkeys], shown.owned.totp) == ([key], True)
    await admin_users.remove_totp(deps, BOSS, str(ann), HERE)
    await admin_users.remove_passkey(deps, BOSS, str(ann), str(key), HERE)
    left = await admin_users.find(deps, str(ann))
    assert (left.passkeys, left.owned.totp) == ([], False)
    assert await letters(deps) == ["notice", "notice"]
    sent = await _opened(deps)
    assert all(HERE.ip not in text and "an administrator" in text for text in sent)
    (row,) = await deps.db.reads.all(AUDIT, Event.PASSKEY_REMOVED.value)
    assert (row["ip"], str(key) in row["facts"], BOSS.word in row["facts"]) == (HERE.ip, True, True)
    for again in (admin_users.remove_totp(deps, BOSS, str(ann), HERE), admin_users.remove_passkey(deps, BOSS, str(ann), str(key), HERE)):
        with pytest.raises(Missing):
            await again
    assert await letters(deps) == ["notice", "notice"]


async def test_the_last_way_in_stays(deps: Deps) -> None:
    """Without letters the last passkey is not taken away, whatever else there is, nor an administrator's last one (SEC-59)."""
    ann, boss = (await arrive(deps, "ann@ex.com")).user_id, (await arrive(deps, "boss@ex.com", "admin")).user_id
    await deps.db.unit(lambda tx: users.set_mail_sign_in(tx, ann, off_at=1.0))
    key, boss_key = await add_passkey(deps, ann), await add_passkey(deps, boss, 2)
    await add_totp(deps, ann)
    with pytest.raises(LastFactor):
        await admin_users.remove_passkey(deps, BOSS, str(ann), str(key), HERE)
    await admin_users.remove_totp(deps, BOSS, str(ann), HERE)
    with pytest.raises(LastFactor):
        await admin_users.remove_passkey(deps, BOSS, str(boss), str(boss_key), HERE)
    assert (await admin_users.find(deps, str(ann))).owned == Owned(passkeys=1, mail=False)
    assert len((await admin_users.find(deps, str(boss))).passkeys) == 1
    await add_passkey(deps, boss, 3)
    await admin_users.remove_passkey(deps, BOSS, str(boss), str(boss_key), HERE)


async def test_somebody_elses_passkey_is_as_missing_as_none(deps: Deps) -> None:
    """The path names the owner too, and both must fit (SEC-48)."""
    ann, bob = (await arrive(deps, "ann@ex.com")).user_id, (await arrive(deps, "bob@ex.com")).user_id
    key = await add_passkey(deps, ann)
    for owner, wanted in ((bob, key), (ann, uuid4()), (uuid4(), key)):
        with pytest.raises(Missing):
            await admin_users.remove_passkey(deps, BOSS, str(owner), str(wanted), HERE)
    assert await deps.db.unit(lambda tx: passkeys.delete(tx, ann, key))


@pytest.mark.parametrize(
    ("q", "found"),
    (
        ("", ["a_b@ex.com", "ann@ex.com", "bob@ex.com"]),
        ("ANN", ["ann@ex.com"]),
        ("robert", ["bob@ex.com"]),
        ("%", []),
        ("_", ["a_b@ex.com"]),
        ("a_b", ["a_b@ex.com"]),
        ("!", []),
        ("\\", []),
        ("'--", []),
        ("a%b", []),
        ("@ex.com", ["a_b@ex.com", "ann@ex.com", "bob@ex.com"]),
    ),
)
async def test_a_search_is_for_text(deps: Deps, q: str, found: list[str]) -> None:
    """What is a wildcard elsewhere is a letter here, and case does not matter (SEC-78)."""
    for address in ("ann@ex.com", "bob@ex.com", "a_b@ex.com"):
        session = await arrive(deps, address)
        if address == "bob@ex.com":
            await change(deps, session.user_id, name="Robert' OR 1=1")
    answer = await admin_users.search(deps, q=q, limit=100, offset=0)
    assert ([it.user.email for it in answer.profiles], answer.total) == (found, len(found))


async def test_a_person_is_found_by_id(deps: Deps) -> None:
    """Ids stand in logs and tokens; so that is what an administrator has at hand."""
    ann = (await arrive(deps, "ann@ex.com")).user_id
    await arrive(deps, "bob@ex.com")
    assert [it.user.id for it in (await admin_users.search(deps, q=str(ann), limit=9, offset=0)).profiles] == [ann]
    second = await admin_users.search(deps, q="", limit=1, offset=1)
    assert ([it.user.email for it in second.profiles], second.total) == (["bob@ex.com"], 2)


@pytest.mark.parametrize("text", ("", "x", str(UUID(int=7)), "0189C0DE-0000-7000-8000-00000000000A", "0" * 32))
async def test_an_unknown_id_is_missing(deps: Deps, text: str) -> None:
    """Whatever is asked about nobody (SEC-48)."""
    asked = (
        admin_users.find(deps, text),
        admin_users.sessions_of(deps, text),
        admin_users.end_sessions(deps, BOSS, text, HERE),
        admin_users.end_session(deps, BOSS, text, HERE),
        admin_users.delete(deps, BOSS, text, HERE),
        admin_users.remove_totp(deps, BOSS, text, HERE),
        admin_users.change(deps, BOSS, text, Change(name="x"), HERE),
    )
    for question in asked:
        with pytest.raises(Refused) as refused:
            await question
        assert isinstance(refused.value, Missing)


async def _opened(deps: Deps) -> list[str]:
    """Return the sealed facts of every letter, opened."""
    found = await deps.db.reads.all(Sql("test_bodies", "SELECT id, body FROM email_queue ORDER BY id"))
    ids = [str(UUID(bytes=row["id"]) if isinstance(row["id"], bytes) else row["id"]) for row in found]
    return [deps.ring.open(mail.PURPOSE, letter_id, row["body"]).decode() for letter_id, row in zip(ids, found, strict=True)]
