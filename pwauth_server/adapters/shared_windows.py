"""Windows that several nodes share, and what happens while their storage does not answer.

Then this node goes on with its own count: limits fail neither open nor shut. It counts every use there at all
times, so whoever has used his share up on this node finds it used up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.limiter import Use, Windows, WindowTable
from pwauth_server.adapters.logs import Log
from pwauth_server.adapters.metrics import Metrics
from pwauth_server.rules.limits import Limit

#: Seconds that a request waits for the shared storage, and seconds until one of them tries again.
PATIENCE, AGAIN = 0.5, 3.0

T = TypeVar("T")


class SharedWindows:
    """The shared count while there is one, else this node's own."""

    def __init__(self, shared: Windows, *, own: WindowTable, clock: Clock, metrics: Metrics, log: Log | None) -> None:
        """Begin with trust in the shared storage: whether it answers, the first question will tell."""
        self._shared, self._own, self._clock, self._metrics, self._log = shared, own, clock, metrics, log
        self._is_alone, self._again_at = False, 0.0

    async def count(self, uses: Sequence[Use]) -> int:
        """Count uses until one goes beyond its quota, here or with all nodes together; return how many did not."""
        granted = 0
        while granted < len(uses):
            # Own uses are a part of all: where Redis knows of fewer, it was away, or has begun anew. So nobody is asked about
            # what lies behind a quota that is spent here, and what Redis did not count is not counted here either.
            asked = uses[granted : granted + self._own.would_fit(uses[granted:]) + 1]
            shared = await self._ask(lambda windows: windows.count(asked))  # noqa: B023 - asked before the next turn
            here = await self._own.count(asked if shared is None else asked[: shared + 1])
            fitted = here if shared is None else min(here, shared)
            granted += fitted
            if fitted < len(asked):
                break
            # Else a quota that was spent when we looked was not any more when we counted: its window has ended meanwhile.
        return granted

    async def give_back(self, limit: Limit, key: str) -> None:
        """Take one use back, if its window is still open."""
        await self._own.give_back(limit, key)
        await self._ask(lambda windows: windows.give_back(limit, key))

    async def clear(self, limit: Limit, key: str) -> None:
        """Close a window, with all its uses but those that another node has counted itself: that one remembers them to the end."""
        await self._own.clear(limit, key)
        await self._ask(lambda windows: windows.clear(limit, key))

    async def counted(self, limit: Limit, key: str) -> int:
        """Return how many uses there are."""
        shared, own = await self._ask(lambda windows: windows.counted(limit, key)), await self._own.counted(limit, key)
        return own if shared is None else max(own, shared)

    async def ends_at(self, limit: Limit, key: str) -> float:
        """Return when the window ends (Unix seconds)."""
        shared, own = await self._ask(lambda windows: windows.ends_at(limit, key)), await self._own.ends_at(limit, key)
        return own if shared is None else max(own, shared)

    async def close(self) -> None:
        """Let go of the shared storage; one that has fallen silent does not even say goodbye, and keeps nobody from ending."""
        with suppress(Exception):
            await self._shared.close()

    async def _ask(self, question: Callable[[Windows], Awaitable[T]]) -> T | None:
        """Return the shared storage's answer; None if it gives none, or gave none a moment ago."""
        tries_again, now = self._is_alone, self._clock.now()
        # A moment that is further away than it can be was set by a clock that has been set back since.
        if tries_again and 0 < self._again_at - now <= AGAIN:
            return None
        self._again_at = now + AGAIN  # one request tries, the others do not wait for what becomes of it
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await question(self._shared)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, nobody is kept from signing in
            self._again_at = self._clock.now() + AGAIN
            self._metrics.limits_storage_failed()
            if not self._is_alone:
                self._count_alone(because=error)
            return None
        # An answer to a question of before the outage does not end it.
        if tries_again and self._is_alone:
            self._count_together()
        return answer

    def _count_alone(self, *, because: Exception) -> None:
        self._is_alone = True
        self._metrics.counts_limits_alone(is_alone=True)
        if self._log is not None:
            # The kind of error only: its text may name the storage's address and user.
            self._log.warning("limits.alone", kind=type(because).__name__, meaning="Redis does not answer; this node counts limits alone")

    def _count_together(self) -> None:
        self._is_alone = False
        self._metrics.counts_limits_alone(is_alone=False)
        if self._log is not None:
            self._log.info("limits.shared", meaning="Redis answers; limits are shared again")
