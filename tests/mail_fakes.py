"""Parts for the tests of mail: a world with a queue, a transport that follows a script, mail servers that misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Event
from pwauth_server.flows import mail
from pwauth_server.flows.delivery import Postman
from pwauth_server.rules.letters import EXAMPLES, LetterKind, Message
from pwauth_server.store import magic_links
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.statements import Sql
from pwauth_server.wiring import make_deps
from tests.fakes import FakeClock, FakeEntropy
from tests.store import rows

LINK_LIFE = 600.0
ACCEPTED = Delivery(Outcome.ACCEPTED)
DOWN = Delivery(Outcome.DOWN, "refused")
LOST = Delivery(Outcome.UNANSWERED, "timeout")
LATER = Delivery(Outcome.DEFERRED, "smtp_451")
NEVER = Delivery(Outcome.REFUSED, "smtp_550")
SIGN_IN = EXAMPLES[LetterKind.SIGN_IN]
_ROW = Sql("test_letter", "SELECT * FROM email_queue WHERE id = ?")
_AUDIT = Sql("test_audit", "SELECT reason, facts FROM audit_log WHERE event = ? ORDER BY id")


class ScriptedTransport:
    """Remembers what it was given and answers from a script, then always the same."""

    def __init__(self, *script: Delivery, otherwise: Delivery = ACCEPTED, name: str = "scripted") -> None:
        self.name = name
        self.script, self.otherwise = list(script), otherwise
        self.tried: list[str] = []
        self.taken: list[Message] = []
        self.rests = 0
        #: Set while a letter is in hand; a closed gate keeps it there.
        self.busy = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        #: Letters in hand now, and the most there ever were.
        self.in_hand = self.most_in_hand = 0

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Answer the next line of the script."""
        self.tried.append(recipient)
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        self.busy.set()
        try:
            await self.gate.wait()
        finally:
            self.in_hand -= 1
        answer = self.script.pop(0) if self.script else self.otherwise
        if answer.outcome is Outcome.ACCEPTED:
            self.taken.append(message)
        return answer

    async def rest(self) -> None:
        """Remember that nothing was to be done."""
        self.rests += 1


async def open_world(config: Config, clock: FakeClock, *transports: Any) -> Deps:
    """Return a world on a database of the test's own."""
    return await make_deps(config, clock=clock, entropy=FakeEntropy(), transports=transports)


async def post(deps: Deps, to: str = "ann@ex.com", *, link: MagicLink | None = None, life: float = LINK_LIFE) -> UUID:
    """Queue a sign-in letter."""
    now, link_id = deps.clock.now(), link.id if link else None
    return await deps.db.unit(
        lambda tx: mail.post(tx, deps, kind=LetterKind.SIGN_IN, to=to, facts=SIGN_IN, expires_at=now + life, now=now, link_id=link_id)
    )


async def delivered(postman: Postman) -> float:
    """Let a postman do what is to be done now; return when it wants to look again."""
    while True:
        rest = await postman.run()
        if not postman._rounds:
            return rest
        await postman.settle()


async def new_link(deps: Deps) -> MagicLink:
    """Store a live sign-in request."""
    link = rows.link(created_at=deps.clock.now())
    await deps.db.unit(lambda tx: magic_links.create(tx, link))
    return link


async def row(deps: Deps, letter_id: UUID) -> Any:
    """Return a letter's row."""
    return await deps.db.reads.one(_ROW, letter_id)


async def status(deps: Deps, letter_id: UUID) -> str:
    """Return a letter's status."""
    return str((await row(deps, letter_id))["status"])


async def audited(deps: Deps, event: Event) -> list[str]:
    """Return the reasons of every audit row of an event."""
    return [found["reason"] for found in await deps.db.reads.all(_AUDIT, event.value)]


async def eventually(true: Callable[[], bool], *, within: float = 10.0) -> None:
    """Return as soon as a condition holds; fail if it does not in so many seconds."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - nobody rings for what a condition looks at
            await asyncio.sleep(0)


def parsed(content: bytes | str | None) -> EmailMessage:
    """Return a letter as its reader's program understands it."""
    assert isinstance(content, bytes)
    return message_from_bytes(content, policy=policy.default)


class Sink:
    """What a mail server is told, and how it answers."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        #: Answer to a command, or to RCPT for an address: "451 later".
        self.answers: dict[str, str] = {}
        self.commands: list[str] = []
        #: What stood behind each RCPT, before anybody parsed it.
        self.asked_for: list[str] = []
        self.connections = 0
        #: Called before a letter is accepted with the server's side of the connection; may hang up.
        self.before_accepting: Callable[[Any], None] = lambda _: None
        #: While cleared, letters are not answered.
        self.gate = asyncio.Event()
        self.gate.set()
        self._accepted = asyncio.Event()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take a sender."""
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take or refuse a recipient."""
        envelope.rcpt_tos.append(address)
        return self.answers.get(address, "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter."""
        self.before_accepting(server)
        await self.gate.wait()
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.envelopes.append(envelope)
            self._accepted.set()
        return answer

    async def until(self, true: Callable[[], bool], *, within: float = 30.0) -> None:
        """Return as soon as a condition on what was accepted holds; fail if it does not in so many seconds."""
        async with asyncio.timeout(within):
            while not true():
                self._accepted.clear()
                await self._accepted.wait()

    def log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Check the password, which is `right`."""
        return AuthResult(success=data.password == b"right", handled=False)

    @property
    def recipients(self) -> list[str]:
        """Return whom letters went to, one line for each."""
        return [",".join(envelope.rcpt_tos) for envelope in self.envelopes]


class _Recording(SMTP):
    """Tells the sink of connections and of what matters about their dialogue."""

    def connection_made(self, transport: Any) -> None:
        if self.session is None:  # else it begins anew after STARTTLS
            self.event_handler.connections += 1
        super().connection_made(transport)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        self.event_handler.commands.append("AUTH")
        await super().smtp_AUTH(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        self.event_handler.asked_for.append(arg)
        await super().smtp_RCPT(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        self.event_handler.commands.append("MAIL")
        await super().smtp_MAIL(arg)


@asynccontextmanager
async def mail_server(sink: Sink, *, implicit_tls: ssl.SSLContext | None = None, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """Serve ``sink`` with aiosmtpd on this machine; yield the port."""
    connections: list[_Recording] = []

    def connection() -> _Recording:
        connections.append(_Recording(sink, hostname="mx.test", **options))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, ssl=implicit_tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for it in connections:
            if isinstance(it.transport, asyncio.WriteTransport):
                it.transport.abort()
            if it._handler_coroutine is not None:
                it._handler_coroutine.cancel()
        await asyncio.gather(*(it._handler_coroutine for it in connections if it._handler_coroutine), return_exceptions=True)


@asynccontextmanager
async def deaf_server(*lines: bytes) -> AsyncIterator[int]:
    """Serve a socket that says a line at once, another for each that it hears, and then nothing any more."""
    held: list[asyncio.StreamWriter] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        for line in lines:
            writer.write(line)
            await reader.readline()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context for `localhost`, self-signed, and a client's context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "server.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cafile=str(both))
