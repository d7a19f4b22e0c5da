"""Connections that end (SEC-64): Sanic's own timeouts start anew with every byte, and never fire for ``Upgrade: websocket``.

Without this a hundred bytes hold a connection for good, and a thousand such connections shut everybody out.
"""

import resource
from asyncio import BaseTransport

from sanic.http import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

#: Descriptors left for the database, for mail and for logs.
RESERVED = 124
#: Connections at the same time at the most, however many descriptors there are: each may hold 64 KiB.
MOST = 4000
#: Seconds between asking a connection to end and cutting it off.
LAST_WORDS = 2.0


def cap() -> int:
    """Return how many connections this process can afford."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(RESERVED, min(MOST, soft - RESERVED))


class PatientProtocol(HttpProtocol):
    """HTTP with deadlines for a whole head and a whole body, not for the pause between two bytes."""

    _cap = cap()

    def connection_made(self, transport: BaseTransport) -> None:
        """Turn away whoever comes beyond the cap; what is open goes on."""
        if len(self.connections) >= self._cap:
            transport.abort()  # type: ignore[attr-defined] # every TCP transport can
            return
        super().connection_made(transport)  # type: ignore[no-untyped-call]

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection, unless it was turned away."""
        if self in self.connections:
            super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes) -> None:
        """Let time run on while a request is being read."""
        http = self.http  # None until the connection's own task has begun
        before = self._time if http is not None else 0.0
        super().data_received(data)
        if http is not None and http.stage is not Stage.IDLE:
            self._time = before

    def check_timeouts(self) -> None:
        """Treat no request as a websocket, and cut off whoever does not take the hint."""
        if self.http is not None:
            self.http.upgrade_websocket = False
        asked = self._callback_check_timeouts
        super().check_timeouts()  # type: ignore[no-untyped-call]
        if self._task and asked is not None and self._callback_check_timeouts is asked:
            self.loop.call_later(LAST_WORDS, self._cut_off)

    def _cut_off(self) -> None:
        if self.transport is not None and self._task is not None:
            self.transport.abort()
