import asyncio
import gc
import tracemalloc
from collections.abc import Mapping

import pytest
from limits.aio.storage import MemoryStorage

from pwauth_server.adapters import limiter as limiter_module
from pwauth_server.adapters.limiter import MAX_KEYS, Limiter, WindowTable
from pwauth_server.errors import RateLimited
from pwauth_server.rules.limits import Limit, Quota, table
from tests.fakes import FakeClock

QUOTAS = table(per_minute=300, mails_per_hour=5)


class House:
    """A limiter with its table, its clock and the refusals it told."""

    def __init__(self, quotas: Mapping[Limit, Quota] = QUOTAS) -> None:
        self.clock = FakeClock()
        self.table = WindowTable(self.clock)
        self.refused: list[Limit] = []
        self.limiter = Limiter(quotas, storage=self.table, clock=self.clock, on_limited=self._refused)

    def _refused(self, limit: Limit) -> None:
        self.refused.append(limit)

    async def takes(self, count: int, limit: Limit, *key: str) -> int:
        """Take so often; return how many were let in."""
        return sum([await self.limiter.is_first(limit, *key) for _ in range(count)])


async def test_a_quota_lets_in_what_it_says() -> None:
    """Thirty failures, then refusal, told to the metrics (SEC-64)."""
    house = House()
    for _ in range(30):
        await house.limiter.take(Limit.SIGN_IN_FAILURES, "1.2.3.4")
    for _ in range(3):
        with pytest.raises(RateLimited):
            await house.limiter.take(Limit.SIGN_IN_FAILURES, "1.2.3.4")
    assert house.refused == [Limit.SIGN_IN_FAILURES] * 3


async def test_a_hundred_at_once_get_no_more_than_one_by_one() -> None:
    """Counting and checking are one step, so parallel requests cannot overrun a limit (SEC-64)."""
    house = House()
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


async def test_keys_and_limits_are_counted_apart() -> None:
    """One client's refusal is nobody else's, and one limit's is not another's (SEC-65)."""
    house = House()
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
async def test_a_key_cannot_be_written_to_hit_another(one: tuple[str, str], other: tuple[str, str]) -> None:
    """A local part may hold a slash, and still nobody spends somebody else's quota with it (SEC-63, SEC-65)."""
    house = House()
    assert await house.takes(10, Limit.MAIL_PER_MAILBOX_AND_CLIENT, *one) == 3
    assert await house.takes(1, Limit.MAIL_PER_MAILBOX_AND_CLIENT, *other) == 1


async def test_looking_does_not_count() -> None:
    """Limits on failures are checked before and counted after a failure only (SEC-65)."""
    house = House()
    for _ in range(100):
        await house.limiter.check(Limit.API_KEY_FAILURES, "a")
        assert await house.limiter.is_free(Limit.API_KEY_FAILURES, "a")
    assert await house.takes(100, Limit.API_KEY_FAILURES, "a") == 10
    assert not await house.limiter.is_free(Limit.API_KEY_FAILURES, "a")
    with pytest.raises(RateLimited):
        await house.limiter.check(Limit.API_KEY_FAILURES, "a")


@pytest.mark.parametrize(("waited", "seconds"), ((0, "900"), (0.5, "900"), (1, "899"), (898.5, "2"), (899.5, "1")))
async def test_a_refusal_says_when_to_come_back(waited: float, seconds: str) -> None:
    """`Retry-After` is never too early and never longer than the window (SEC-64; RFC 9110 section 10.2.3)."""
    house = House()
    await house.takes(10, Limit.API_KEY_FAILURES, "a")
    house.clock.tick(waited)
    with pytest.raises(RateLimited) as refused:
        await house.limiter.take(Limit.API_KEY_FAILURES, "a")
    assert refused.value.headers == {
        "retry-after": seconds,
        "ratelimit-policy": '"api_key_failures";q=10;w=900',
        "ratelimit": f'"api_key_failures";r=0;t={seconds}',
    }
    house.clock.tick(float(seconds))
    await house.limiter.take(Limit.API_KEY_FAILURES, "a")


async def test_a_window_may_be_shorter_than_a_second() -> None:
    """Raised mail limits shrink the cooldown; its header still has whole seconds (SEC-66)."""
    house = House(table(per_minute=300, mails_per_hour=600))
    assert await house.takes(3, Limit.MAIL_COOLDOWN, "v@ex.com", "a") == 1
    assert (await house.limiter.refusal(Limit.MAIL_COOLDOWN, "v@ex.com", "a")).headers["ratelimit-policy"] == '"mail_cooldown";q=1;w=1'
    house.clock.tick(0.5)
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
            await house.table.incr(f"mail_per_mailbox_and_client/{'x' * 254}/{number:x}/2001:db8:ffff:ffff::/64", 60)
        used, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert house.table._size() <= MAX_KEYS
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
        assert house.table._size() <= 1000
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
        assert await house.table.get(f"mail_per_client/here {number}") == 1
    assert house.table._size() <= 100


async def test_the_table_counts_as_the_library_does() -> None:
    """Our table answers what the library's own memory answers: either can stand below the limiter (SEC-64)."""
    house, theirs = House(), MemoryStorage()
    for _ in range(5):
        assert await house.table.incr("a", 60) == await theirs.incr("a", 60)
        assert await house.table.get("a") == await theirs.get("a")
        assert await house.table.get("b") == await theirs.get("b") == 0
