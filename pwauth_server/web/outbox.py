"""Answers that are ready in the same turn of the event loop leave together.

A write wakes whoever waits at the other end, and by the time the next answer is made they sleep again: where many ask at
once, waking them took a fifth of the time of a request. Written one right after the other, most find them awake.
"""

from asyncio import Transport, get_running_loop

#: Answers that leave without waiting for the end of the turn: with more, the first would wait too long for the last.
TOGETHER = 32


class Outbox:
    """What is to be written, in order, when this turn of the event loop is over."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: list[tuple[Transport, bytes]] = []

    def put(self, transport: Transport, data: bytes) -> None:
        """Write ``data`` soon."""
        if not self._waiting:
            get_running_loop().call_soon(self.empty)
        self._waiting.append((transport, data))
        if len(self._waiting) >= TOGETHER:
            self.empty()

    def empty(self) -> None:
        """Write everything now; what is for a connection that has been closed meanwhile is lost, as it would be in the kernel."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
