import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pwauth_server.adapters.signed_post import LONGEST
from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.adapters.webhook import WebhookTransport
from pwauth_server.config import Config
from pwauth_server.rules.letters import LetterKind, Letters, Message
from tests.fakes import NEW_YEAR, FakeClock
from tests.mail_fakes import ACCEPTED, SIGN_IN, certificate, deaf_server
from tests.server import free_port
from tests.webhook_fakes import SECRET, Receiver, receiving


def transport(port: int, *, path: str = "", trust: ssl.SSLContext | None = None) -> WebhookTransport:
    """Return a transport to a receiver on this machine; with ``trust`` over TLS."""
    scheme = "https" if trust else "http"
    config = Config(email_webhook_url=f"{scheme}://localhost:{port}{path}", email_webhook_secret=SecretStr(SECRET), smtp_timeout_seconds=1)
    return WebhookTransport(config, FakeClock(), tls_context=trust)


def letter() -> Message:
    """Return a sign-in letter."""
    made = Letters("auth@example.com", "Exämple", "")
    return made.render(LetterKind.SIGN_IN, SIGN_IN, to="ann@ex.com", message_id="<1@example.com>", date=NEW_YEAR)


def answer(status: int, *, more: bytes = b"") -> bytes:
    """Return an answer of a receiver."""
    return b"HTTP/1.1 %d Whatever\r\n%b\r\n" % (status, more)


async def told(*answers: bytes) -> Delivery:
    """Return what a letter's fate is called after such an answer."""
    async with receiving(Receiver(*answers)) as port:
        return await transport(port).deliver(letter(), "ann@ex.com")


async def test_a_letter_is_posted_whole_and_signed() -> None:
    """Everything that a mail program needs, once, with a signature that anybody can check who has the secret."""
    receiver = Receiver()
    async with receiving(receiver) as port:
        assert await transport(port, path="/letters?for=pwauth").deliver(letter(), "ann@ex.com") == ACCEPTED
    (posted,) = receiver.posted
    assert posted.line == "POST /letters?for=pwauth HTTP/1.1"
    assert (posted.headers["host"], posted.headers["content-type"]) == (f"localhost:{port}", "application/json")
    assert posted.letter == {
        "kind": "sign_in",
        "message_id": "<1@example.com>",
        "recipient": "ann@ex.com",
        "subject": letter().subject,
        "text": letter().text,
        "html": letter().html,
    }
    assert "Exämple" in posted.letter["subject"]
    assert SIGN_IN["link"] in posted.letter["text"]
    assert (posted.headers["webhook-id"], posted.headers["webhook-timestamp"]) == ("<1@example.com>", str(int(NEW_YEAR)))
    assert posted.is_signed(SECRET)
    assert not posted.is_signed(SECRET[::-1])


@pytest.mark.parametrize(
    ("status", "outcome"),
    (
        *((status, Outcome.ACCEPTED) for status in (200, 201, 202, 204, 299)),
        *((status, Outcome.REFUSED) for status in (400, 401, 404, 410, 422, 451)),
        *((status, Outcome.DOWN) for status in (300, 301, 302, 307, 308, 408, 425, 429, 503)),
        *((status, Outcome.DEFERRED) for status in (500, 502, 504, 599, 999)),
    ),
)
async def test_the_status_decides(status: int, outcome: Outcome) -> None:
    """2xx takes a letter, 4xx refuses it for good unless it says "not now"; a failure may have taken it; else the receiver is away."""
    assert await told(answer(status)) == Delivery(outcome, "" if outcome is Outcome.ACCEPTED else f"http_{status}")


async def test_a_redirection_is_not_followed() -> None:
    """A letter with a live link goes nowhere but to the configured address."""
    other = Receiver()
    async with receiving(other) as port:
        assert (await told(answer(307, more=b"Location: http://localhost:%d/\r\n" % port))).outcome is Outcome.DOWN
    assert other.connections == 0


async def test_an_answer_that_announces_another_is_not_the_answer() -> None:
    """The final one counts."""
    assert await told(answer(100) + answer(103, more=b"Link: x\r\n") + answer(404)) == Delivery(Outcome.REFUSED, "http_404")


@pytest.mark.parametrize("said", (b"220 mail.ex.com ESMTP\r\n", b"\x15\x03\x01\x00\x02\n", b"x" * 200_000, b"HTTP/1.1 2000 OK\r\n"))
async def test_what_does_not_speak_http_is_down(said: bytes) -> None:
    """It cannot have understood what it was sent."""
    assert await told(said) == Delivery(Outcome.DOWN, "gibberish")


async def test_an_endless_answer_is_cut_off() -> None:
    """However much a receiver has to say, its status is enough."""
    receiver = Receiver(answer(200) + b"x" * (64 * LONGEST))
    async with receiving(receiver) as port, asyncio.timeout(5):
        assert await transport(port).deliver(letter(), "ann@ex.com") == ACCEPTED


@pytest.mark.parametrize("more", (answer(103), answer(103, more=b"Link: x\r\n" * LONGEST)), ids=("answers", "fields"))
async def test_announcements_without_end_are_cut_off_too(more: bytes) -> None:
    """Read as fast as they come, they left nobody else a turn until the patience was over."""
    receiver = Receiver(more * (LONGEST // len(more) + 1))
    async with receiving(receiver) as port, asyncio.timeout(5):
        assert await transport(port).deliver(letter(), "ann@ex.com") == Delivery(Outcome.DOWN, "gibberish")


@pytest.mark.parametrize("said", (b"", b"HTTP/1.1 2", b"HTTP/1.1 100 Continue\r\n\r\n"))
async def test_an_answer_that_is_lost_leaves_it_open_whether_the_letter_was_taken(said: bytes) -> None:
    """So it comes again later, under the same id, and is not passed on (SEC-84)."""
    assert await told(said) == Delivery(Outcome.DEFERRED, "disconnected")


async def test_silence_over_a_letter_leaves_it_open_too() -> None:
    """It costs one patience."""
    receiver = Receiver()
    receiver.gate.clear()
    async with receiving(receiver) as port:
        assert await transport(port).deliver(letter(), "ann@ex.com") == Delivery(Outcome.DEFERRED, "timeout")


async def test_a_receiver_that_is_not_there_is_down() -> None:
    """Nothing was said to anybody."""
    assert await transport(free_port()).deliver(letter(), "ann@ex.com") == Delivery(Outcome.DOWN, "refused")
    for host in ("nobody.invalid", "x" * 64):
        config = Config(email_webhook_url=f"http://{host}/", email_webhook_secret=SecretStr(SECRET))
        assert await WebhookTransport(config, FakeClock()).deliver(letter(), "ann@ex.com") == Delivery(Outcome.DOWN, "unreachable")


async def test_over_tls_the_certificate_must_be_right(tmp_path: Path) -> None:
    """What nobody vouches for learns nothing, and silence before that is an outage (SEC-81)."""
    server, trust = certificate(tmp_path)
    receiver = Receiver()
    async with receiving(receiver, context=server) as port:
        assert await transport(port, trust=trust).deliver(letter(), "ann@ex.com") == ACCEPTED
        stranger = transport(port, trust=ssl.create_default_context())
        assert await stranger.deliver(letter(), "ann@ex.com") == Delivery(Outcome.DOWN, "tls")
    async with deaf_server(b"") as port:
        assert await transport(port, trust=trust).deliver(letter(), "ann@ex.com") == Delivery(Outcome.DOWN, "timeout")
    assert len(receiver.posted) == 1


async def test_a_delivery_that_is_cut_off_leaves_no_connection() -> None:
    """Whoever stops waiting hangs up."""
    receiver: Any = Receiver()
    receiver.gate.clear()
    async with receiving(receiver) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await transport(port).deliver(letter(), "ann@ex.com")
    assert receiver.connections == 1
