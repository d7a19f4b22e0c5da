import io
import json

import pytest

from pwauth_server.adapters.console import ConsoleTransport
from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import Missing, Unauthenticated
from pwauth_server.events import Event, Occurrence, Reason
from pwauth_server.flows import admin_mail, mail
from pwauth_server.flows.delivery import Postman
from pwauth_server.rules import sealing
from pwauth_server.rules.letters import LetterKind, Letters
from pwauth_server.store import sessions
from pwauth_server.store.fields import as_uuid
from pwauth_server.store.transaction import Tx
from pwauth_server.wiring import make_deps
from tests.admins import HERE, acting, arrive
from tests.fakes import NEW_YEAR, FakeClock
from tests.mail_fakes import DOWN, NEVER, SIGN_IN, ScriptedTransport, audited, post, row, status
from tests.store.rows import OopsError


async def send(deps: Deps) -> None:
    """Deliver what is due."""
    postman = Postman(deps)
    await postman.run()
    await postman.settle()


async def test_a_letter_shares_the_fate_of_its_cause(deps: Deps) -> None:
    """No letter for what did not happen, and nothing that happened without its letter (SEC-84)."""

    async def work(tx: Tx) -> None:
        await mail.post(tx, deps, kind=LetterKind.SIGN_IN, to="ann@ex.com", facts=SIGN_IN, expires_at=NEW_YEAR + 9, now=NEW_YEAR)
        raise OopsError

    with pytest.raises(OopsError):
        await deps.db.unit(work)
    assert await mail.listed(deps) == []
    assert not deps.mail_bell._event.is_set()
    await post(deps)
    assert len(await mail.listed(deps)) == 1
    assert deps.mail_bell._event.is_set()


async def test_what_a_letter_says_is_sealed(deps: Deps) -> None:
    """Whoever reads the database finds neither link nor code, and no row's body opens in another row (SEC-71, SEC-72)."""
    first, second = await row(deps, await post(deps)), await row(deps, await post(deps))
    stored = b"".join(str(value).encode() if not isinstance(value, bytes) else value for value in dict(first).values())
    assert SIGN_IN["code"].encode() not in stored
    assert b"token" not in stored
    letter_id = as_uuid(first["id"])
    assert json.loads(deps.ring.open(mail.PURPOSE, str(letter_id), first["body"])) == SIGN_IN
    with pytest.raises(sealing.CannotOpenError):
        deps.ring.open(mail.PURPOSE, str(letter_id), second["body"])


async def test_queueing_is_counted(deps: Deps, heard: list[Occurrence]) -> None:
    """The queue's depth and the age of its oldest letter are what an operator watches."""
    await post(deps)
    clock = deps.clock
    assert isinstance(clock, FakeClock)
    clock.tick(7)
    counts, age = await mail.snapshot(deps.db.reads, deps.clock.now())
    assert (dict(counts), age) == ({"pending": 1}, 7.0)
    await send(deps)
    counts, age = await mail.snapshot(deps.db.reads, deps.clock.now())
    assert (dict(counts), age) == ({"sent": 1}, 0.0)


async def test_a_test_letter_arrives(deps: Deps) -> None:
    """The operator sees that letters leave, and nothing in it is worth stealing."""
    letter_id = await mail.send_test(deps, "ops@ex.com")
    await send(deps)
    assert await status(deps, letter_id) == "sent"
    (transport,) = deps.transports
    assert isinstance(transport, ScriptedTransport)
    assert transport.taken[0].subject == "Test letter from Passwordless Auth"
    assert "http" not in transport.taken[0].text


async def test_a_dead_letter_is_requeued_by_hand(deps: Deps) -> None:
    """It is due at once, the loop wakes, and the audit log tells (SEC-84)."""
    (transport,) = deps.transports
    assert isinstance(transport, ScriptedTransport)
    transport.script.append(NEVER)
    letter_id = await post(deps)
    await send(deps)
    deps.mail_bell._event.clear()
    await mail.requeue(deps, str(letter_id))
    assert deps.mail_bell._event.is_set()
    assert await audited(deps, Event.LETTER_REQUEUED) == ["none"]
    await send(deps)
    assert await status(deps, letter_id) == "sent"


@pytest.mark.parametrize("letter_id", ("", "x", "00000000-0000-0000-0000-000000000000", "{019b76da-a800-7000-8000-000000000000}"))
async def test_no_letter_that_is_not_dead_is_requeued(deps: Deps, letter_id: str) -> None:
    """A letter that was sent, waits or never was stays as it is."""
    waiting = await post(deps)
    for text in (letter_id, str(waiting)):
        with pytest.raises(Missing):
            await mail.requeue(deps, text)
    assert await audited(deps, Event.LETTER_REQUEUED) == []


async def test_who_has_ceased_to_administer_sends_nothing(deps: Deps) -> None:
    """The guard looked before the transaction began; a session that ended since does nothing more (SEC-90)."""
    (transport,) = deps.transports
    assert isinstance(transport, ScriptedTransport)
    transport.script.append(NEVER)
    dead = await post(deps)
    await send(deps)
    eve = await arrive(deps, "eve@ex.com", "admin")
    await deps.db.unit(lambda tx: sessions.end(tx, eve.id, now=deps.clock.now(), reason=Reason.LOGOUT))
    with pytest.raises(Unauthenticated):
        await mail.requeue(deps, str(dead), HERE, by=acting(eve))
    with pytest.raises(Unauthenticated):
        await admin_mail.send_test(deps, acting(eve), "ops@ex.com", HERE)
    assert [letter["status"] for letter in await mail.listed(deps)] == ["failed"]


async def test_only_finished_letters_are_purged(deps: Deps) -> None:
    """By hand at once, whatever their age."""
    (transport,) = deps.transports
    assert isinstance(transport, ScriptedTransport)
    transport.script += [NEVER, Delivery(Outcome.ACCEPTED), DOWN]
    for number in range(3):
        await post(deps, f"user{number}@ex.com")
    for _ in range(2):
        await send(deps)
    assert await mail.purge(deps) == 2
    assert [it["status"] for it in await mail.listed(deps)] == ["pending"]


async def test_the_terminal_shows_link_and_code(database_config: Config, clock: FakeClock) -> None:
    """Without a mail server somebody who tries the program out copies them from there."""
    terminal = io.StringIO()
    deps = await make_deps(database_config, clock=clock, transports=(ConsoleTransport(terminal),))
    await post(deps)
    await send(deps)
    await deps.db.close()
    lines = terminal.getvalue().splitlines()
    assert {"To: ann@ex.com", "Subject: Sign in to Passwordless Auth", SIGN_IN["link"], SIGN_IN["code"]} <= set(lines)


async def test_a_closed_terminal_is_no_crash() -> None:
    """Whoever closed it can still be reached by a mail server that is set later."""
    terminal = io.StringIO()
    terminal.close()
    letter = Letters("a@ex.com", "Ex", "").render(LetterKind.SIGN_IN, SIGN_IN, to="ann@ex.com", message_id="<1@ex.com>", date=NEW_YEAR)
    transport = ConsoleTransport(terminal)
    assert await transport.deliver(letter, "ann@ex.com") == Delivery(Outcome.DOWN, "closed")
    await transport.rest()
