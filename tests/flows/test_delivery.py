import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from pwauth_server.adapters.transport import Delivery
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Event
from pwauth_server.flows import mail
from pwauth_server.flows.delivery import IDLE, SENDERS, TURN, Postman
from pwauth_server.rules import retry
from pwauth_server.store import magic_links
from pwauth_server.store.statements import Sql
from tests.fakes import FakeClock
from tests.mail_fakes import (
    DOWN,
    LATER,
    NEVER,
    SIGN_IN,
    ScriptedTransport,
    audited,
    delivered,
    new_link,
    open_world,
    parsed,
    post,
    row,
    status,
)

SPOIL = Sql("spoil", "UPDATE email_queue SET body = ? WHERE id = ?")
DUE = Sql("due", "UPDATE email_queue SET next_attempt_at = ?")

World = Callable[..., Coroutine[Any, Any, Deps]]


@pytest.fixture
async def world(database_config: Config, clock: FakeClock) -> AsyncIterator[World]:
    """Open worlds with transports of the test's choice; several on one database are several nodes."""
    opened: list[Deps] = []

    async def begin(*transports: Any) -> Deps:
        opened.append(await open_world(database_config, clock, *transports))
        return opened[-1]

    yield begin
    for deps in opened:
        await deps.db.close()


async def test_a_letter_leaves_once(world: World, clock: FakeClock) -> None:
    """Sent, written down, wiped, and told with the time it took (SEC-72, SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    letter_id = await post(deps)
    clock.tick(3)
    for postman in (Postman(deps), Postman(deps)):
        await delivered(postman)
    found = await row(deps, letter_id)
    assert (found["status"], found["body"], found["transport"], found["finished_at"]) == ("sent", None, "scripted", clock.now())
    assert transport.tried == ["ann@ex.com"]
    (message,) = transport.taken
    assert SIGN_IN["link"] in message.text
    assert parsed(message.content)["Message-ID"] == found["message_id"]


async def test_every_letter_of_a_crowd_leaves_once_through_few_hands(world: World) -> None:
    """The queue is emptied however long it is, and never by more connections than a mail server likes (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    addresses = [f"user{number}@ex.com" for number in range(50)]
    for address in addresses:
        await post(deps, address)
    await delivered(Postman(deps))
    assert sorted(transport.tried) == sorted(addresses)
    assert transport.most_in_hand <= SENDERS
    assert dict((await mail.snapshot(deps.db.reads, deps.clock.now()))[0]) == {"sent": 50}


async def test_two_nodes_send_each_letter_once(world: World) -> None:
    """Both claim from the same queue at the same time (SEC-84)."""
    first, second = await world(one := ScriptedTransport()), await world(two := ScriptedTransport())
    addresses = [f"user{number}@ex.com" for number in range(40)]
    for address in addresses:
        await post(first, address)
    while (await mail.snapshot(first.db.reads, first.clock.now()))[0].get("sent", 0) < len(addresses):
        await asyncio.gather(delivered(Postman(first)), delivered(Postman(second)))
    assert sorted(one.tried + two.tried) == sorted(addresses)


async def test_a_slow_letter_does_not_hold_up_the_others(world: World) -> None:
    """A recipient's server that dawdles costs one hand, not the queue."""
    deps = await world(transport := ScriptedTransport())
    postman = Postman(deps)
    await post(deps, "first@ex.com")
    await delivered(postman)
    transport.gate.clear()
    transport.busy.clear()
    await post(deps, "slow@ex.com")
    await postman.run()
    await transport.busy.wait()
    transport.gate.set()
    await post(deps, "quick@ex.com")
    await delivered(postman)
    assert transport.tried == ["first@ex.com", "slow@ex.com", "quick@ex.com"]


@pytest.mark.parametrize("answer", (LATER, DOWN))
async def test_a_letter_that_could_not_leave_is_tried_on_schedule(world: World, clock: FakeClock, answer: Delivery) -> None:
    """Ten seconds, thirty, two minutes, half of what is left: each a little spread, none lost (SEC-84)."""
    deps = await world(ScriptedTransport(otherwise=answer))
    letter_id, postman, waits = await post(deps), Postman(deps), []
    for _ in range(4):
        await delivered(postman)
        found = await row(deps, letter_id)
        assert (found["status"], found["lease_until"]) == ("pending", None)
        waits.append(found["next_attempt_at"] - clock.now())
        clock.tick(waits[-1] + 0.001)
    for waited, planned in zip(waits[:3], retry.DELAYS, strict=False):
        assert planned * 0.8 <= waited <= planned * 1.2
    assert waits[3] <= 300
    assert len(await audited(deps, Event.LETTER_DEFERRED)) == 4


async def test_a_letter_is_never_sent_after_its_life(world: World, clock: FakeClock) -> None:
    """A mail server that was away for eleven minutes gets no dead links (SEC-84)."""
    deps = await world(transport := ScriptedTransport(DOWN))
    letter_id, postman = await post(deps), Postman(deps)
    await delivered(postman)
    clock.tick(660)
    await delivered(postman)
    found = await row(deps, letter_id)
    assert (found["status"], found["body"], len(transport.tried)) == ("expired", None, 1)
    assert await audited(deps, Event.LETTER_EXPIRED) == ["expired"]


async def test_a_letter_that_is_put_off_to_its_end_expires(world: World, clock: FakeClock) -> None:
    """Retries are capped by the life of what a letter carries, and it ends as expired, not as failed (SEC-84)."""
    deps = await world(ScriptedTransport(otherwise=DOWN))
    letter_id, postman = await post(deps), Postman(deps)
    while await status(deps, letter_id) == "pending":
        await delivered(postman)
        clock.tick(5)
    found = await row(deps, letter_id)
    assert (found["status"], found["body"]) == ("expired", None)
    assert found["finished_at"] < found["expires_at"]


async def test_a_letter_whose_link_was_used_stays_here(world: World, clock: FakeClock) -> None:
    """Also if that happened while it was in hand (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    link = await new_link(deps)
    letter_id = await post(deps, link=link)
    postman = Postman(deps)
    letter = await postman._take(clock.now())
    assert letter is not None
    await deps.db.unit(lambda tx: magic_links.consume(tx, link.id, clock.now()))
    postman._start(letter)
    await delivered(postman)
    assert transport.tried == []
    assert await status(deps, letter_id) == "expired"


async def test_a_refused_letter_is_dead_at_once_and_keeps_its_body(world: World) -> None:
    """5xx is final; an operator may requeue it (SEC-84)."""
    deps = await world(transport := ScriptedTransport(NEVER))
    letter_id, postman = await post(deps), Postman(deps)
    await delivered(postman)
    found = await row(deps, letter_id)
    assert (found["status"], found["last_error"], bool(found["body"])) == ("failed", "smtp_550", True)
    assert await audited(deps, Event.LETTER_FAILED) == ["smtp_550"]
    await mail.requeue(deps, str(letter_id))
    await delivered(postman)
    assert (await status(deps, letter_id), len(transport.tried)) == ("sent", 2)


async def test_an_unreadable_letter_is_dead_and_harms_no_other(world: World) -> None:
    """A body that was changed or sealed by a lost key is no crash loop (SEC-72)."""
    deps = await world(transport := ScriptedTransport())
    broken, whole = await post(deps, "broken@ex.com"), await post(deps, "whole@ex.com")
    await deps.db.unit(lambda tx: tx.run(SPOIL, b"x" * 40, broken))
    await delivered(Postman(deps))
    assert (await row(deps, broken))["last_error"] == "unreadable"
    assert await status(deps, whole) == "sent"
    assert transport.tried == ["whole@ex.com"]


async def test_while_no_server_can_be_asked_one_letter_at_a_time_asks(world: World, clock: FakeClock) -> None:
    """A queue of a thousand does not knock a thousand times, and nothing of it is lost (SEC-84)."""
    deps = await world(transport := ScriptedTransport(*[DOWN] * 3))
    for number in range(20):
        await post(deps, f"user{number}@ex.com")
    postman = Postman(deps)
    for knocks in (1, 2, 3):
        rest = await delivered(postman)
        assert len(transport.tried) == knocks
        assert retry.DELAYS[0] * 0.8 <= rest <= retry.DELAYS[0] * 1.2
        assert await postman.run() == pytest.approx(rest)  # a ring of the bell does not shorten it
        clock.tick(rest if knocks < 3 else -3600)  # and a clock that is set back does not prolong it
    await deps.db.unit(lambda tx: tx.run(DUE, clock.now()))
    await delivered(postman)
    assert dict((await mail.snapshot(deps.db.reads, deps.clock.now()))[0]) == {"sent": 20}
    assert len(transport.taken) == 20


async def test_a_letter_that_a_dead_process_held_is_sent_again_as_the_same(world: World, clock: FakeClock) -> None:
    """After its lease by any node, at once by one that is alone: with the same Message-ID and date (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    for wait in (2 * TURN, 0.0):
        letter_id = await post(deps)
        assert await Postman(deps)._take(clock.now()) is not None
        successor = Postman(deps)
        await delivered(successor)
        assert await status(deps, letter_id) == "sending"
        clock.tick(wait)
        if not wait:
            await successor.reclaim()
        await delivered(successor)
        found, letter = await row(deps, letter_id), parsed(transport.taken[-1].content)
        assert found["status"] == "sent"
        assert (letter["Message-ID"], letter["Date"].datetime.timestamp()) == (found["message_id"], found["created_at"])


async def test_a_letter_in_hand_is_finished_at_the_end_and_no_other_is_begun(world: World) -> None:
    """A shutdown sends nothing twice and leaves nothing claimed (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    transport.gate.clear()
    ids = [await post(deps, f"user{number}@ex.com") for number in range(3)]
    postman = Postman(deps)
    await postman.run()
    await transport.busy.wait()
    ending = asyncio.create_task(postman.stop(10))
    await asyncio.sleep(0)
    transport.gate.set()
    await ending
    assert [await status(deps, it) for it in ids] == ["sent", "pending", "pending"]
    assert [(await row(deps, it))["attempts"] for it in ids] == [1, 0, 0]
    await postman.run()
    assert len(transport.tried) == 1


async def test_a_letter_that_hangs_at_the_end_is_cut_off_and_kept(world: World) -> None:
    """It may have been accepted: it stays claimed until its lease is over (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    transport.gate.clear()
    letter_id, postman = await post(deps), Postman(deps)
    await postman.run()
    await transport.busy.wait()
    await postman.stop(0)
    found = await row(deps, letter_id)
    assert (found["status"], bool(found["body"]), transport.rests) == ("sending", True, 1)


async def test_a_claim_outlasts_the_slowest_delivery(world: World) -> None:
    """A server that drips answers for ever is cut off before anybody else may take the letter (SEC-84)."""
    deps = await world(transport := ScriptedTransport())
    transport.gate.clear()
    letter_id, postman = await post(deps), Postman(deps)
    postman._chain._turn = 0.02
    await delivered(postman)
    assert (await row(deps, letter_id))["last_error"] == "timeout"


async def test_connections_are_kept_between_letters_and_closed_when_idle(world: World, clock: FakeClock) -> None:
    """The next letter is often just behind the last, and a mail server dislikes idlers."""
    deps = await world(transport := ScriptedTransport())
    postman = Postman(deps)
    for _ in range(3):
        await post(deps)
        await delivered(postman)
        clock.tick(IDLE - 1)
    assert transport.rests == 0
    clock.tick(1)
    await postman.run()
    assert transport.rests == 1


async def test_what_breaks_a_round_is_told(world: World) -> None:
    """A bug in a transport does not silence the queue: whoever supervises it learns of it."""

    class Broken(ScriptedTransport):
        async def deliver(self, *_: Any) -> Delivery:
            raise ZeroDivisionError

    deps = await world(Broken())
    letter_id, postman = await post(deps), Postman(deps)
    await postman.run()
    with pytest.raises(ZeroDivisionError):
        await postman.settle()
    assert await status(deps, letter_id) == "sending"
