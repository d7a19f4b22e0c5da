"""A bell that wakes the mail loop the moment a letter is committed."""

import asyncio


class Bell:
    """Rung after a commit; whoever waits wakes at once."""

    def __init__(self) -> None:
        """Start silent."""
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiting loop, now or when it next waits."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when rung, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        # Cleared before the caller looks at the queue: a ring during that look wakes the next wait.
        self._event.clear()
