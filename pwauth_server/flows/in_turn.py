"""Long computations, one after the other."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_turn(queue: asyncio.Lock, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, from a thread; whoever comes meanwhile waits.

    All threads share one interpreter with the event loop: ten of them at once would leave it an eleventh of the time.
    """
    async with queue:
        return await asyncio.to_thread(work)
