"""Connections that end (SEC-64): Sanic's own timeouts start anew with every byte, and never fire for ``Upgrade: websocket``.

Without this a hundred bytes hold a connection for good, and a thousand such connections shut everybody out.
"""

import resource
from asyncio import BaseTransport, Future
from time import monotonic

from sanic.exceptions import RequestCancelled, RequestTimeout
from sanic.http import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

#: Descriptors left for the database, for mail and for logs.
RESERVED = 124
#: Connections at the same time at the most, however many descriptors there are: one that takes none of its answers may hold 0.8 MB
#: for as long as its patience lasts, since the longest answer is a quarter of that and the next one waits.
MOST = 4000
#: Seconds between asking a connection to end and cutting it off.
LAST_WORDS = 2.0


def cap() -> int:
    """Return how many connections this process can afford."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(RESERVED, min(MOST, soft - RESERVED))


class PatientProtocol(HttpProtocol):
    """HTTP with deadlines for a whole head and a whole body, not for the pause between two bytes."""

    # Sanic's metaclass gives us slots whether we name some or not.
    __slots__ = ("_has_heard_all", "_more")

    _cap = cap()
    #: What is awaited until more bytes come.
    _more: Future[None] | None
    #: Whether the client has closed its half of the connection.
    _has_heard_all: bool

    def connection_made(self, transport: BaseTransport) -> None:
        """Turn away whoever comes beyond the cap; what is open goes on."""
        if len(self.connections) >= self._cap:
            transport.abort()  # type: ignore[attr-defined] # every TCP transport can
            return
        self._more, self._has_heard_all = None, False
        super().connection_made(transport)  # type: ignore[no-untyped-call]

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection, unless it was turned away."""
        if self in self.connections:
            super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def eof_received(self) -> bool:
        """Answer what was asked before the client closed its half of the connection, then end with it.

        The loop itself would close at once, and whoever had said all and waited would never learn what became of it. One
        who hung up looks the same, and costs us an answer.
        """
        self._has_heard_all = True
        if self._more is not None and not self._more.done():
            self.close(self.response_timeout)
        return True

    def data_received(self, data: bytes) -> None:
        """Take bytes in; time runs on while a request is being read."""
        http = self.http  # None until the connection's own task has begun
        if http is None or http.stage is Stage.IDLE:
            self._time = monotonic()
        self.recv_buffer += data
        if self.transport is not None and len(self.recv_buffer) >= self.app.config["REQUEST_BUFFER_SIZE"]:
            self.transport.pause_reading()
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def receive_more(self) -> None:
        """Wait for more bytes, or for the end: a bare future, since an event makes one too, and three calls around it."""
        if self._has_heard_all:
            self.close(self.response_timeout)
        elif self.transport is not None:
            self.transport.resume_reading()
        self._more = self.loop.create_future()
        await self._more

    async def send(self, data: bytes) -> None:
        """Write, once the client has taken what it was sent before; raise RequestCancelled if it is gone."""
        if not self._can_write.is_set():
            await self._can_write.wait()
        if self.transport is None or self.transport.is_closing():
            raise RequestCancelled
        self.app.ctx.outbox.put(self.transport, data)
        self._time = monotonic()

    def close(self, timeout: float | None = None) -> None:
        """Say what is still to be said, and close."""
        self.app.ctx.outbox.empty()
        super().close(timeout)

    def check_timeouts(self) -> None:
        """Treat no request as a websocket, blame nobody but the client for what it kept back, cut off whoever does not take the hint."""
        http = self.http
        if http is not None:
            http.upgrade_websocket = False
        asked, is_client_slow = self._callback_check_timeouts, self._waits_for_client()
        super().check_timeouts()  # type: ignore[no-untyped-call]
        if self._task and asked is not None and self._callback_check_timeouts is asked:
            if http is not None and is_client_slow:  # Sanic calls that 503 once it has the head
                http.exception = RequestTimeout()
            self.loop.call_later(LAST_WORDS, self._cut_off)

    def _waits_for_client(self) -> bool:
        """Tell whether it is the client that has not sent all of its request, or not taken its answers."""
        return (self._more is not None and not self._more.done()) or not self._can_write.is_set()

    def _cut_off(self) -> None:
        if self.transport is not None and self._task is not None:
            self.transport.abort()
