"""SMTP: a few connections, kept between letters; TLS before anything is said (RFC 5321, RFC 8314; SEC-04, SEC-81)."""

import asyncio
import re
import ssl

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException, SMTPServerDisconnected

from pwauth_server.adapters.transport import BROKEN, Delivery, Outcome, word_for
from pwauth_server.config import Config, SmtpName
from pwauth_server.rules.letters import Message

#: Connections at the same time at the most: submission servers frown on more than a few from one client.
CONNECTIONS = 4
#: Seconds that a server gets to answer our goodbye.
GOODBYE = 1.0
#: Patience with one command, times this, is what connecting, TLS and log-in may take together.
GREETING = 2

#: The server closes the channel: what it refuses, it refuses to everybody (RFC 5321 section 4.2.1).
_CLOSING = 421
#: It misses a log-in: our configuration is at fault, not the letter (RFC 4954 section 6).
_LOGIN = frozenset({530, 535, 538})
#: The server wants to have the letter now.
_GO_ON = 354
#: Answers from here on refuse, and from there on for good (RFC 5321 section 4.2.1).
_REFUSED, _FOR_GOOD = 400, 500
#: A line of a letter that begins with a dot gets another one (RFC 5321 section 4.5.2).
_DOT = re.compile(rb"^\.", re.MULTILINE)


class _BrokenError(Exception):
    """The dialogue broke off; `delivery` says what that means for the letter."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.delivery = Delivery(outcome, reason)


class SmtpTransport:
    """One SMTP server."""

    def __init__(self, config: Config, name: SmtpName = "smtp", *, tls_context: ssl.SSLContext | None = None) -> None:
        """Connect as the settings that begin with ``name`` say; tests bring a context that trusts their certificate."""
        self.name: str = name
        self._config, self._server = config, config.smtp_server(name)
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
            except _BrokenError as broken:
                # It may be this letter that the server stumbles over: only if it is down, the others need to wait.
                if broken.delivery.outcome is not Outcome.DOWN or not self._live:
                    return broken.delivery
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
        except _BrokenError as broken:
            return broken.delivery.reason
        self._live.discard(client)
        await _quit(client)
        return ""

    async def _attempt(self, content: bytes, recipient: str) -> Delivery:
        while self._idle:
            try:
                return await self._converse(self._idle.pop(), content, recipient)
            except _BrokenError as broken:
                # A server may hang up on an idle connection at any time: only a fresh one that is refused is news.
                if broken.delivery.outcome is not Outcome.DOWN:
                    raise
        return await self._converse(await self._connect(), content, recipient)

    async def _converse(self, client: SMTP, content: bytes, recipient: str) -> Delivery:
        try:
            code = await _ask(client, b"MAIL", b"FROM:<%b>" % self._config.email_from.encode("ascii"), broken=Outcome.DOWN)
            if code < _REFUSED:
                code = await _ask(client, b"RCPT", b"TO:<%b>" % recipient.encode("ascii"))
            if code < _REFUSED:
                code = await _hand_over(client, content)
            if code == _CLOSING or code in _LOGIN:
                raise _BrokenError(Outcome.DOWN, "login" if code in _LOGIN else f"smtp_{code}")  # noqa: TRY301 - the client is dropped below
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
        server = self._server
        if self._context is None and server.tls != "plain":
            # Two megabytes and some milliseconds: only for whom it serves, and not on the event loop.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        client = SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout_seconds,
            use_tls=server.tls == "tls",
            # True insists on it: a server that offers no STARTTLS is refused, not trusted.
            start_tls=server.tls == "starttls",
            tls_context=self._context if server.tls != "plain" else None,
            local_hostname=self._config.public_host,
        )
        try:
            # A server that dawdles over every command of its greeting is down before the letter's own time is up.
            async with asyncio.timeout(GREETING * server.timeout_seconds):
                await client.connect()
                if server.username:
                    await client.login(server.username, server.password.get_secret_value())
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise _BrokenError(Outcome.DOWN, _word(error)) from error
        except BaseException:
            client.close()
            raise
        self._live.add(client)
        return client

    def _drop(self, client: SMTP) -> None:
        self._live.discard(client)
        client.close()


async def _ask(client: SMTP, *command: bytes, broken: Outcome = Outcome.UNANSWERED) -> int:
    try:
        return (await client.execute_command(*command)).code
    except (SMTPException, OSError) as error:
        raise _BrokenError(broken, _word(error)) from error


async def _hand_over(client: SMTP, content: bytes) -> int:
    """Say DATA and the letter; the library's own method does not tell which of the two was left without an answer."""
    code = await _ask(client, b"DATA")
    if code != _GO_ON:
        if code < _REFUSED:
            raise _BrokenError(Outcome.UNANSWERED, "gibberish")
        return code
    try:
        # From here on nobody knows whether a server that falls silent has taken the letter.
        if client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        client.protocol.write(_DOT.sub(b"..", content) + b".\r\n")
        return (await client.protocol.read_response(timeout=client.timeout)).code
    except (SMTPException, OSError) as error:
        raise _BrokenError(Outcome.DEFERRED, _word(error)) from error


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
    if word := word_for(error, _WORDS):
        return word
    if isinstance(error, SMTPResponseException):
        return f"smtp_{error.code}" if error.code > 0 else "gibberish"
    # The library has no class of its own for a server that does not offer TLS.
    return "no_tls" if "STARTTLS" in str(error) else "unreachable"


_WORDS = ((SMTPAuthenticationError, "login"), *BROKEN, (SMTPServerDisconnected, "disconnected"))
