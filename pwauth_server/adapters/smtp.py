"""SMTP: connections kept for a batch, TLS before anything is said (SEC-04, SEC-81)."""

import ssl
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.config import Config

#: The server closes the channel: what it refuses, it refuses to everybody (RFC 5321 section 4.2.1).
_CLOSING = 421


class SmtpTransport:
    """One SMTP server; as many connections as letters are delivered at once."""

    name = "smtp"

    def __init__(self, config: Config, *, tls_context: ssl.SSLContext | None = None) -> None:
        """Connect as the configuration says; tests bring a context that trusts their certificate."""
        self._config = config
        self._context = tls_context or ssl.create_default_context()
        self._idle: list[SMTP] = []

    async def deliver(self, message: EmailMessage, recipient: str) -> Delivery:
        """Hand one letter over to one envelope recipient."""
        try:
            client, is_used = await self._take()
        except (SMTPException, OSError, ssl.SSLError) as error:
            return Delivery(Outcome.DOWN, _word(error))
        try:
            await self._send(client, message, recipient)
        except SMTPServerDisconnected as error:
            client.close()
            # A server may drop an idle connection at any time: only a fresh one that drops is news.
            return await self.deliver(message, recipient) if is_used else Delivery(Outcome.DOWN, _word(error))
        except SMTPRecipientsRefused as error:
            return self._judged(client, error.recipients[0].code)
        except SMTPResponseException as error:
            return self._judged(client, error.code)
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            return Delivery(Outcome.DOWN, _word(error))
        self._idle.append(client)
        return Delivery(Outcome.ACCEPTED)

    async def rest(self) -> None:
        """Say goodbye on every idle connection."""
        idle, self._idle = self._idle, []
        for client in idle:
            try:
                await client.quit()
            except (SMTPException, OSError):
                client.close()

    async def _take(self) -> tuple[SMTP, bool]:
        while self._idle:
            client = self._idle.pop()
            if client.is_connected:
                return client, True
        return await self._connect(), False

    async def _connect(self) -> SMTP:
        config = self._config
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
            password = config.smtp_password.get_secret_value()
            if config.smtp_username:
                await client.login(config.smtp_username, password)
        except BaseException:
            client.close()
            raise
        return client

    async def _send(self, client: SMTP, message: EmailMessage, recipient: str) -> None:
        # The envelope is made of the stored addresses, never read back out of a header.
        await client.sendmail(self._config.email_from, [recipient], message.as_bytes())

    def _judged(self, client: SMTP, code: int) -> Delivery:
        reason = f"smtp_{code}"
        if code == _CLOSING or not client.is_connected:
            client.close()
            return Delivery(Outcome.DOWN, reason)
        self._idle.append(client)
        return Delivery(Outcome.REFUSED if code >= 500 else Outcome.DEFERRED, reason)  # noqa: PLR2004 - RFC 5321 section 4.2.1


def _word(error: Exception) -> str:
    """Return why a server could not be asked, as a closed word without any of its text."""
    if isinstance(error, SMTPAuthenticationError):
        return "login_refused"
    if isinstance(error, (SMTPTimeoutError, TimeoutError)):
        return "timeout"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, ConnectionRefusedError):
            return "connection_refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, SMTPResponseException):
        return f"smtp_{error.code}"
    if isinstance(error, SMTPServerDisconnected):
        return "disconnected"
    return "tls" if "STARTTLS" in str(error) else "unreachable"
