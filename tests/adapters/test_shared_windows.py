"""Limits that nodes share in a real Redis: exact, private, and never a reason to fail (SEC-64)."""

import asyncio
import io
import signal
from collections.abc import AsyncIterator, Sequence

import pytest

from pwauth_server.adapters.limiter import Use, WindowTable
from pwauth_server.adapters.logs import Log
from pwauth_server.adapters.metrics import Metrics, Snapshot
from pwauth_server.adapters.redis_windows import CONNECTIONS, RedisWindows
from pwauth_server.adapters.shared_windows import AGAIN, SharedWindows
from pwauth_server.errors import ConfigError
from pwauth_server.rules.limits import Limit, Quota
from tests.fakes import FakeClock
from tests.redis_server import PASSWORD, RedisServer, needs_redis

pytestmark = needs_redis


def use(key: str, amount: int = 1_000_000, seconds: float = 60) -> Use:
    """Return one use of a key."""
    return Limit.REQUESTS, key, Quota(amount, seconds)


class Node:
    """One server's windows, and what it tells of them."""

    def __init__(self, url: str) -> None:
        self.clock, self.metrics, self.log = FakeClock(), Metrics(), io.StringIO()
        self.shared = RedisWindows(url, namespace="test", clock=self.clock, patience=10)
        self.windows = SharedWindows(
            self.shared, own=WindowTable(self.clock), clock=self.clock, metrics=self.metrics, log=Log("info", self.log)
        )

    def told(self) -> list[str]:
        """Return the events of the log so far."""
        return [line.split('"event": "')[1].split('"')[0] for line in self.log.getvalue().splitlines()]

    def figures(self) -> tuple[float, float]:
        """Return how many questions were not answered, and whether this node counts alone."""
        lines = dict(line.rsplit(" ", 1) for line in self.metrics.render(Snapshot(0, {}, 0)).decode().splitlines())
        return float(lines["pwauth_limits_storage_errors_total"]), float(lines["pwauth_limits_alone"])

    async def hits(self, *keys: str) -> list[int]:
        """Use keys one by one; return what is counted after each."""
        return [await self.windows.count([use(key)]) and await self.windows.counted(Limit.REQUESTS, key) for key in keys]


@pytest.fixture
async def nodes(redis: RedisServer) -> AsyncIterator[tuple[Node, Node]]:
    """Return two nodes on one empty Redis."""
    redis.ask("FLUSHALL")
    both = Node(redis.url), Node(redis.url)
    yield both
    for node in both:
        await node.windows.close()


async def test_nodes_count_together(nodes: tuple[Node, Node]) -> None:
    """A hit on one is a hit on the other, and so is one that is given back; the end of a window is told in each one's time."""
    one, other = nodes
    assert [await one.hits("a"), await other.hits("a"), await one.hits("a", "b")] == [[1], [2], [3, 1]]
    await other.windows.give_back(Limit.REQUESTS, "a")
    assert await one.windows.counted(Limit.REQUESTS, "a") == 2
    await other.hits("c")
    await other.windows.clear(Limit.REQUESTS, "c")
    assert [await node.windows.counted(Limit.REQUESTS, "c") for node in nodes] == [0, 0]
    other.clock.tick(-3600)
    ends = [await node.windows.ends_at(Limit.REQUESTS, "a") - node.clock.now() for node in nodes]
    assert all(0 < left <= 60 for left in ends)
    assert one.figures() == other.figures() == (0, 0)


async def test_who_is_refused_uses_up_nothing_that_others_share(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """Whether all nodes together refuse him or this one alone: what stands behind his own limit is not counted anywhere (SEC-65)."""
    one, other = nodes
    both = [use("his own", 3), use("everybody's", 100)]
    assert [await node.windows.count(both) for node in (one, other, one, other, one, one)] == [2, 2, 2, 0, 0, 0]
    assert [await node.windows.counted(Limit.REQUESTS, "everybody's") for node in nodes] == [3, 3]
    redis.ask("FLUSHALL")  # a Redis that has begun anew knows of nothing; what this node counted, it remembers
    assert [await one.windows.count(both) for _ in range(3)] == [0, 0, 0]
    assert await one.windows.counted(Limit.REQUESTS, "everybody's") == 2
    assert await one.shared.counted(Limit.REQUESTS, "everybody's") == 0
    redis.kill()
    try:
        assert [await other.windows.count(both) for _ in range(3)] == [2, 0, 0], "it has counted two itself, one of them in vain"
        assert await other.windows.counted(Limit.REQUESTS, "everybody's") == 2
    finally:
        redis.start()


async def test_without_redis_each_node_counts_for_itself(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """Limits fail neither open nor shut: what was used up on a node stays used up there; it is told once, and without secrets."""
    one, other = nodes
    assert await one.hits(*["a"] * 5) == [1, 2, 3, 4, 5]
    assert await other.hits("a") == [6]
    redis.kill()
    assert (await one.hits("a", "a", "b"), await other.hits("a")) == ([6, 7, 1], [2])
    await one.windows.give_back(Limit.REQUESTS, "a")
    assert await one.windows.counted(Limit.REQUESTS, "a") == 6
    assert await one.windows.ends_at(Limit.REQUESTS, "a") == one.clock.now() + 60
    assert (one.told(), one.figures()) == (["limits.alone"], (1, 1))
    one.clock.tick(AGAIN)
    assert await one.hits("a") == [7]
    assert (one.told(), one.figures()) == (["limits.alone"], (2, 1))
    redis.start()
    assert await one.hits("a") == [8], "it was tried a moment ago"
    for node in nodes:
        node.clock.tick(AGAIN)
    assert (await one.hits("a"), await other.hits("a")) == ([9], [3]), "what a node has counted itself stays counted"
    assert (one.told(), one.figures()) == (["limits.alone", "limits.shared"], (2, 0))
    assert PASSWORD not in one.log.getvalue()
    assert str(redis.port) not in one.log.getvalue()


async def test_one_request_alone_waits_for_a_redis_that_hangs(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """While it neither answers nor refuses, one in three seconds finds out and all others pass it by."""
    one, _ = nodes
    await one.hits("a")
    redis.send(signal.SIGSTOP)
    try:
        assert await one.hits("a") == [2]
        one.clock.tick(AGAIN)
        assert sum(await asyncio.gather(*(one.windows.count([use("a", 50)]) for _ in range(100)))) == 48
        assert await one.windows.counted(Limit.REQUESTS, "a") == 102
        assert one.figures() == (2, 1)
    finally:
        redis.send(signal.SIGCONT)
    one.clock.tick(-86_400)
    await one.hits("b")
    assert one.figures() == (2, 0), "a clock that was set back is no reason to wait"


async def test_what_is_wrong_with_redis_does_not_matter(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """One that has no room left, or wants another password, is as good as away."""
    one, _ = nodes
    wrong = Node(redis.url.replace(PASSWORD, "wrong"))
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    try:
        assert (await one.hits("a", "a"), await wrong.hits("a", "a")) == ([1, 2], [1, 2])
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        await wrong.windows.close()
    assert one.figures() == wrong.figures() == (1, 1)
    assert '"kind": "AuthenticationError"' in wrong.log.getvalue()


async def test_an_answer_from_before_an_outage_does_not_end_it() -> None:
    """It was on its way when another question failed: the outage would be told again and again."""

    class Slow(WindowTable):
        """A storage that breaks for one key, and for another answers when it is let."""

        may_answer = asyncio.Event()

        async def count(self, uses: Sequence[Use]) -> int:
            """Count, or fail."""
            if uses == [use("broken")]:
                raise ConnectionError
            await self.may_answer.wait()
            return await super().count(uses)

    node, slow = Node("redis://127.0.0.1:1"), Slow(FakeClock())
    windows = SharedWindows(slow, own=WindowTable(node.clock), clock=node.clock, metrics=node.metrics, log=Log("info", node.log))
    early = asyncio.create_task(windows.count([use("a")]))
    await asyncio.sleep(0)
    await windows.count([use("broken")])
    slow.may_answer.set()
    assert await early == 1
    assert (node.told(), node.figures()) == (["limits.alone"], (1, 1))


async def test_a_window_that_ends_while_redis_is_asked_refuses_nobody() -> None:
    """What was spent when the question was put is free when the answer comes: then the rest is asked for as well."""

    class Late(WindowTable):
        """A storage that answers when the short window is over."""

        async def count(self, uses: Sequence[Use]) -> int:
            """Let time pass, and count."""
            node.clock.tick(6)
            return await super().count(uses)

    node = Node("redis://127.0.0.1:1")
    windows = SharedWindows(Late(node.clock), own=WindowTable(node.clock), clock=node.clock, metrics=node.metrics, log=None)
    both = [use("short", 1, 10), use("long", 3, 86_400)]
    assert [await windows.count(both) for _ in range(5)] == [2, 0, 2, 2, 1], "in the end the long one is spent, and not before"
    assert await windows.counted(Limit.REQUESTS, "long") == 4


async def test_a_client_that_hangs_up_gets_nobody_anothers_answer(nodes: tuple[Node, Node]) -> None:
    """Whatever moment a request is broken off at, its connection does not carry its answer to the next one, and is not lost."""
    one, _ = nodes
    for turns in range(40):
        broken = [asyncio.create_task(one.windows.count([use("many", 0)])) for _ in range(CONNECTIONS + 4)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in broken:
            task.cancel()
        await asyncio.gather(*broken, return_exceptions=True)
        assert await asyncio.gather(*(one.windows.count([use(f"key {turns} {number}")]) for number in range(20))) == [1] * 20
    assert one.figures() == (0, 0)
    assert not one.shared._pool._in_use_connections


async def test_every_key_ends(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """Windows of half a second too, and one that somebody left without an end: nobody is locked out for good (SEC-65)."""
    windows = nodes[0].shared
    cooldown = use("a", 1, 0.5)
    assert await windows.count([cooldown]) == 1
    await windows.give_back(Limit.REQUESTS, "never used")
    (key,) = redis.names()
    assert 0 < int(str(redis.ask("PTTL", key))) <= 500
    redis.ask("PERSIST", key)
    assert await windows.count([cooldown]) == 0
    assert 0 < int(str(redis.ask("PTTL", key))) <= 500


async def test_redis_learns_no_address(nodes: tuple[Node, Node], redis: RedisServer) -> None:
    """Keys name the limit and a hash, all equally long, whatever a client sends; each installation has its own."""
    windows = nodes[0].shared
    for key in ("alice@ex.com", "x" * 5000, "\ud800", ""):
        assert await windows.count([(Limit.MAIL_PER_MAILBOX_HOUR, key, Quota(5, 60))]) == 1
        assert await windows.counted(Limit.MAIL_PER_MAILBOX_HOUR, key) == 1
    assert {len(key) for key in redis.names()} == {len("test:mail_per_mailbox_hour/") + 32}
    assert all(key.startswith("test:mail_per_mailbox_hour/") for key in redis.names())
    neighbour = RedisWindows(redis.url, namespace="other", clock=FakeClock(), patience=10)
    assert await neighbour.counted(Limit.MAIL_PER_MAILBOX_HOUR, "alice@ex.com") == 0
    await neighbour.close()


@pytest.mark.parametrize("rest", ("?db=hunter2", "?nonsense=hunter2", "?max_connections=hunter2"))
def test_options_that_mean_nothing_are_refused_at_the_start(rest: str) -> None:
    """Not with the first request, and without repeating what may be a secret."""
    with pytest.raises(ConfigError) as refused:
        RedisWindows(f"redis://127.0.0.1:1/{rest}", namespace="test", clock=FakeClock(), patience=1)
    assert refused.value.problems == ["redis_url: cannot be understood; look at what follows the host"]
    assert refused.value.__cause__ is None
