"""The one place that counts requests against limits (SEC-60 to SEC-66).

Windows lie in a storage with the interface of the ``limits`` library, whose Redis storage serves
several nodes (`redis_windows`). The one for a single process is ours: the library's keeps a lock for each
key, scans all of them at every hit and takes two megabytes to import. This one is bounded: at most
`MAX_KEYS` windows, and whoever floods it pushes out his own kind.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice, takewhile
from typing import Protocol

from pwauth_server.adapters.clock import Clock
from pwauth_server.errors import RateLimited
from pwauth_server.rules.limits import Limit, Quota

#: Windows kept at most: 45 MB if every key is as long as a mail address can be, 22 MB as a rule.
MAX_KEYS = 80_000


class OnLimited(Protocol):
    """Told the name of every limit that refused somebody."""

    def __call__(self, limit: Limit) -> None:
        """Count one refusal."""


class Windows(Protocol):
    """What a storage of the ``limits`` library can do, as far as we ask it, and two things more."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count hits in a window of ``expiry`` seconds; return how many there are."""

    async def decr(self, key: str) -> None:
        """Take one hit back, if its window is still open; one step."""

    async def clear(self, key: str) -> None:
        """Close a window, with all its hits."""

    async def get(self, key: str) -> int:
        """Return how many hits there are."""

    async def get_expiry(self, key: str) -> float:
        """Return when the window ends (Unix seconds)."""

    async def close(self) -> None:
        """Let go of whatever is held open."""


class WindowTable:
    """Counters that open a window with their first hit and vanish with its end."""

    def __init__(self, clock: Clock) -> None:
        """Start empty; the clock is ours, so tests can move it."""
        self._clock = clock
        # limit -> key -> [count, end, length]; the windows of one limit are equally long, so the first to open is the first to end
        self._rooms: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
        self._held = 0

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a hit and return how many there are; one step, nothing can come between."""
        now = self._clock.now()
        window = self._find(key, now)
        if window is None:
            self._make_room(now)
            window = self._rooms[_limit_of(key)][key] = [0, now + expiry, expiry]
            self._held += 1
        window[0] += amount
        return int(window[0])

    async def decr(self, key: str) -> None:
        """Take one hit back, if its window is still open."""
        window = self._find(key, self._clock.now())
        if window is not None and window[0] > 0:
            window[0] -= 1

    async def clear(self, key: str) -> None:
        """Close a window, with all its hits."""
        if self._rooms[_limit_of(key)].pop(key, None) is not None:
            self._held -= 1

    async def get(self, key: str) -> int:
        """Return how many hits there are."""
        window = self._find(key, self._clock.now())
        return int(window[0]) if window else 0

    async def get_expiry(self, key: str) -> float:
        """Return when the window ends (Unix seconds)."""
        window = self._find(key, now := self._clock.now())
        return window[1] if window else now

    async def close(self) -> None:
        """Do nothing: nothing is held open."""

    def _find(self, key: str, now: float) -> list[float] | None:
        """Return the window of ``key`` if it is open at ``now``; throw an old one away."""
        room = self._rooms[_limit_of(key)]
        window = room.get(key)
        # A window that would end later than if it opened now was opened by a clock that has been set back.
        if window is None or 0 < window[1] - now <= window[2]:
            return window
        del room[key]
        self._held -= 1
        return None

    def _make_room(self, now: float) -> None:
        if self._held < MAX_KEYS:
            return
        for room in self._rooms.values():
            for key, _ in list(takewhile(lambda entry: entry[1][1] <= now, room.items())):
                del room[key]
        self._held = sum(map(len, self._rooms.values()))
        if self._held < MAX_KEYS:
            return
        # Somebody rotates through more keys than we hold. The fullest limit gives way, and only its
        # oldest: rotating addresses must not wipe out the global cap on mail or the count of a mailbox.
        fullest = max(self._rooms.values(), key=len)
        for key in list(islice(fullest, len(fullest) // 10 + 1)):
            del fullest[key]
            self._held -= 1


class Limiter:
    """Takes from quotas by name, in one step each: nothing can come between looking and counting."""

    def __init__(self, quotas: Mapping[Limit, Quota], *, storage: Windows, clock: Clock, on_limited: OnLimited) -> None:
        """Use the table of `rules.limits` over a storage."""
        self._quotas = quotas
        self._storage = storage
        self._clock = clock
        self._on_limited = on_limited

    async def take(self, limit: Limit, *key: str) -> None:
        """Count one use; raise RateLimited with ``Retry-After`` if the quota is spent."""
        quota = self._quotas[limit]
        if await self._storage.incr(_key(limit, key), quota.seconds) > quota.amount:
            raise await self.refusal(limit, *key)

    async def check(self, limit: Limit, *key: str) -> None:
        """Raise RateLimited if the quota is spent, without counting: for limits on failures."""
        if not await self.is_free(limit, *key):
            raise await self.refusal(limit, *key)

    async def give_back(self, limit: Limit, *key: str) -> None:
        """Take a use back: it was counted before it was known to be no failure."""
        await self._storage.decr(_key(limit, key))

    async def forget(self, limit: Limit, *key: str) -> None:
        """Forget all uses of a key: whom they were held against has turned out to be somebody else."""
        await self._storage.clear(_key(limit, key))

    async def is_first(self, limit: Limit, *key: str) -> bool:
        """Count one use and tell whether it was within the quota; for limits that stay silent."""
        quota = self._quotas[limit]
        return await self._storage.incr(_key(limit, key), quota.seconds) <= quota.amount

    async def is_free(self, limit: Limit, *key: str) -> bool:
        """Tell whether a use would be within the quota, without counting."""
        return await self._storage.get(_key(limit, key)) < self._quotas[limit].amount

    def window(self, limit: Limit) -> float:
        """Return the length of a limit's window in seconds."""
        return self._quotas[limit].seconds

    async def close(self) -> None:
        """Let go of the storage."""
        await self._storage.close()

    async def refusal(self, limit: Limit, *key: str) -> RateLimited:
        """Return the refusal with the headers of RFC 9110 and draft-ietf-httpapi-ratelimit-headers-10."""
        self._on_limited(limit)
        quota = self._quotas[limit]
        ends = await self._storage.get_expiry(_key(limit, key))
        seconds = max(1, math.ceil(ends - self._clock.now()))
        return RateLimited(
            seconds=seconds,
            headers={
                "retry-after": str(seconds),
                "ratelimit-policy": f'"{limit}";q={quota.amount};w={math.ceil(quota.seconds)}',
                "ratelimit": f'"{limit}";r=0;t={seconds}',
            }
        )


def _limit_of(key: str) -> str:
    return key.partition("/")[0]


def _key(limit: Limit, key: tuple[str, ...]) -> str:
    return f"{limit}/{'/'.join(key)}"
