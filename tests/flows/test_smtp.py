import asyncio
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pwauth_server.adapters import smtp
from pwauth_server.adapters.smtp import CONNECTIONS, SmtpTransport
from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.config import Config
from pwauth_server.rules.letters import LetterKind, Letters, Message
from tests.fakes import NEW_YEAR
from tests.mail_fakes import ACCEPTED, SIGN_IN, Sink, certificate, deaf_server, mail_server, parsed

ODD = ("a&b'c{}|~@ex.com", "#!$%*+/=?^_`@ex.com", "=?utf-8?q?x?=@ex.com", "o'neil+tag@ex.com", "x" * 64 + "@" + "d" * 60 + ".ex.com")


def transport(port: int, *, trust: ssl.SSLContext | None = None, **changes: Any) -> SmtpTransport:
    """Return a transport to a server on this machine, without TLS unless that is asked for."""
    settings = {
        "smtp_host": "localhost",
        "smtp_port": port,
        "smtp_tls": "plain",
        "smtp_timeout_seconds": 5,
        "email_from": "auth@example.com",
    }
    return SmtpTransport(Config(**(settings | changes)), tls_context=trust)


def letter(to: str = "ann@ex.com") -> Message:
    """Return a sign-in letter."""
    made = Letters("auth@example.com", "Example", "")
    return made.render(LetterKind.SIGN_IN, SIGN_IN, to=to, message_id="<1@example.com>", date=NEW_YEAR)


async def send(to: SmtpTransport, *addresses: str) -> list[Delivery]:
    """Deliver to one address after the other and say goodbye."""
    answers = [await to.deliver(letter(address), address) for address in addresses or ("ann@ex.com",)]
    await to.rest()
    return answers


async def test_a_letter_arrives_as_it_was_built() -> None:
    """Sender, recipient and every byte (SEC-80)."""
    sink = Sink()
    async with mail_server(sink) as port:
        assert await send(transport(port)) == [ACCEPTED]
    (envelope,) = sink.envelopes
    assert (envelope.mail_from, envelope.content) == ("auth@example.com", letter().content)
    text = parsed(envelope.content).get_body(("plain",))
    assert text is not None
    assert SIGN_IN["link"] in text.get_content()


@pytest.mark.parametrize("to", ODD)
async def test_an_odd_address_is_one_recipient_byte_for_byte(to: str) -> None:
    """The envelope is the stored address, however a header parser would read it (SEC-04)."""
    sink = Sink()
    async with mail_server(sink) as port:
        assert await send(transport(port), to) == [ACCEPTED]
    assert (sink.asked_for, len(sink.envelopes)) == ([f"TO:<{to}>"], 1)


@pytest.mark.parametrize("command", ("MAIL", "ann@ex.com", "DATA"))
@pytest.mark.parametrize(
    ("answer", "expected"),
    (
        ("451 4.7.1 greylisted", Delivery(Outcome.DEFERRED, "smtp_451")),
        ("550 5.1.1 nobody", Delivery(Outcome.REFUSED, "smtp_550")),
        ("421 4.3.2 closing", Delivery(Outcome.DOWN, "smtp_421")),
        ("530 5.7.0 authentication required", Delivery(Outcome.DOWN, "login")),
    ),
)
async def test_what_a_server_refuses_is_told_apart(command: str, answer: str, expected: Delivery) -> None:
    """4xx comes again, 5xx is final, and what concerns our account or the whole server says nothing about the letter (SEC-84)."""
    sink = Sink()
    sink.answers[command] = answer
    async with mail_server(sink) as port:
        assert await send(transport(port)) == [expected]
    assert sink.envelopes == []


async def test_a_refused_letter_does_not_end_the_connection() -> None:
    """The next one goes over the same one."""
    sink = Sink()
    sink.answers = {"nobody@ex.com": "550 nobody", "later@ex.com": "451 later"}
    async with mail_server(sink) as port:
        answers = await send(transport(port), "ann@ex.com", "nobody@ex.com", "later@ex.com", "bob@ex.com")
    assert [it.outcome for it in answers] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED, Outcome.ACCEPTED]
    assert (sink.recipients, sink.connections) == (["ann@ex.com", "bob@ex.com"], 1)


async def test_many_letters_share_few_connections() -> None:
    """However many are handed over at once."""
    sink = Sink()
    async with mail_server(sink) as port:
        to = transport(port)
        answers = await asyncio.gather(*(to.deliver(letter(), f"user{number}@ex.com") for number in range(20)))
        await to.rest()
    assert answers == [ACCEPTED] * 20
    assert sorted(sink.recipients) == sorted(f"user{number}@ex.com" for number in range(20))
    assert sink.connections <= CONNECTIONS


async def test_a_connection_that_died_between_letters_is_replaced() -> None:
    """Servers hang up on idlers, and that is no news."""
    sink = Sink()
    async with mail_server(sink) as port:
        to = transport(port)
        assert await to.deliver(letter(), "ann@ex.com") == ACCEPTED
    async with mail_server(sink, port=port):
        assert await send(to, "bob@ex.com") == [ACCEPTED]
    assert (sink.recipients, sink.connections) == (["ann@ex.com", "bob@ex.com"], 2)


async def test_a_connection_that_breaks_over_a_letter_defers_that_letter_only() -> None:
    """The server may stumble over its content: the queue need not wait, and nothing is sent twice in a row (SEC-84)."""
    sink = Sink()
    sink.before_accepting = lambda server: server.transport.abort()
    async with mail_server(sink) as port:
        assert await send(transport(port)) == [Delivery(Outcome.DEFERRED, "disconnected")]
    assert sink.commands == ["MAIL"]


async def test_a_server_that_wants_fewer_connections_gets_fewer() -> None:
    """Some refuse the third or fourth of one client: the others carry on, and nothing is taken for an outage."""
    sink = Sink()
    live: set[asyncio.StreamWriter] = set()

    async with mail_server(sink) as port:

        async def first_come_first_served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(live) >= 2:
                writer.write(b"421 too many connections\r\n")
                writer.close()
                return
            live.add(writer)
            onward, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pipe(reader, back), _pipe(onward, writer))
            live.discard(writer)

        front = await asyncio.start_server(first_come_first_served, "127.0.0.1", 0)
        to = transport(front.sockets[0].getsockname()[1])
        assert await to.deliver(letter(), "first@ex.com") == ACCEPTED
        answers = await asyncio.gather(*(to.deliver(letter(), f"user{number}@ex.com") for number in range(12)))
        await to.rest()
        front.close()
    assert answers == [ACCEPTED] * 12
    assert len(set(sink.recipients)) == len(sink.recipients) == 13


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
    target.close()


async def test_a_server_that_is_gone_is_down() -> None:
    """No letter can leave this way now (SEC-84)."""
    async with mail_server(Sink()) as port:
        pass
    assert await send(transport(port)) == [Delivery(Outcome.DOWN, "refused")]


@pytest.mark.parametrize(
    ("greeting", "reason"), ((b"", "timeout"), (b"554 go away\r\n", "smtp_554"), (b"hello\r\n", "gibberish"), (b"220 hm\r\n", "timeout"))
)
async def test_a_server_that_makes_no_sense_is_down(greeting: bytes, reason: str) -> None:
    """Silence costs one patience, never more (SEC-84)."""
    async with deaf_server(greeting) as port:
        assert await send(transport(port, smtp_timeout_seconds=1)) == [Delivery(Outcome.DOWN, reason)]


@pytest.mark.parametrize("heard", (1, 2), ids=("RCPT", "DATA"))
async def test_a_server_that_falls_silent_before_the_letter_has_not_taken_it(heard: int) -> None:
    """Who it is for was said, but not what: another server may have it, and the others need not wait (SEC-84)."""
    async with deaf_server(b"220 hm\r\n", b"250 hm\r\n", *[b"250 ok\r\n"] * heard) as port:
        assert await send(transport(port, smtp_timeout_seconds=1)) == [Delivery(Outcome.UNANSWERED, "timeout")]


@pytest.mark.parametrize(("said", "outcome"), ((b"250 thanks", Outcome.UNANSWERED), (b"354 go on", Outcome.DEFERRED)))
async def test_a_letter_is_only_sent_when_the_server_wants_it(said: bytes, outcome: Outcome) -> None:
    """An answer that makes no sense is no acceptance, neither before the letter nor after it (SEC-84)."""
    async with deaf_server(b"220 hm\r\n", b"250 hm\r\n", b"250 ok\r\n", b"250 ok\r\n", said + b"\r\n", b"hm\r\n") as port:
        assert await send(transport(port, smtp_timeout_seconds=1)) == [Delivery(outcome, "gibberish")]


async def test_a_line_that_begins_with_a_dot_ends_no_letter() -> None:
    """It arrives as it was written (RFC 5321 section 4.5.2)."""
    sink, dotted = Sink(), replace(letter(), content=b"Subject: x\r\n\r\n.one\r\n.\r\n..\r\nMAIL FROM:<x@ex.com>\r\n")
    async with mail_server(sink) as port:
        to = transport(port)
        assert await to.deliver(dotted, "ann@ex.com") == ACCEPTED
        await to.rest()
    assert ([it.content for it in sink.envelopes], sink.commands) == ([dotted.content], ["MAIL"])


async def test_a_server_that_falls_silent_over_a_letter_defers_it() -> None:
    """Nobody knows whether it took the letter: it comes again later, under the same Message-ID (SEC-84)."""
    sink = Sink()
    sink.gate.clear()
    async with mail_server(sink) as port:
        assert await send(transport(port, smtp_timeout_seconds=1)) == [Delivery(Outcome.DEFERRED, "timeout")]


async def test_a_delivery_that_is_cut_off_leaves_no_half_dialogue() -> None:
    """The next letter begins on a connection of its own (SEC-84)."""
    sink = Sink()
    sink.gate.clear()
    async with mail_server(sink) as port:
        to = transport(port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await to.deliver(letter(), "ann@ex.com")
        sink.gate.set()
        assert await send(to, "bob@ex.com") == [ACCEPTED]
    assert sink.connections == 2


async def test_goodbye_to_a_silent_server_is_short() -> None:
    """A shutdown does not wait for it."""
    async with deaf_server(b"220 hm\r\n", b"250 hm\r\n") as port:
        to = transport(port)
        client = await to._connect()
        async with asyncio.timeout(smtp.GOODBYE + 1):
            await to.rest()
        assert not client.is_connected


# -- TLS

TLS: tuple[tuple[str, Callable[[Sink, ssl.SSLContext], AbstractAsyncContextManager[int]]], ...] = (
    ("starttls", lambda sink, context: mail_server(sink, tls_context=context, require_starttls=True)),
    ("tls", lambda sink, context: mail_server(sink, implicit_tls=context)),
)


@pytest.mark.parametrize(("mode", "serve"), TLS, ids=("starttls", "tls"))
async def test_letters_leave_encrypted(tmp_path: Path, mode: str, serve: Any) -> None:
    """A certificate that can be verified is enough (SEC-81)."""
    server, trust = certificate(tmp_path)
    sink = Sink()
    async with serve(sink, server) as port:
        assert await send(transport(port, trust=trust, smtp_tls=mode)) == [ACCEPTED]
    assert sink.recipients == ["ann@ex.com"]


@pytest.mark.parametrize(("mode", "serve"), TLS, ids=("starttls", "tls"))
async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, mode: str, serve: Any) -> None:
    """Neither password nor letter is said to it (SEC-81)."""
    server, _ = certificate(tmp_path)
    sink = Sink()
    async with serve(sink, server) as port:
        to = transport(port, smtp_tls=mode, smtp_username="pwauth", smtp_password=SecretStr("right"))
        assert await send(to) == [Delivery(Outcome.DOWN, "tls")]
    assert sink.commands == []


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    """Whoever holds some certificate is not yet our mail server (SEC-81)."""
    server, trust = certificate(tmp_path)
    sink = Sink()
    async with mail_server(sink, tls_context=server) as port:
        assert await send(transport(port, trust=trust, smtp_tls="starttls", smtp_host="127.0.0.1")) == [Delivery(Outcome.DOWN, "tls")]
    assert sink.commands == []


async def test_a_server_without_starttls_is_refused(tmp_path: Path) -> None:
    """Somebody on the way may have taken the offer out: no downgrade (SEC-81)."""
    _, trust = certificate(tmp_path)
    sink = Sink()
    async with mail_server(sink, auth_require_tls=False, authenticator=sink.log_in) as port:
        to = transport(port, trust=trust, smtp_tls="starttls", smtp_username="pwauth", smtp_password=SecretStr("right"))
        assert await send(to) == [Delivery(Outcome.DOWN, "no_tls")]
    assert sink.commands == []


@pytest.mark.parametrize(("password", "expected"), (("right", ACCEPTED), ("wrong", Delivery(Outcome.DOWN, "login"))))
async def test_the_log_in_comes_after_tls_and_must_succeed(tmp_path: Path, password: str, expected: Delivery) -> None:
    """A wrong password is our mistake: letters wait for its correction (SEC-81)."""
    server, trust = certificate(tmp_path)
    sink = Sink()
    async with mail_server(sink, tls_context=server, authenticator=sink.log_in, auth_required=True) as port:
        to = transport(port, trust=trust, smtp_tls="starttls", smtp_username="pwauth", smtp_password=SecretStr(password))
        assert await send(to) == [expected]
    assert set(sink.commands) == ({"AUTH", "MAIL"} if expected is ACCEPTED else {"AUTH"})


async def test_authorities_are_read_when_they_are_needed() -> None:
    """A server that mails over loopback never pays for them."""
    sink = Sink()
    async with mail_server(sink) as port:
        to = transport(port)
        assert await send(to) == [ACCEPTED]
    assert to._context is None
