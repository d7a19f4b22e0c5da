"""Long computations, one after the other."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_turn(queue: asyncio.Lock, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, from a thread; whoever comes meanwhile waits.

    All threads share one interpreter with the event loop: ten of them at once would leave it an eleventh of the time.
    Whoever hangs up while he waits is out of the line. One whose turn it is keeps it for as long as his thread works, for
    that goes on without him.
    """
    await queue.acquire()
    try:
        done = asyncio.get_running_loop().run_in_executor(None, work)
    except BaseException:
        queue.release()
        raise
    done.add_done_callback(lambda _: queue.release())
    return await asyncio.shield(done)
