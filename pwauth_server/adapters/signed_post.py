"""What we tell programs of the operator's: one signed POST each, over a connection of its own (RFC 9112).

No library: of an answer only the status counts. What is read is bounded in size and time, and nothing is followed.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.transport import Delivery, Outcome, word_for
from pwauth_server.rules import compact_json, webhook_signature

#: Seconds in which the receiver may finish what it says after the status, and how much of it is read.
GOODBYE, LONGEST = 1.0, 65_536
#: Bytes that may announce an answer. Endless ones would be read as fast as they come, and nobody else got a turn.
LONGEST_PRELUDE = 8_192

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)[ \r\n]")
#: Where the classes of answers begin (RFC 9110 section 15); those below the first only announce another one.
_FINAL, _REDIRECT, _REFUSED, _BROKEN, _AWAY = 200, 300, 400, 500, 503
#: Refusals that say "not now": too slow a request, too early, too many.
_NOT_NOW = frozenset({408, 425, 429})


class SignedPost:
    """A place of the operator's that takes signed JSON."""

    def __init__(self, url: str, secret: str, clock: Clock, *, patience: float, tls_context: ssl.SSLContext | None = None) -> None:
        """Wait ``patience`` seconds for a connection, and again for an answer; tests bring a context that trusts their certificate."""
        self._url, self._secret = urlsplit(url), secret.encode()
        self._clock, self._patience, self._context = clock, patience, tls_context

    async def send(self, message_id: str, content: Mapping[str, Any]) -> Delivery:
        """Post ``content``; whoever falls silent over it may have taken it, so the same ``message_id`` may come again."""
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await self._connect()
        except (OSError, UnicodeError) as error:  # what looks like the name of a host may be none
            return Delivery(Outcome.DOWN, word_for(error) or "unreachable")
        try:
            async with asyncio.timeout(self._patience):
                writer.write(self._request(message_id, compact_json.encode(content).encode("ascii")))
                status = await _status(reader)
            await _listen_on(reader)
        except (OSError, EOFError) as error:
            return Delivery(Outcome.DEFERRED, word_for(error) or "disconnected")
        finally:
            writer.transport.abort()
        return _verdict(status)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        is_tls = self._url.scheme == "https"
        if is_tls and self._context is None:
            # As for SMTP: only for whom it serves, and not on the event loop.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        port = self._url.port or (443 if is_tls else 80)
        return await asyncio.open_connection(self._url.hostname, port, ssl=self._context if is_tls else None)

    def _request(self, message_id: str, body: bytes) -> bytes:
        headers = {
            "host": self._url.netloc,
            "user-agent": "pwauth",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
            **webhook_signature.headers(self._secret, message_id=message_id, at=int(self._clock.now()), body=body),
        }
        target = self._url._replace(scheme="", netloc="", path=self._url.path or "/").geturl()
        head = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(head).encode("ascii") + body


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status of an answer, 0 if it is none; raise EOFError if there is none."""
    left, is_field = LONGEST_PRELUDE, False
    with suppress(asyncio.LimitOverrunError):
        while left > 0:
            line = await reader.readuntil(b"\n")
            left -= len(line)
            if is_field:
                is_field = bool(line.strip())
            elif (found := _STATUS.match(line)) and int(found[1]) < _FINAL:
                is_field = True
            else:
                return int(found[1]) if found else 0
    return 0


async def _listen_on(reader: asyncio.StreamReader) -> None:
    """Let the receiver finish: some programs stop in the middle of their work when nobody listens any more."""
    with suppress(OSError, EOFError):
        async with asyncio.timeout(GOODBYE):
            await reader.readexactly(LONGEST)


def _verdict(status: int) -> Delivery:
    if _FINAL <= status < _REDIRECT:
        return Delivery(Outcome.ACCEPTED)
    is_final = _REFUSED <= status < _BROKEN and status not in _NOT_NOW
    if status >= _BROKEN and status != _AWAY:
        # Often said by a proxy whose server has taken the letter: nobody else gets it meanwhile.
        return Delivery(Outcome.DEFERRED, f"http_{status}")
    return Delivery(Outcome.REFUSED if is_final else Outcome.DOWN, f"http_{status}" if status else "gibberish")
