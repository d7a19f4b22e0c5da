"""A program is told what happens: everything that is audited, at least once, whoever dies meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from pwauth_server.adapters.signed_post import SignedPost
from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import event_posts
from pwauth_server.flows.event_posts import EventPosts
from pwauth_server.store import event_outbox
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Tx
from tests.fakes import FakeClock
from tests.residents import Resident
from tests.server import free_port
from tests.store.rows import OopsError
from tests.webhook_fakes import SECRET, Receiver, receiving

SETTINGS = {"webhook_url": "http://localhost:1/events", "webhook_secret": SecretStr(SECRET)}
WAITING = Sql("test_waiting", "SELECT id, attempts, due_at FROM event_outbox ORDER BY id")
EMPTY = Sql("test_empty", "DELETE FROM event_outbox")
FORGET_AUDIT = Sql("test_forget_audit", "DELETE FROM audit_log WHERE id = ?")
AWAY = b"HTTP/1.1 503 Away\r\n\r\n"
TYPES = [Event.SIGN_IN_FAILED.value, Event.USER_DISABLED.value]


@pytest.fixture
def receiver() -> Receiver:
    """Return a program that takes what it is told."""
    return Receiver()


@pytest.fixture
async def posts(deps: Deps, receiver: Receiver) -> AsyncIterator[EventPosts]:
    """Return what tells it; of the first start it knows already."""
    await deps.db.unit(lambda tx: tx.run(EMPTY))
    async with receiving(receiver) as port:
        yield EventPosts(deps, post=place(deps, port))


def place(deps: Deps, port: int) -> SignedPost:
    """Return the place of a receiver."""
    return SignedPost(f"http://localhost:{port}/events", SECRET, deps.clock, patience=1)


async def happen(deps: Deps, *events: Event) -> None:
    """Let something happen in one transaction each."""
    for event in events or (Event.SIGN_IN_FAILED, Event.USER_DISABLED):
        await deps.db.record(Occurrence(event, deps.clock.now(), Caller("203.0.113.9", "Firefox on Linux", "r1"), reason=Reason.UNKNOWN))


async def waiting(deps: Deps) -> list[tuple[int, float]]:
    """Return the tries of what waits, and in how many seconds it is due."""
    return [(row["attempts"], row["due_at"] - deps.clock.now()) for row in await deps.db.reads.all(WAITING)]


def types(receiver: Receiver) -> list[str]:
    """Return what the program was told of."""
    return [json.loads(posted.body)["type"] for posted in receiver.posted]


async def test_what_happens_is_told_in_order_and_signed(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """Each event once, with who, from where and why, under a signature that anybody can check who has the secret."""
    await happen(deps)
    await posts.run()
    await posts.run()
    assert types(receiver) == TYPES
    assert await waiting(deps) == []
    first = receiver.posted[0]
    assert first.is_signed(SECRET)
    told = json.loads(first.body)
    assert (told["timestamp"], told["data"]["ip"], told["data"]["reason"]) == ("2026-01-01T00:00:00Z", "203.0.113.9", "unknown")
    assert first.headers["webhook-id"] == f"event-{told['data']['id']}-1767225600000"


async def test_a_sign_in_is_told_with_its_person(deps: Deps, receiver: Receiver, posts: EventPosts, ann: Resident) -> None:
    """What the program learns of a sign-in by mail; no link, code or token is in it (SEC-71)."""
    await ann.sign_in()
    await posts.run()
    assert types(receiver) == ["link.requested", "user.created", "sign_in.succeeded"]
    assert json.loads(receiver.posted[-1].body)["data"]["email"] == "ann@ex.com"
    assert b"pwm_" not in b"".join(posted.body for posted in receiver.posted)


async def test_while_the_program_is_away_one_event_at_a_time_is_tried(deps: Deps, clock: FakeClock) -> None:
    """What waits behind it is not spent on a closed port, and everything arrives once the program is back."""
    port, receiver = free_port(), Receiver()
    posts = EventPosts(deps, post=place(deps, port))
    await deps.db.unit(lambda tx: tx.run(EMPTY))
    await happen(deps)
    for _ in range(3):
        await posts.run()
    assert [tries for tries, _ in await waiting(deps)] == [1, 0]
    async with receiving(receiver, port=port):
        clock.tick(event_posts.PAUSE)
        await posts.run()
    assert types(receiver) == TYPES
    assert await waiting(deps) == []


async def test_an_event_that_is_refused_holds_up_no_other(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """A program that says 4xx to what it does not know is told the rest at once."""
    receiver.answers = [b"HTTP/1.1 422 Unknown\r\n\r\n"] * 3
    await happen(deps, *[Event.SIGN_IN_FAILED] * 3, Event.USER_DISABLED)
    await posts.run()
    assert types(receiver) == [Event.SIGN_IN_FAILED.value] * 3 + [Event.USER_DISABLED.value]
    assert [tries for tries, _ in await waiting(deps)] == [1, 1, 1]


@pytest.mark.parametrize("said", (AWAY, b"HTTP/1.1 302 There\r\nlocation: /x\r\n\r\n", b"HTTP/1.1 404 Where\r\n\r\n", b"nonsense\r\n"))
async def test_only_2xx_counts(deps: Deps, clock: FakeClock, receiver: Receiver, posts: EventPosts, said: bytes) -> None:
    """Whatever else is answered, the same event comes again under the same id: a wrong path can be put right."""
    receiver.answers = [said]
    await happen(deps, Event.SIGN_IN_FAILED)
    await posts.run()
    ((tries, until),) = await waiting(deps)
    assert (tries, 0 < until <= event_posts.PAUSE) == (1, True)
    clock.tick(event_posts.PAUSE)
    await posts.run()
    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 1 == len(receiver.posted) - 1
    assert await waiting(deps) == []


async def test_an_event_is_given_up_after_half_a_day(deps: Deps, clock: FakeClock, receiver: Receiver, posts: EventPosts) -> None:
    """Its row in the audit log stays; the metrics tell, and the next event is told."""
    receiver.otherwise = AWAY
    await happen(deps, Event.SIGN_IN_FAILED)
    began = clock.now()
    while await waiting(deps):
        clock.tick(max(until for _, until in await waiting(deps)) + event_posts.PAUSE)
        await posts.run()
    assert 6 * 3600 < clock.now() - began < 24 * 3600
    count = deps.metrics.registry.get_sample_value
    assert [count("pwauth_webhook_deliveries_total", {"outcome": it}) for it in ("accepted", "deferred", "dropped")] == [0, 11, 1]
    receiver.otherwise = b"HTTP/1.1 204 Fine\r\n\r\n"
    await happen(deps, Event.USER_DISABLED)
    clock.tick(event_posts.PAUSE)
    await posts.run()
    assert types(receiver)[-1] == "user.disabled"


async def test_an_event_that_waited_long_has_all_its_tries(deps: Deps, clock: FakeClock, receiver: Receiver, posts: EventPosts) -> None:
    """After an outage of two days the first failure does not drop what was never tried before."""
    await happen(deps, Event.SIGN_IN_FAILED)
    clock.tick(2 * 86_400)
    receiver.answers = [AWAY]
    await posts.run()
    assert [tries for tries, _ in await waiting(deps)] == [1]
    clock.tick(event_posts.PAUSE)
    await posts.run()
    assert types(receiver) == [Event.SIGN_IN_FAILED.value] * 2


async def test_what_a_dead_process_had_in_hand_is_told(deps: Deps, clock: FakeClock, receiver: Receiver, posts: EventPosts) -> None:
    """The lease ends, and the next one takes the event."""
    await happen(deps, Event.SIGN_IN_FAILED)
    now = clock.now()
    assert await deps.db.unit(lambda tx: event_outbox.claim(tx, now=now, until=now + event_posts.LEASE))
    await posts.run()
    assert types(receiver) == []
    clock.tick(event_posts.LEASE)
    await posts.run()
    assert types(receiver) == [Event.SIGN_IN_FAILED.value]


async def test_two_nodes_tell_nothing_twice(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """Each takes what the other has not."""
    await happen(deps, *[Event.SIGN_IN_FAILED] * 12)
    await asyncio.gather(posts.run(), EventPosts(deps, post=posts._post).run())
    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 12 == len(receiver.posted)


async def test_what_did_not_happen_is_not_told(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """A transaction that is rolled back leaves no event, and heartbeats are none."""

    async def work(tx: Tx) -> None:
        await tx.record(Occurrence(Event.USER_DISABLED, deps.clock.now()))
        raise OopsError

    with pytest.raises(OopsError):
        await deps.db.unit(work)
    await happen(deps, Event.TOKENS_ISSUED, Event.LETTER_SENT)
    await posts.run()
    assert (types(receiver), await waiting(deps)) == ([], [])


async def test_an_event_that_is_no_longer_kept_is_forgotten(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """The audit log may be shorter than an outage."""
    await happen(deps)
    first, _ = await deps.db.reads.all(WAITING)
    await deps.db.unit(lambda tx: tx.run(FORGET_AUDIT, first["id"]))
    await posts.run()
    assert (types(receiver), await waiting(deps)) == (TYPES[1:], [])


async def test_nothing_is_begun_when_the_process_ends(deps: Deps, receiver: Receiver, posts: EventPosts) -> None:
    """What waits is told after the next start."""
    await happen(deps)
    posts.stop()
    await posts.run()
    assert (types(receiver), len(await waiting(deps))) == ([], 2)
