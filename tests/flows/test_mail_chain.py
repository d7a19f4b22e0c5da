"""Several mail servers in a row: who gets a letter when the first one cannot be reached."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from pydantic import SecretStr

from pwauth_server.adapters.smtp import SmtpTransport
from pwauth_server.adapters.transport import Delivery
from pwauth_server.adapters.webhook import WebhookTransport
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Event
from pwauth_server.flows import mail
from pwauth_server.flows.delivery import Postman
from pwauth_server.flows.mail_chain import LONGEST_REST, SHORTEST_REST
from tests.fakes import FakeClock
from tests.mail_fakes import (
    DOWN,
    LATER,
    LOST,
    NEVER,
    ScriptedTransport,
    Sink,
    audited,
    deaf_server,
    delivered,
    eventually,
    mail_server,
    open_world,
    parsed,
    post,
    row,
)
from tests.server import free_port
from tests.webhook_fakes import SECRET, Receiver, receiving

World = Callable[..., Coroutine[Any, Any, Deps]]


@pytest.fixture
async def world(database_config: Config, clock: FakeClock) -> AsyncIterator[World]:
    """Open a world that mails to two servers on this machine and then to a receiver, or to transports of the test's choice."""
    opened: list[Deps] = []

    async def begin(*transports: Any, ports: tuple[int, ...] = (), **changes: Any) -> Deps:
        first, second, third = (*ports, 1, 1, 1)[:3]
        settings = {"smtp_port": first, "smtp2_port": second, "email_webhook_url": f"http://127.0.0.1:{third}/", **SERVERS, **changes}
        config = database_config.model_copy(update=settings)
        real = (SmtpTransport(config), SmtpTransport(config, "smtp2"), WebhookTransport(config, clock))
        opened.append(await open_world(config, clock, *(transports or real[: len(ports)])))
        return opened[-1]

    yield begin
    for deps in opened:
        for transport in deps.transports:
            await transport.rest()
        await deps.db.close()


SERVERS: dict[str, Any] = {
    f"{name}_{key}": value
    for name in ("smtp", "smtp2")
    for key, value in {"host": "127.0.0.1", "tls": "plain", "timeout_seconds": 1}.items()
} | {"email_webhook_secret": SecretStr(SECRET)}


def counted(deps: Deps) -> dict[str, float]:
    """Return how often each transport met each outcome."""
    found: dict[str, float] = {}
    for family in deps.metrics.registry.collect():
        for sample in family.samples:
            if sample.name == "pwauth_email_deliveries_total" and sample.value:
                found[f"{sample.labels['transport']} {sample.labels['outcome']}"] = sample.value
    return found


def refuses(sink: Sink, answers: dict[str, str]) -> Any:
    """Serve a mail server that answers so."""
    sink.answers = answers
    return mail_server(sink, authenticator=sink.log_in, auth_require_tls=False)


GREETING = (b"220 hm\r\n", b"250 hm\r\n")
#: Servers that have surely not taken the letter, by what is wrong with them.
AWAY: dict[str, Callable[[Sink], Any]] = {
    "down_timeout": lambda _: deaf_server(b""),
    "down_login": lambda sink: mail_server(sink, authenticator=sink.log_in, auth_require_tls=False),
    "down_smtp_554": lambda _: deaf_server(b"554 no\r\n"),
    "down_smtp_421": lambda sink: refuses(sink, {"MAIL": "421 closing"}),
    "timeout": lambda _: deaf_server(*GREETING, b"250 ok\r\n"),
}


@pytest.mark.parametrize("why", AWAY)
async def test_a_server_that_has_surely_not_taken_a_letter_is_passed_by(world: World, why: str) -> None:
    """Within the same try, as the same letter, and both are counted under their own names (SEC-84)."""
    first, second = Sink(), Sink()
    login = {"smtp_username": "pwauth", "smtp_password": SecretStr("wrong")} if why == "down_login" else {}
    async with AWAY[why](first) as one, mail_server(second) as two:
        deps = await world(ports=(one, two), **login)
        letter_id = await post(deps)
        await delivered(Postman(deps))
        found = await row(deps, letter_id)
        assert (found["status"], found["transport"], found["attempts"], found["last_error"]) == ("sent", "smtp2", 1, None)
        assert parsed(second.envelopes[0].content)["Message-ID"] == found["message_id"]
    assert (first.envelopes, second.recipients) == ([], ["ann@ex.com"])
    assert counted(deps) == {"smtp passed_on": 1, "smtp2 sent": 1}


async def test_a_server_that_is_not_there_is_passed_by_as_far_as_the_webhook(world: World) -> None:
    """Nobody listens at the first two; the third gets the letter, signed, with the Message-ID that they would have had."""
    receiver = Receiver()
    async with receiving(receiver) as port:
        deps = await world(ports=(free_port(), free_port(), port))
        letter_id = await post(deps)
        await delivered(Postman(deps))
    (posted,) = receiver.posted
    found = await row(deps, letter_id)
    assert (found["status"], found["transport"], posted.letter["message_id"]) == ("sent", "webhook", found["message_id"])
    assert posted.is_signed(SECRET)
    assert counted(deps) == {"smtp passed_on": 1, "smtp2 passed_on": 1, "webhook sent": 1}


@pytest.mark.parametrize("how", ("hangs up", "falls silent"))
async def test_what_a_server_may_have_taken_is_not_passed_on(world: World, clock: FakeClock, how: str) -> None:
    """Its answer was lost, and a second server would make a second letter of it: it is asked again, later (SEC-84)."""
    first, second = Sink(), Sink()
    if how == "hangs up":
        first.before_accepting = lambda server: server.transport.abort()
    else:
        first.gate.clear()
    async with mail_server(first) as one, mail_server(second) as two:
        deps = await world(ports=(one, two))
        letter_id, postman = await post(deps), Postman(deps)
        await delivered(postman)
        found = await row(deps, letter_id)
        assert (found["status"], found["transport"]) == ("pending", "smtp")
        first.before_accepting = lambda _: None
        first.gate.set()
        clock.tick(LONGEST_REST)
        await delivered(postman)
        assert (await row(deps, letter_id))["status"] == "sent"
    assert (first.recipients[-1], second.connections) == ("ann@ex.com", 0)
    assert counted(deps) == {"smtp deferred": 1, "smtp sent": 1}


@pytest.mark.parametrize(
    ("command", "answer", "status"),
    (("ann@ex.com", "550 nobody", "failed"), ("DATA", "554 spam", "failed"), ("ann@ex.com", "451 later", "pending")),
)
async def test_what_a_server_says_of_a_letter_is_not_asked_elsewhere(world: World, command: str, answer: str, status: str) -> None:
    """A refusal stands, and "later" means later, there (SEC-84)."""
    first, second = Sink(), Sink()
    first.answers[command] = answer
    async with mail_server(first) as one, mail_server(second) as two:
        deps = await world(ports=(one, two))
        letter_id = await post(deps)
        await delivered(Postman(deps))
        assert (await row(deps, letter_id))["status"] == status
    assert second.connections == 0


@pytest.mark.parametrize(
    ("answer", "transport", "end"),
    ((DOWN, "second", "sent"), (LOST, "second", "sent"), (LATER, "first", "pending"), (NEVER, "first", "failed")),
    ids=str,
)
async def test_the_second_transport_takes_what_the_first_cannot(world: World, answer: Delivery, transport: str, end: str) -> None:
    """In order, and what was said about the letter itself, or left open, is not carried elsewhere."""
    deps = await world(ScriptedTransport(answer, name="first"), ScriptedTransport(name="second"))
    letter_id = await post(deps)
    await delivered(Postman(deps))
    found = await row(deps, letter_id)
    assert (found["transport"], found["status"]) == (transport, end)


async def test_while_all_are_away_letters_wait_and_then_all_leave(world: World, clock: FakeClock) -> None:
    """As with one server: none is lost, and none waits longer than it must when one of them is back (SEC-84)."""
    sink, ports = Sink(), (free_port(), free_port())
    deps = await world(ports=ports)
    ids, postman = [await post(deps, f"user{number}@ex.com") for number in range(5)], Postman(deps)
    rest = await delivered(postman)
    assert SHORTEST_REST <= rest <= LONGEST_REST
    assert await postman.run() == pytest.approx(rest)
    assert counted(deps) == {"smtp passed_on": 1, "smtp2 deferred": 1}
    assert (await row(deps, ids[0]))["last_error"] == "down_refused"
    clock.tick(LONGEST_REST)
    async with mail_server(sink, port=ports[1]):
        await delivered(postman)
    assert dict((await mail.snapshot(deps.db.reads, clock.now()))[0]) == {"sent": 5}
    assert sorted(sink.recipients) == sorted(f"user{number}@ex.com" for number in range(5))


async def test_a_server_that_is_away_is_not_waited_for_with_each_letter(world: World, clock: FakeClock) -> None:
    """Its silence costs one letter its patience; then it has a rest, and is asked again by one letter (SEC-84)."""
    deps = await world(first := ScriptedTransport(DOWN, DOWN, name="first"), second := ScriptedTransport(name="second"))
    postman = Postman(deps)
    for asked in (1, 2, 3):
        for number in range(6):
            await post(deps, f"user{number}@ex.com")
        await delivered(postman)
        assert len(first.tried) == (asked if asked < 3 else 2 + 6)
        clock.tick(LONGEST_REST)
    assert (len(first.taken), len(second.taken)) == (6, 12)


async def test_while_one_letter_asks_the_others_go_past(world: World, clock: FakeClock) -> None:
    """However many are in hand, one waits for a server that may still be away."""
    deps = await world(first := ScriptedTransport(DOWN, name="first"), second := ScriptedTransport(name="second"))
    postman = Postman(deps)
    await post(deps)
    await delivered(postman)
    clock.tick(LONGEST_REST)
    first.busy.clear()
    first.gate.clear()
    for number in range(12):
        await post(deps, f"user{number}@ex.com")
    await postman.run()
    await first.busy.wait()
    await eventually(lambda: len(second.taken) == 12)
    assert first.tried == ["ann@ex.com", "user0@ex.com"]
    first.gate.set()
    await delivered(postman)
    assert (len(first.taken), len(second.taken)) == (1, 12)


@pytest.mark.parametrize("answer", (LATER, LOST))
async def test_a_server_that_is_not_quite_back_is_asked_by_the_next_letter(world: World, clock: FakeClock, answer: Delivery) -> None:
    """It answers again, if not yet well: no further rest, but still one letter at a time."""
    deps = await world(first := ScriptedTransport(DOWN, answer, name="first"), second := ScriptedTransport(name="second"))
    postman = Postman(deps)
    for number in range(3):
        await post(deps, f"user{number}@ex.com")
        await delivered(postman)
        clock.tick(0 if number else LONGEST_REST)
    assert first.tried == ["user0@ex.com", "user1@ex.com", "user2@ex.com"]
    assert len(first.taken) == 1
    assert len(second.taken) == (1 if answer is LATER else 2)


async def test_a_letter_over_which_every_dialogue_breaks_uses_its_tries_up(world: World, clock: FakeClock) -> None:
    """Neither is a server away because of it, nor is it tried for ever (SEC-84)."""
    deps = await world(ScriptedTransport(otherwise=LOST, name="first"), ScriptedTransport(otherwise=DOWN, name="second"))
    letter_id, postman = await post(deps), Postman(deps)
    await delivered(postman)
    found = await row(deps, letter_id)
    assert (found["status"], found["transport"], found["last_error"]) == ("pending", "first", "timeout")
    assert postman._chain.resting() == 0


async def test_a_rest_survives_a_clock_that_is_set_back(world: World, clock: FakeClock) -> None:
    """It ends at once rather than in an hour."""
    deps = await world(ScriptedTransport(DOWN, name="first"))
    postman = Postman(deps)
    await post(deps)
    await delivered(postman)
    clock.tick(-3600)
    assert postman._chain.resting() == 0


async def test_a_letter_for_which_nobody_is_left_to_ask_waits(world: World, clock: FakeClock) -> None:
    """It was in hand already when the last one went away, so it never got to a server."""
    deps = await world(ScriptedTransport(DOWN, name="first"))
    postman = Postman(deps)
    await post(deps)
    await delivered(postman)
    letter_id = await post(deps)
    letter = await postman._take(clock.now())
    assert letter is not None
    await postman._round(letter)
    found = await row(deps, letter_id)
    assert (found["status"], found["transport"], found["last_error"]) == ("pending", "none", "down_none")


async def test_each_transport_may_use_its_turn_up_before_the_claim_ends(world: World) -> None:
    """Or another node would send the letter too (SEC-84)."""
    for count in (1, 2, 4):
        postman = Postman(await world(*(ScriptedTransport(name=f"t{number}") for number in range(count)), smtp2_timeout_seconds=40))
        assert postman._chain._turn == 120
        assert postman._lease > count * postman._chain._turn


async def test_what_was_passed_on_is_told_but_fills_no_audit_log(world: World) -> None:
    """An outage may last for days."""
    deps = await world(ScriptedTransport(DOWN, name="first"), ScriptedTransport(name="second"))
    await post(deps)
    await delivered(Postman(deps))
    assert await audited(deps, Event.LETTER_PASSED_ON) == []
    assert counted(deps) == {"first passed_on": 1, "second sent": 1}
