"""The supervised background loops of the process: mail, and chores by the clock.

They are tasks of our own: those of the framework keep it from stopping when their end takes time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pwauth_server.adapters.bell import Bell
from pwauth_server.adapters.logs import Log
from pwauth_server.flows.delivery import Postman

#: Seconds before a loop that broke is started again; doubled up to the last while it keeps breaking.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]
    #: Called when the process ends: what would take long should be broken off.
    hurry: Callable[[], None] = lambda: None


class Worker:
    """Runs the mail loop and the chores until it is stopped."""

    def __init__(self, postman: Postman, bell: Bell, log: Log, *, chores: Sequence[Chore] = (), reclaim: bool = False) -> None:
        """``reclaim`` says that no other process works on this database, so that lost letters are ours."""
        self._postman, self._bell, self._log = postman, bell, log
        self._chores = chores
        self._reclaim = reclaim
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every loop as a task of its own."""
        loops = [("mail", self._mail)] + [(chore.name, self._loop_of(chore)) for chore in self._chores]
        self._tasks = [asyncio.create_task(self._supervise(name, loop), name=name) for name, loop in loops]

    async def stop(self, patience: float) -> None:
        """Let the letters in hand and the running chores be finished, at most ``patience`` seconds."""
        self._stopping.set()
        self._bell.ring()
        for chore in self._chores:
            chore.hurry()
        mail = asyncio.create_task(self._postman.stop(patience))
        _, late = await asyncio.wait(self._tasks, timeout=patience) if self._tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(mail, *self._tasks, return_exceptions=True)

    async def _supervise(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        time = asyncio.get_running_loop().time
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time()
            try:
                await loop()
            except Exception as error:  # noqa: BLE001 - a loop must outlive whatever breaks it
                if time() - began > LONGEST_PAUSE:
                    pause = FIRST_PAUSE
                self._log.failure("loop_broke", error, loop=name, pause=pause)
                await self._pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _mail(self) -> None:
        if self._reclaim:
            await self._postman.reclaim()
            self._reclaim = False
        while not self._stopping.is_set():
            await self._bell.wait(await self._postman.run())

    def _loop_of(self, chore: Chore) -> Callable[[], Awaitable[None]]:
        async def loop() -> None:
            while not self._stopping.is_set():
                await chore.run()
                await self._pause(chore.seconds)

        return loop

    async def _pause(self, seconds: float) -> None:
        """Wait, or be cut short by the end."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
