"""The limiter over each storage that it may have: the table of one node, and the Redis that nodes share."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from limits.aio.storage import MemoryStorage

from pwauth_server.adapters import limiter as limiter_module
from pwauth_server.adapters.limiter import MAX_KEYS, Limiter, Windows, WindowTable
from pwauth_server.adapters.redis_windows import RedisWindows
from pwauth_server.errors import RateLimited
from pwauth_server.rules.limits import Limit, Quota, table
from tests.fakes import FakeClock
from tests.redis_server import RedisServer, needs_redis

QUOTAS = table(per_minute=300, mails_per_hour=5)


class House:
    """A limiter with its storage, its clock and the refusals it told."""

    def __init__(self, quotas: Mapping[Limit, Quota] = QUOTAS, redis: RedisServer | None = None) -> None:
        self.clock = FakeClock()
        self.table = WindowTable(self.clock)
        self.redis = redis
        self.refused: list[Limit] = []
        windows: Windows = self.table
        if redis:
            windows = RedisWindows(redis.url, namespace="test", clock=self.clock, patience=10)
        self.limiter = Limiter(quotas, storage=windows, clock=self.clock, on_limited=self._refused)

    def tick(self, seconds: float) -> None:
        """Let time pass, in Redis too."""
        self.clock.tick(seconds)
        if self.redis:
            self.redis.tick(seconds)

    def held(self) -> int:
        """Return how many windows there are, counted one by one, as the table itself must have counted."""
        held = sum(map(len, self.table._rooms.values()))
        assert self.table._held == held
        return held

    def _refused(self, limit: Limit) -> None:
        self.refused.append(limit)

    async def takes(self, count: int, limit: Limit, *key: str) -> int:
        """Take so often; return how many were let in."""
        return sum([await self.limiter.try_take(limit, *key) for _ in range(count)])


@pytest.fixture(params=("memory", pytest.param("redis", marks=needs_redis)))
async def build(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., House]]:
    """Return what builds a house over each storage in turn, empty."""
    redis: RedisServer | None = request.getfixturevalue("redis") if request.param == "redis" else None
    if redis:
        redis.ask("FLUSHALL")
    houses: list[House] = []

    def built(quotas: Mapping[Limit, Quota] = QUOTAS) -> House:
        houses.append(House(quotas, redis))
        return houses[-1]

    yield built
    for house in houses:
        await house.limiter.close()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    """Return a house with the usual limits."""
    return build()


async def test_a_quota_lets_in_what_it_says(house: House) -> None:
    """Thirty failures, then refusal, told to the metrics (SEC-64)."""
    for _ in range(30):
        await house.limiter.take(Limit.SIGN_IN_FAILURES, "1.2.3.4")
    for _ in range(3):
        with pytest.raises(RateLimited):
            await house.limiter.take(Limit.SIGN_IN_FAILURES, "1.2.3.4")
    assert house.refused == [Limit.SIGN_IN_FAILURES] * 3


async def test_a_hundred_at_once_get_no_more_than_one_by_one(house: House) -> None:
    """Counting and checking are one step, so parallel requests cannot overrun a limit (SEC-64)."""
    answers = await asyncio.gather(*(house.limiter.take(Limit.API_KEY_FAILURES, "1.2.3.4") for _ in range(100)), return_exceptions=True)
    assert answers.count(None) == 10
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 90


async def test_a_window_opens_with_the_first_take_and_ends_exactly() -> None:
    """Whoever waits until the end is let in again, and refused takes do not push the end away (SEC-64, SEC-65)."""
    house = House()
    assert await house.takes(10, Limit.API_KEY_FAILURES, "a") == 10
    house.clock.tick(899.999)
    assert await house.takes(5, Limit.API_KEY_FAILURES, "a") == 0
    house.clock.tick(0.001)
    assert await house.takes(20, Limit.API_KEY_FAILURES, "a") == 10


async def test_a_window_is_not_pushed_away(house: House) -> None:
    """Neither by refused takes nor by what is given back to the last; the next window is a full one (SEC-64, SEC-65)."""
    assert await house.takes(1, Limit.API_KEY_FAILURES, "a") == 1
    house.tick(500)
    await house.limiter.give_back(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(15, Limit.API_KEY_FAILURES, "a") == 10
    house.tick(390)
    assert await house.takes(5, Limit.API_KEY_FAILURES, "a") == 0
    house.tick(10)
    assert await house.takes(20, Limit.API_KEY_FAILURES, "a") == 10


async def test_what_is_given_back_can_be_taken_again(house: House) -> None:
    """As often as it was taken and no oftener: nobody saves up uses, not even for the next window (SEC-32)."""
    assert await house.takes(15, Limit.API_KEY_FAILURES, "a") == 10
    for _ in range(8):
        await house.limiter.give_back(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(9, Limit.API_KEY_FAILURES, "a") == 3
    for _ in range(20):
        await house.limiter.give_back(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(20, Limit.API_KEY_FAILURES, "a") == 10
    house.tick(900)
    await house.limiter.give_back(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(20, Limit.API_KEY_FAILURES, "a") == 10


async def test_what_is_forgotten_is_forgotten_for_one_key(house: House) -> None:
    """The next use opens a full window; what is given back afterwards adds nothing to it (SEC-31)."""
    for key in ("a", "b"):
        assert await house.takes(15, Limit.API_KEY_FAILURES, key) == 10
    await house.limiter.forget(Limit.API_KEY_FAILURES, "a")
    await house.limiter.give_back(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(15, Limit.API_KEY_FAILURES, "a") == 10
    assert await house.takes(1, Limit.API_KEY_FAILURES, "b") == 0
    house.tick(900)
    await house.limiter.forget(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(15, Limit.API_KEY_FAILURES, "a") == 10


async def test_uses_are_counted_until_one_is_refused(house: House) -> None:
    """What stands behind the refused one is not used up: a stranger's share is his own, the mailbox's is its owner's (SEC-65)."""
    uses: list[tuple[Limit, *tuple[str, ...]]] = [
        (Limit.MAIL_PER_MAILBOX_AND_CLIENT, "v@ex.com", "1.2.3.4"),
        (Limit.MAIL_PER_MAILBOX_HOUR, "v@ex.com"),
    ]
    for _ in range(3):
        await house.limiter.take_each(uses)
    for _ in range(10):
        with pytest.raises(RateLimited) as refused:
            await house.limiter.take_each(uses)
        assert refused.value.headers["ratelimit-policy"].startswith('"mail_per_mailbox_and_client";q=3;')
    assert house.refused == [Limit.MAIL_PER_MAILBOX_AND_CLIENT] * 10
    assert await house.takes(10, Limit.MAIL_PER_MAILBOX_HOUR, "v@ex.com") == 2
    with pytest.raises(RateLimited) as refused:
        await house.limiter.take_each([(Limit.MAIL_PER_CLIENT, "1.2.3.4"), *uses[1:]])
    assert refused.value.headers["ratelimit-policy"].startswith('"mail_per_mailbox_hour";')
    assert await house.takes(30, Limit.MAIL_PER_CLIENT, "1.2.3.4") == 19
    await house.limiter.take_each([])


async def test_keys_and_limits_are_counted_apart(house: House) -> None:
    """One client's refusal is nobody else's, and one limit's is not another's (SEC-65)."""
    assert await house.takes(20, Limit.MAIL_PER_MAILBOX_AND_CLIENT, "v@ex.com", "1.2.3.4") == 3
    assert await house.takes(1, Limit.MAIL_PER_MAILBOX_AND_CLIENT, "v@ex.com", "1.2.3.5") == 1
    assert await house.takes(1, Limit.MAIL_PER_MAILBOX_AND_CLIENT, "w@ex.com", "1.2.3.4") == 1
    assert await house.takes(1, Limit.MAIL_PER_CLIENT, "1.2.3.4") == 1


@pytest.mark.parametrize(
    ("one", "other"),
    (
        (("a/b@ex.com", "1.2.3.4"), ("b@ex.com", "1.2.3.4")),
        (("a@ex.com", "2001:db8::/64"), ("a@ex.com", "2001:db8::")),
        (("a@ex.com/1", "x"), ("a@ex.com", "x")),
    ),
)
async def test_a_key_cannot_be_written_to_hit_another(house: House, one: tuple[str, str], other: tuple[str, str]) -> None:
    """A local part may hold a slash, and still nobody spends somebody else's quota with it (SEC-63, SEC-65)."""
    assert await house.takes(10, Limit.MAIL_PER_MAILBOX_AND_CLIENT, *one) == 3
    assert await house.takes(1, Limit.MAIL_PER_MAILBOX_AND_CLIENT, *other) == 1


async def test_looking_does_not_count(house: House) -> None:
    """Limits on failures are checked before and counted after a failure only (SEC-65)."""
    for _ in range(100):
        await house.limiter.check(Limit.API_KEY_FAILURES, "a")
        assert await house.limiter.has_room(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(100, Limit.API_KEY_FAILURES, "a") == 10
    assert not await house.limiter.has_room(Limit.API_KEY_FAILURES, "a")
    with pytest.raises(RateLimited):
        await house.limiter.check(Limit.API_KEY_FAILURES, "a")


@pytest.mark.parametrize(("waited", "seconds"), ((0, "900"), (0.5, "900"), (1, "899"), (898.5, "2"), (899.5, "1")))
async def test_a_refusal_says_when_to_come_back(house: House, waited: float, seconds: str) -> None:
    """`Retry-After` is never too early and never longer than the window (SEC-64; RFC 9110 section 10.2.3)."""
    await house.takes(10, Limit.API_KEY_FAILURES, "a")
    house.tick(waited)
    with pytest.raises(RateLimited) as refused:
        await house.limiter.take(Limit.API_KEY_FAILURES, "a")
    assert refused.value.headers == {
        "retry-after": seconds,
        "ratelimit-policy": '"api_key_failures";q=10;w=900',
        "ratelimit": f'"api_key_failures";r=0;t={seconds}',
    }
    house.tick(float(seconds))
    await house.limiter.take(Limit.API_KEY_FAILURES, "a")


async def test_a_window_may_be_shorter_than_a_second(build: Callable[..., House]) -> None:
    """Raised mail limits shrink the cooldown; its header still has whole seconds (SEC-66)."""
    house = build(table(per_minute=300, mails_per_hour=600))
    assert await house.takes(3, Limit.MAIL_COOLDOWN, "v@ex.com", "a") == 1
    assert (await house.limiter.refusal(Limit.MAIL_COOLDOWN, "v@ex.com", "a")).headers["ratelimit-policy"] == '"mail_cooldown";q=1;w=1'
    house.tick(0.5)
    assert await house.takes(3, Limit.MAIL_COOLDOWN, "v@ex.com", "a") == 1


async def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    """A window that a wrong clock opened in the future is not waited for (SEC-65)."""
    house = House()
    house.clock.tick(86_400)
    await house.takes(10, Limit.API_KEY_FAILURES, "a")
    house.clock.tick(-86_400)
    assert await house.takes(1, Limit.API_KEY_FAILURES, "a") == 1


async def test_two_hundred_thousand_keys_fit_into_memory() -> None:
    """Whoever rotates through keys, the longest allowed, finds a table that does not grow: below 50 MB (SEC-64)."""
    house = House()
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(200_000):
            await house.limiter.take(Limit.MAIL_PER_MAILBOX_AND_CLIENT, "x" * 254, f"{number:x}", "2001:db8:ffff:ffff::/64")
        used, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert house.held() <= MAX_KEYS
    assert max(used, peak) < 50_000_000


async def test_a_flood_of_clients_does_not_wipe_out_other_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotating addresses must reset neither the global cap on mail nor the count of a mailbox (SEC-64, SEC-65, SEC-66)."""
    monkeypatch.setattr(limiter_module, "MAX_KEYS", 1000)
    house = House()
    assert await house.takes(200, Limit.MAIL_GLOBAL) == 200
    assert await house.takes(5, Limit.MAIL_PER_MAILBOX_HOUR, "v@ex.com") == 5
    for number in range(5000):
        await house.limiter.take(Limit.REQUESTS, f"client {number}")
        house.clock.tick(0.001)
        assert house.held() <= 1000
    assert await house.takes(1, Limit.MAIL_GLOBAL) == 0
    assert await house.takes(1, Limit.MAIL_PER_MAILBOX_HOUR, "v@ex.com") == 0


async def test_windows_that_are_over_make_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet hour later nobody who counts is pushed out (SEC-64)."""
    monkeypatch.setattr(limiter_module, "MAX_KEYS", 100)
    house = House()
    for number in range(60):
        await house.limiter.take(Limit.REQUESTS, f"gone {number}")
    house.clock.tick(60)
    for number in range(90):
        await house.limiter.take(Limit.MAIL_PER_CLIENT, f"here {number}")
    for number in range(90):
        assert await house.table.counted(Limit.MAIL_PER_CLIENT, f"here {number}") == 1
    assert house.held() <= 100


async def test_the_table_counts_as_the_library_does() -> None:
    """Our table answers what the library's own memory answers: either can stand below the limiter (SEC-64)."""
    house, theirs = House(), MemoryStorage()
    for _ in range(5):
        assert await house.table.count([(Limit.REQUESTS, "a", QUOTAS[Limit.REQUESTS])]) == 1
        assert await house.table.counted(Limit.REQUESTS, "a") == await theirs.incr("a", 60)
        assert await house.table.counted(Limit.REQUESTS, "b") == await theirs.get("b") == 0
