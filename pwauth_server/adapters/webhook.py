"""Letters to a program of the operator's: one signed POST each, over a connection of its own (RFC 9112).

No library: of an answer only the status counts. What is read is bounded in size and time, and nothing is followed.
"""

import asyncio
import re
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.transport import Delivery, Outcome, word_for
from pwauth_server.config import Config
from pwauth_server.rules import compact_json, webhook_signature
from pwauth_server.rules.letters import Message

#: Seconds in which the receiver may finish what it says after the status, and how much of it is read.
GOODBYE, LONGEST = 1.0, 65_536

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)[ \r\n]")
#: Where the classes of answers begin (RFC 9110 section 15); those below the first only announce another one.
_FINAL, _REDIRECT, _REFUSED, _BROKEN, _AWAY = 200, 300, 400, 500, 503
#: Refusals that say "not now": too slow a request, too early, too many.
_NOT_NOW = frozenset({408, 425, 429})


class WebhookTransport:
    """Posts letters to `email_webhook_url`."""

    name = "webhook"

    def __init__(self, config: Config, clock: Clock, *, tls_context: ssl.SSLContext | None = None) -> None:
        """Post as the configuration says; tests bring a context that trusts their certificate."""
        self._config, self._clock, self._context = config, clock, tls_context
        self._url = urlsplit(config.email_webhook_url)

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Post one letter; whoever falls silent over it may have taken it."""
        patience = self._config.smtp_timeout_seconds
        try:
            async with asyncio.timeout(patience):
                reader, writer = await self._connect()
        except (OSError, UnicodeError) as error:  # what looks like the name of a host may be none
            return Delivery(Outcome.DOWN, word_for(error) or "unreachable")
        try:
            async with asyncio.timeout(patience):
                writer.write(self._request(message, recipient))
                status = await _status(reader)
            await _listen_on(reader)
        except (OSError, EOFError) as error:
            return Delivery(Outcome.DEFERRED, word_for(error) or "disconnected")
        finally:
            writer.transport.abort()
        return _verdict(status)

    async def rest(self) -> None:
        """Nothing is kept open."""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        is_tls = self._url.scheme == "https"
        if is_tls and self._context is None:
            # As for SMTP: only for whom it serves, and not on the event loop.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        port = self._url.port or (443 if is_tls else 80)
        return await asyncio.open_connection(self._url.hostname, port, ssl=self._context if is_tls else None)

    def _request(self, message: Message, recipient: str) -> bytes:
        letter = {
            "kind": message.kind.value,
            "message_id": message.message_id,
            "recipient": recipient,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
        }
        body = compact_json.encode(letter).encode("ascii")
        secret, now = self._config.email_webhook_secret.get_secret_value().encode(), int(self._clock.now())
        headers = {
            "host": self._url.netloc,
            "user-agent": "pwauth",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
            **webhook_signature.headers(secret, message_id=message.message_id, at=now, body=body),
        }
        target = self._url._replace(scheme="", netloc="", path=self._url.path or "/").geturl()
        head = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(head).encode("ascii") + body


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status of an answer, 0 if it is none; raise EOFError if there is none."""
    try:
        while found := _STATUS.match(await reader.readuntil(b"\n")):
            status = int(found[1])
            if status >= _FINAL:
                return status
            while (await reader.readuntil(b"\n")).strip():
                pass
    except asyncio.LimitOverrunError:
        pass
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
