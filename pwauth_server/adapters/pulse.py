"""The pulse of the event loop: how late it rings a timer is what every request waited meanwhile."""

import asyncio
from collections.abc import Callable

#: Seconds between two beats: short enough to meet every pause that a person could feel.
EVERY = 0.05


async def beat(observe: Callable[[float], None]) -> None:
    """Wait for one beat and tell ``observe`` how many seconds late it came."""
    loop = asyncio.get_running_loop()
    due = loop.time() + EVERY
    await asyncio.sleep(EVERY)
    # The loop rings up to a millisecond early, to spare itself another turn.
    observe(max(0.0, loop.time() - due))
