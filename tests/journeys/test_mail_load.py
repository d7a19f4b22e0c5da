"""Mail under load and under fire, over a real server process and a real mail server."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pwauth_server.flows.delivery import SENDERS
from tests.mail_fakes import Sink, eventually, mail_server, parsed
from tests.server import Server, free_port

#: MAIL_LOAD=1000 for the whole weight.
CROWD = int(os.environ.get("MAIL_LOAD", "300"))
IN_FLIGHT = 50
#: Seconds from an answer to the accepted letter, for 95 of 100, on a machine that is busy with something else too:
#: less than the pause of a loop that looks at the queue, or of a retry. How fast it really is, `make bench-mail` tells.
PROMPT = 4.0
#: Seconds that an answer may take however the mail server does: far above what it takes, far below any of its patience.
UNDISTURBED = 0.9


@asynccontextmanager
async def serving(folder: Path, smtp_port: int, **settings: str) -> AsyncIterator[Server]:
    """Run a server that mails to a port of this machine."""
    mail: Any = SimpleNamespace(port=smtp_port)
    server = Server(folder, mail=mail, **settings)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.stop, signal.SIGKILL)


class Crowd:
    """People who ask for a letter each, some at a time; notes when they were answered and how long that took."""

    def __init__(self, server: Server, size: int, name: str = "user") -> None:
        self.server = server
        self.addresses = [f"{name}{number}@ex.com" for number in range(size)]
        self.answered: dict[str, float] = {}
        self.waits: list[float] = []

    async def ask(self, in_flight: int = IN_FLIGHT) -> None:
        """Ask once for each address."""
        waiting = list(self.addresses)
        await asyncio.gather(*(self._ask_one_after_the_other(waiting) for _ in range(in_flight)))

    async def _ask_one_after_the_other(self, waiting: list[str]) -> None:
        time = asyncio.get_running_loop().time
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        while waiting:
            address, began = waiting.pop(), time()
            body = f'{{"email":"{address}"}}'
            head = f"Host: localhost:{self.server.port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(f"POST /request/magic HTTP/1.1\r\n{head}\r\n\r\n{body}".encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert answer.startswith("HTTP/1.1 200 "), answer
            found = re.search(r"(?i)\ncontent-length: (\d+)", answer)
            assert found is not None
            await reader.readexactly(int(found[1]))
            self.answered[address] = time()
            self.waits.append(time() - began)
        writer.close()


class TimedSink(Sink):
    """Notes when each letter was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, float] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter."""
        answer = await super().handle_DATA(server, session, envelope)
        self.accepted[envelope.rcpt_tos[0]] = asyncio.get_running_loop().time()
        return answer


def most(values: Sequence[float]) -> float:
    """Return what 95 of 100 values do not exceed."""
    return sorted(values)[int(len(values) * 0.95)]


async def test_a_crowd_gets_its_letters_at_once_and_once(tmp_path: Path) -> None:
    """Each address gets exactly one letter, sent because it was queued, not found later (SEC-82, SEC-84)."""
    sink = TimedSink()
    async with mail_server(sink) as port, serving(tmp_path, port) as server:
        crowd = Crowd(server, CROWD)
        await crowd.ask()
        await sink.until(lambda: len(sink.envelopes) >= CROWD)
        assert await asyncio.to_thread(server.stop) == 0
    assert sorted(sink.recipients) == sorted(crowd.addresses)
    assert most([sink.accepted[address] - crowd.answered[address] for address in crowd.addresses]) <= PROMPT
    assert server.sql("SELECT DISTINCT status, body FROM email_queue") == [("sent", None)]


async def test_requests_do_not_feel_the_mail_server_and_nothing_is_lost(tmp_path: Path) -> None:
    """It may be gone, refuse everything or hang: answers come as ever, and letters when it is back (SEC-82, SEC-84)."""
    for name in ("gone", "refusing", "hanging"):
        (tmp_path / name).mkdir()
    await asyncio.gather(_gone(tmp_path / "gone"), _refusing(tmp_path / "refusing"), _hanging(tmp_path / "hanging"))


async def _gone(folder: Path) -> None:
    sink, port = Sink(), free_port()
    async with serving(folder, port) as server:
        crowd = await _undisturbed(server)
        async with mail_server(sink, port=port):
            await _all_arrive(sink, crowd)


async def _refusing(folder: Path) -> None:
    sink = Sink()
    sink.answers["MAIL"] = "451 not now"
    async with mail_server(sink) as port, serving(folder, port) as server:
        crowd = await _undisturbed(server)
        sink.answers.clear()
        await _all_arrive(sink, crowd)


async def _hanging(folder: Path) -> None:
    sink = Sink()
    sink.gate.clear()
    async with mail_server(sink) as port, serving(folder, port, smtp_timeout_seconds="1") as server:
        crowd = await _undisturbed(server)
        sink.gate.set()
        await _all_arrive(sink, crowd)


async def _undisturbed(server: Server) -> Crowd:
    crowd = Crowd(server, 40)
    await crowd.ask(in_flight=4)
    assert most(crowd.waits) <= UNDISTURBED
    return crowd


async def _all_arrive(sink: Sink, crowd: Crowd) -> None:
    await sink.until(lambda: set(sink.recipients) == set(crowd.addresses))


async def test_after_a_kill_the_rest_is_delivered_and_only_what_was_in_hand_comes_twice(tmp_path: Path) -> None:
    """Nothing is lost, and a second copy carries the same Message-ID (SEC-84)."""
    sink = Sink()
    async with serving(tmp_path, port := free_port()) as server:
        crowd = Crowd(server, 100)
        await crowd.ask()  # nobody is there: everything waits
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        async with mail_server(sink, port=port):
            await asyncio.to_thread(server.start)
            await sink.until(lambda: len(sink.envelopes) >= 20)
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            before = len(sink.envelopes)
            await asyncio.to_thread(server.start)
            await sink.until(lambda: set(sink.recipients) == set(crowd.addresses))
            assert await asyncio.to_thread(server.stop) == 0
    assert before < len(crowd.addresses)
    twice = {address for address, count in Counter(sink.recipients).items() if count > 1}
    assert len(sink.recipients) - len(crowd.addresses) == len(twice) <= SENDERS
    ids = {(it.rcpt_tos[0], parsed(it.content)["Message-ID"]) for it in sink.envelopes}
    assert len(ids) == len(crowd.addresses)
    # What was in hand at the kill may still wait for its second copy: it is not lost, it is not noted.
    left = dict(server.sql("SELECT status, COUNT(*) FROM email_queue GROUP BY status"))
    assert left.pop("sent") + left.pop("pending", 0) == len(crowd.addresses)
    assert not left


async def test_the_end_comes_in_time_while_the_mail_server_hangs(tmp_path: Path) -> None:
    """SIGTERM is obeyed within ten seconds, cleanly, and the letter is kept (SEC-84)."""
    sink = Sink()
    sink.gate.clear()
    async with mail_server(sink) as port, serving(tmp_path, port) as server:
        await Crowd(server, 6).ask(in_flight=1)
        await eventually(lambda: bool(sink.commands))
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(server.stop) == 0
    kept = server.sql("SELECT status, body IS NOT NULL FROM email_queue")
    assert len(kept) == 6
    assert set(kept) <= {("sending", 1), ("pending", 1)}
