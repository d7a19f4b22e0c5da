"""Everything about people, for whoever is at the host: whole, of one moment, and without secrets (SEC-92, SEC-98)."""

import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.events import Event
from pwauth_server.flows import exports, own_data
from pwauth_server.store import audit_log
from pwauth_server.store.audit_log import Filter
from pwauth_server.web.admin_answers import export, export_text
from tests.fakes import FakeClock
from tests.mail_fakes import audited
from tests.residents import HOME, Resident

#: A world with limits that nobody meets.
SETTINGS = {"rate_limit_per_minute": 1_000_000, "email_rate_limit_per_hour": 1_000_000}


async def everybody(deps: Deps) -> list[Any]:
    """Return all accounts as they are written down."""
    return [json.loads(export_text(it)) async for it in exports.everybody(deps)]


async def test_the_host_gets_what_a_person_gets(deps: Deps) -> None:
    """The same data by whichever way, and each way is an event."""
    ann = Resident(deps)
    session, mine = await ann.with_app()
    await replace(ann, email="ben@ex.com").sign_in()
    own = json.loads(export_text(await own_data.export(deps, session, HOME)))
    by_host = json.loads(export_text(await exports.of_address(deps, ann.email)))
    (one,) = [it for it in await everybody(deps) if it["account"]["email"] == ann.email]
    assert by_host["events"][0]["event"] == "user.exported"
    assert by_host["events"][1:] == own["events"] == one["events"][1:]
    assert {name: by_host[name] for name in own if name != "events"} == {name: own[name] for name in own if name != "events"}
    assert (own["totp"], len(own["emails"])) == (True, 2)
    assert {**one, "events": []} == {**by_host, "events": []}
    assert len(await audited(deps, Event.USER_EXPORTED)) == 3
    assert mine.secret.hex() not in json.dumps(one)


async def test_nobody_is_exported_for_an_unknown_address(deps: Deps) -> None:
    """It says so instead of writing an empty document."""
    with pytest.raises(Missing, match=r"no account of ann@ex\.com"):
        await exports.of_address(deps, "ann@ex.com")


async def test_all_of_an_export_is_of_one_moment(deps: Deps, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while it is written is not in it, nor what happens to those who are; and nobody waits for it."""
    monkeypatch.setattr(exports, "BATCH", 1)
    people = [Resident(deps, f"person{number}@ex.com") for number in range(3)]
    for person in people:
        await person.sign_in()
    found = []
    async with aclosing(exports.everybody(deps)) as everyone:
        async for it in everyone:
            found.append(json.loads(export_text(it)))
            clock.tick(3600)
            for person in (*people, Resident(deps, f"late{len(found)}@ex.com")):
                await person.sign_in()
    assert sorted(it["account"]["email"] for it in found) == [person.email for person in people]
    assert {len(it["sessions"]) for it in found} == {1}
    assert len(await everybody(deps)) == 6


async def test_thousands_of_rows_come_in_their_order(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at a time is the same as all at once, up to the last one that is wanted."""
    await Resident(deps).sign_in()
    monkeypatch.setattr(audit_log, "BATCH", 2)
    whole = await audit_log.page(deps.db.reads, Filter(), before=None, limit=100)
    assert len(whole) >= 5
    for limit in (1, 2, 3, len(whole), len(whole) + 1):
        assert await audit_log.newest(deps.db.reads, Filter(), before=None, limit=limit) == whole[:limit]
    assert await audit_log.newest(deps.db.reads, Filter(), before=whole[1].id, limit=3) == whole[2:5]


async def test_what_is_written_row_by_row_is_the_whole(deps: Deps) -> None:
    """Also for somebody to whom nothing has happened that is still remembered."""
    await Resident(deps).sign_in()
    found = await exports.of_address(deps, "ann@ex.com")
    for it in (found, replace(found, events=())):
        assert json.loads(export_text(it)) == json.loads(json.dumps(export(it)))
