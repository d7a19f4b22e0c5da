"""The one place that counts requests against limits (SEC-60 to SEC-66).

The windows are those of the ``limits`` library. Its own memory keeps a lock and a full scan for each
key, so a bounded table of ours stands below it: at most `MAX_KEYS` entries, and whoever floods it
pushes out his own kind.
"""

import math
from collections.abc import Mapping
from itertools import islice, takewhile
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from pwauth_server.adapters.clock import Clock
from pwauth_server.errors import RateLimited
from pwauth_server.rules.limits import Limit, Quota

#: Windows kept at most: 45 MB if every key is as long as a mail address can be, 22 MB as a rule.
MAX_KEYS = 80_000


class OnLimited(Protocol):
    """Told the name of every limit that refused somebody."""

    def __call__(self, limit: Limit) -> None:
        """Count one refusal."""


class WindowTable(Storage):
    """Counters that open a window with their first hit and vanish with its end."""

    STORAGE_SCHEME = ["pwauth+memory"]  # noqa: RUF012 - the library's name for it

    def __init__(self, clock: Clock) -> None:
        """Start empty; the clock is ours, so tests can move it."""
        super().__init__()
        self._clock = clock
        # limit -> key -> [count, end]; the windows of one limit are equally long, so the first to open is the first to end
        self._rooms: dict[str, dict[str, list[float]]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return the errors of this storage: none of its own."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a hit and return how many there are; one step, nothing can come between."""
        window = self._open(key)
        if window is None:
            self._make_room()
            window = self._room(key)[key] = [0, self._clock.now() + expiry]
        window[0] += amount
        return int(window[0])

    async def get(self, key: str) -> int:
        """Return how many hits there are."""
        window = self._open(key)
        return int(window[0]) if window else 0

    async def get_expiry(self, key: str) -> float:
        """Return when the window ends (Unix seconds)."""
        window = self._open(key)
        return window[1] if window else self._clock.now()

    async def check(self) -> bool:
        """Tell that memory works."""
        return True

    async def reset(self) -> int | None:
        """Forget everything."""
        count = self._size()
        self._rooms.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one key."""
        self._room(key).pop(key, None)

    def _room(self, key: str) -> dict[str, list[float]]:
        return self._rooms.setdefault(key.partition("/")[0], {})

    def _size(self) -> int:
        return sum(map(len, self._rooms.values()))

    def _open(self, key: str) -> list[float] | None:
        room = self._room(key)
        window = room.get(key)
        if window is not None and window[1] <= self._clock.now():
            del room[key]
            return None
        return window

    def _make_room(self) -> None:
        if self._size() < MAX_KEYS:
            return
        now = self._clock.now()
        for room in self._rooms.values():
            for key, _ in list(takewhile(lambda entry: entry[1][1] <= now, room.items())):
                del room[key]
        if self._size() < MAX_KEYS:
            return
        # Somebody rotates through more keys than we hold. The fullest limit gives way, and only its
        # oldest: rotating addresses must not wipe out the global cap on mail or the count of a mailbox.
        fullest = max(self._rooms.values(), key=len)
        for key in list(islice(fullest, len(fullest) // 10 + 1)):
            del fullest[key]


class Limiter:
    """Takes from quotas by name."""

    def __init__(self, quotas: Mapping[Limit, Quota], *, storage: Storage, clock: Clock, on_limited: OnLimited) -> None:
        """Use the table of `rules.limits` over a storage of the ``limits`` library."""
        self._items = {limit: _item(limit, quota) for limit, quota in quotas.items()}
        self._strategy = FixedWindowRateLimiter(storage)
        self._clock = clock
        self._on_limited = on_limited

    async def take(self, limit: Limit, *key: str) -> None:
        """Count one use; raise RateLimited with ``Retry-After`` if the quota is spent."""
        if not await self._strategy.hit(self._items[limit], limit, *key):
            raise await self.refusal(limit, *key)

    async def check(self, limit: Limit, *key: str) -> None:
        """Raise RateLimited if the quota is spent, without counting: for limits on failures."""
        if not await self._strategy.test(self._items[limit], limit, *key):
            raise await self.refusal(limit, *key)

    async def is_first(self, limit: Limit, *key: str) -> bool:
        """Count one use and tell whether it was within the quota; for limits that stay silent."""
        return await self._strategy.hit(self._items[limit], limit, *key)

    async def is_free(self, limit: Limit, *key: str) -> bool:
        """Tell whether a use would be within the quota, without counting."""
        return await self._strategy.test(self._items[limit], limit, *key)

    async def refusal(self, limit: Limit, *key: str) -> RateLimited:
        """Return the refusal with the headers of RFC 9110 and draft-ietf-httpapi-ratelimit-headers-10."""
        self._on_limited(limit)
        item = self._items[limit]
        ends = (await self._strategy.get_window_stats(item, limit, *key)).reset_time
        seconds = max(1, math.ceil(ends - self._clock.now()))
        return RateLimited(
            headers={
                "retry-after": str(seconds),
                "ratelimit-policy": f'"{limit}";q={item.amount};w={math.ceil(item.get_expiry())}',
                "ratelimit": f'"{limit}";r=0;t={seconds}',
            }
        )


class _Window(RateLimitItemPerSecond):
    """A window of so many seconds, possibly less than one."""

    __slots__ = ("_seconds",)

    def __init__(self, amount: int, seconds: float, namespace: str) -> None:
        super().__init__(amount, 1, namespace)
        self._seconds = seconds

    def get_expiry(self) -> int:
        return self._seconds  # type: ignore[return-value] # the storage of ours takes fractions


def _item(limit: Limit, quota: Quota) -> RateLimitItem:
    return _Window(quota.amount, quota.seconds, limit)
