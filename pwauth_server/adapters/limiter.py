"""The one place that counts requests against limits (SEC-60 to SEC-66).

Where several nodes share their limits, windows lie in the Redis storage of the ``limits`` library (`redis_windows`).
A single process has a table of our own: the library's keeps a lock for each key, scans all of them at every hit and takes
two megabytes to import. Ours is bounded: at most `MAX_KEYS` windows, and whoever floods it pushes out his own kind.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice, takewhile
from typing import Protocol

from pwauth_server.adapters.clock import Clock
from pwauth_server.errors import RateLimited
from pwauth_server.rules.limits import Limit, Quota

#: Windows kept at most: 45 MB if every key is as long as a mail address can be, 22 MB as a rule.
MAX_KEYS = 80_000

#: One use of what a limit grants a key: a client's address, a mailbox, an account.
Use = tuple[Limit, str, Quota]


class OnLimited(Protocol):
    """Told the name of every limit that refused somebody."""

    def __call__(self, limit: Limit) -> None:
        """Count one refusal."""


class Windows(Protocol):
    """A storage of counters, each for a limit and a key, that open with their first use and vanish with their end."""

    async def count(self, uses: Sequence[Use]) -> int:
        """Count uses one after the other until one goes beyond its quota; return how many did not.

        That one is counted, what follows is not: somebody who is refused must not use up what others share with him.
        """

    async def give_back(self, limit: Limit, key: str) -> None:
        """Take one use back, if its window is still open; one step."""

    async def clear(self, limit: Limit, key: str) -> None:
        """Close a window, with all its uses."""

    async def counted(self, limit: Limit, key: str) -> int:
        """Return how many uses there are."""

    async def ends_at(self, limit: Limit, key: str) -> float:
        """Return when the window ends (Unix seconds)."""

    async def close(self) -> None:
        """Let go of whatever is held open."""


class WindowTable:
    """The counters of one process."""

    def __init__(self, clock: Clock) -> None:
        """Start empty; the clock is ours, so tests can move it."""
        self._clock = clock
        # limit -> key -> [count, end, length]; the windows of one limit are equally long, so the first to open is the first to end
        self._rooms: defaultdict[Limit, dict[str, list[float]]] = defaultdict(dict)
        self._held = 0

    async def count(self, uses: Sequence[Use]) -> int:
        """Count uses until one goes beyond its quota; return how many did not; one step, nothing can come between."""
        now = self._clock.now()
        for number, (limit, key, quota) in enumerate(uses):
            window = self._find(limit, key, now) or self._begin(limit, key, now, quota.seconds)
            window[0] += 1
            if window[0] > quota.amount:
                return number
        return len(uses)

    def would_fit(self, uses: Sequence[Use]) -> int:
        """Return what `count` would, without counting; each use is of another window."""
        now = self._clock.now()
        for number, (limit, key, quota) in enumerate(uses):
            window = self._find(limit, key, now)
            if (window[0] if window else 0) >= quota.amount:
                return number
        return len(uses)

    async def give_back(self, limit: Limit, key: str) -> None:
        """Take one use back, if its window is still open."""
        window = self._find(limit, key, self._clock.now())
        if window is not None and window[0] > 0:
            window[0] -= 1

    async def clear(self, limit: Limit, key: str) -> None:
        """Close a window, with all its uses."""
        if self._rooms[limit].pop(key, None) is not None:
            self._held -= 1

    async def counted(self, limit: Limit, key: str) -> int:
        """Return how many uses there are."""
        window = self._find(limit, key, self._clock.now())
        return int(window[0]) if window else 0

    async def ends_at(self, limit: Limit, key: str) -> float:
        """Return when the window ends (Unix seconds)."""
        window = self._find(limit, key, now := self._clock.now())
        return window[1] if window else now

    async def close(self) -> None:
        """Do nothing: nothing is held open."""

    def _find(self, limit: Limit, key: str, now: float) -> list[float] | None:
        """Return the window of ``key`` if it is open at ``now``."""
        window = self._rooms[limit].get(key)
        # A window that would end later than if it opened now was opened by a clock that has been set back.
        return window if window is not None and 0 < window[1] - now <= window[2] else None

    def _begin(self, limit: Limit, key: str, now: float, seconds: float) -> list[float]:
        """Open a window, behind all that are open; an old one of the same key is thrown away."""
        if self._held >= MAX_KEYS:
            self._make_room(now)
        room = self._rooms[limit]
        if room.pop(key, None) is None:
            self._held += 1
        window = room[key] = [0, now + seconds, seconds]
        return window

    def _make_room(self, now: float) -> None:
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
        if not await self.try_take(limit, *key):
            raise await self.refusal(limit, *key)

    async def take_each(self, uses: Sequence[tuple[Limit, *tuple[str, ...]]]) -> None:
        """Count uses one after the other, each a limit and its key; raise RateLimited for the first whose quota is spent.

        What follows that one is not counted. One question to a shared storage, however many there are.
        """
        wanted = [(limit, "/".join(key), self._quotas[limit]) for limit, *key in uses]
        granted = await self._storage.count(wanted)
        if granted < len(wanted):
            raise await self.refusal(*wanted[granted][:2])

    async def check(self, limit: Limit, *key: str) -> None:
        """Raise RateLimited if the quota is spent, without counting: for limits on failures."""
        if not await self.has_room(limit, *key):
            raise await self.refusal(limit, *key)

    async def give_back(self, limit: Limit, *key: str) -> None:
        """Take a use back: it was counted before it was known to be no failure."""
        await self._storage.give_back(limit, "/".join(key))

    async def forget(self, limit: Limit, *key: str) -> None:
        """Forget all uses of a key: whom they were held against has turned out to be somebody else."""
        await self._storage.clear(limit, "/".join(key))

    async def try_take(self, limit: Limit, *key: str) -> bool:
        """Count one use and tell whether it was within the quota; for limits that stay silent."""
        return await self._storage.count([(limit, "/".join(key), self._quotas[limit])]) == 1

    async def has_room(self, limit: Limit, *key: str) -> bool:
        """Tell whether a use would be within the quota, without counting."""
        return await self._storage.counted(limit, "/".join(key)) < self._quotas[limit].amount

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
        ends = await self._storage.ends_at(limit, "/".join(key))
        seconds = max(1, math.ceil(ends - self._clock.now()))
        return RateLimited(
            seconds=seconds,
            headers={
                "retry-after": str(seconds),
                "ratelimit-policy": f'"{limit}";q={quota.amount};w={math.ceil(quota.seconds)}',
                "ratelimit": f'"{limit}";r=0;t={seconds}',
            }
        )
