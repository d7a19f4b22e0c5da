"""SMTP: a few connections, kept between letters; TLS before anything is said (RFC 5321, RFC 8314; SEC-04, SEC-81)."""

import asyncio
import ssl
from contextlib import suppress

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPDataError, SMTPException, SMTPResponseException, SMTPServerDisconnected

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.config import Config
from pwauth_server.rules.letters import Message

#: Connections at the same time at the most: submission servers frown on more than a few from one client.
CONNECTIONS = 4
#: Seconds that a server gets to answer our goodbye.
GOODBYE = 1.0

#: The server closes the channel: what it refuses, it refuses to everybody (RFC 5321 section 4.2.1).
_CLOSING = 421
#: It misses a log-in: our configuration is at fault, not the letter (RFC 4954 section 6).
_LOGIN = frozenset({530, 535, 538})
#: Answers from here on refuse, and from there on for good (RFC 5321 section 4.2.1).
_REFUSED, _FOR_GOOD = 400, 500


class _DownError(Exception):
    """The server cannot be asked about any letter; the argument is a closed word."""


class _LostError(Exception):
    """The connection broke over one letter; the argument is a closed word."""


class SmtpTransport:
    """One SMTP server."""

    name = "smtp"

    def __init__(self, config: Config, *, tls_context: ssl.SSLContext | None = None) -> None:
        """Connect as the configuration says; tests bring a context that trusts their certificate."""
        self._config = config
        self._context = tls_context
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._live: set[SMTP] = set()
        self._idle: list[SMTP] = []

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Hand one letter over; the envelope is ``recipient`` byte for byte, never read back out of a header."""
        while True:
            await self._turns.acquire()
            is_kept = False
            try:
                return await self._attempt(message.content, recipient)
            except _LostError as lost:
                # It may be this letter that the server stumbles over: the others need not wait.
                return Delivery(Outcome.DEFERRED, str(lost))
            except _DownError as down:
                if not self._live:
                    return Delivery(Outcome.DOWN, str(down))
                # Our other connections work, so the server wants fewer at a time: this turn is not
                # given back before the next rest. The holder of a live one gives back at least one.
                is_kept = True
            finally:
                if not is_kept:
                    self._turns.release()

    async def rest(self) -> None:
        """Say goodbye on every connection; only while no letter is being delivered."""
        live, self._live, self._idle = self._live, set(), []
        self._turns = asyncio.Semaphore(CONNECTIONS)
        await asyncio.gather(*(_quit(client) for client in live))

    async def probe(self) -> str:
        """Connect and log in as for a letter, and leave; return what was wrong as a closed word, empty if nothing."""
        try:
            client = await self._connect()
        except _DownError as down:
            return str(down)
        self._live.discard(client)
        await _quit(client)
        return ""

    async def _attempt(self, content: bytes, recipient: str) -> Delivery:
        while self._idle:
            # A server may hang up on an idle connection at any time: only a fresh one that is refused is news.
            with suppress(_DownError):
                return await self._converse(self._idle.pop(), content, recipient)
        return await self._converse(await self._connect(), content, recipient)

    async def _converse(self, client: SMTP, content: bytes, recipient: str) -> Delivery:
        try:
            code = await _ask(client, b"MAIL", b"FROM:<%b>" % self._config.email_from.encode("ascii"), broken=_DownError)
            if code < _REFUSED:
                code = await _ask(client, b"RCPT", b"TO:<%b>" % recipient.encode("ascii"), broken=_LostError)
            if code < _REFUSED:
                code = await _say(client, content)
            if code == _CLOSING or code in _LOGIN:
                raise _DownError("login" if code in _LOGIN else f"smtp_{code}")  # noqa: TRY301 - the client is dropped below
        except BaseException:  # also a cancelled delivery leaves the dialogue in the middle
            self._drop(client)
            raise
        if code < _REFUSED or await _is_reset(client):
            self._idle.append(client)
        else:
            self._drop(client)
        if code < _REFUSED:
            return Delivery(Outcome.ACCEPTED)
        return Delivery(Outcome.REFUSED if code >= _FOR_GOOD else Outcome.DEFERRED, f"smtp_{code}")

    async def _connect(self) -> SMTP:
        config = self._config
        if self._context is None and config.smtp_tls != "plain":
            # Two megabytes and some milliseconds: only for whom it serves, and not on the event loop.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        client = SMTP(
            hostname=config.smtp_host,
            port=config.smtp_port,
            timeout=config.smtp_timeout_seconds,
            use_tls=config.smtp_tls == "tls",
            # True insists on it: a server that offers no STARTTLS is refused, not trusted.
            start_tls=config.smtp_tls == "starttls",
            tls_context=self._context if config.smtp_tls != "plain" else None,
            local_hostname=config.public_host,
        )
        try:
            await client.connect()
            if config.smtp_username:
                await client.login(config.smtp_username, config.smtp_password.get_secret_value())
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise _DownError(_word(error)) from error
        except BaseException:
            client.close()
            raise
        self._live.add(client)
        return client

    def _drop(self, client: SMTP) -> None:
        self._live.discard(client)
        client.close()


async def _ask(client: SMTP, *command: bytes, broken: type[Exception]) -> int:
    try:
        return (await client.execute_command(*command)).code
    except (SMTPException, OSError) as error:
        raise broken(_word(error)) from error


async def _say(client: SMTP, content: bytes) -> int:
    try:
        return (await client.data(content)).code
    except SMTPDataError as error:
        return error.code
    except (SMTPException, OSError) as error:
        raise _LostError(_word(error)) from error


async def _is_reset(client: SMTP) -> bool:
    """Make the connection fit for the next letter; the verdict on this one stands whatever comes of it."""
    try:
        return (await client.execute_command(b"RSET")).code < _REFUSED
    except (SMTPException, OSError):
        return False


async def _quit(client: SMTP) -> None:
    try:
        await client.quit(timeout=GOODBYE)
    except (SMTPException, OSError):
        client.close()


def _word(error: Exception) -> str:
    """Return what broke as a closed word, without any of the server's text."""
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    for kind, word in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return word
    if isinstance(error, SMTPResponseException):
        return f"smtp_{error.code}" if error.code > 0 else "gibberish"
    # The library has no class of its own for a server that does not offer TLS.
    return "no_tls" if "STARTTLS" in str(error) else "unreachable"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (SMTPAuthenticationError, "login"),
    (TimeoutError, "timeout"),
    (SMTPServerDisconnected, "disconnected"),
)
