"""The pulse of the event loop."""

import asyncio
from time import thread_time

from pwauth_server.adapters import pulse


async def test_a_beat_tells_how_long_the_loop_stood_still() -> None:
    """Somebody computes for a fifth of a second: everybody waited at least a good part of it."""
    late: list[float] = []
    beating, until = asyncio.create_task(pulse.beat(late.append)), thread_time() + 0.2
    await asyncio.to_thread(int)  # the beat begins
    while thread_time() < until:
        pass
    await beating
    assert len(late) == 1
    assert late[0] > 0.1


async def test_a_beat_is_never_early() -> None:
    """A histogram has no room for less than nothing."""
    late: list[float] = []
    await asyncio.gather(*(pulse.beat(late.append) for _ in range(50)))
    assert len(late) == 50
    assert min(late) >= 0
