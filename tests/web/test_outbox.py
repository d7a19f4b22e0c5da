"""Answers of one turn of the event loop leave together, and none is lost on the way."""

import asyncio
import socket
from contextlib import ExitStack

from pwauth_server.web.outbox import TOGETHER, Outbox
from tests.server import PATIENCE, Server
from tests.web import raw


class Written(asyncio.Transport):
    """A transport that notes what is written to it."""

    def __init__(self, log: list[bytes]) -> None:
        super().__init__()
        self.log, self.closed = log, False

    def is_closing(self) -> bool:
        """Tell whether it is gone."""
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note it."""
        self.log.append(bytes(data))


async def test_a_turn_ends_before_anything_is_written() -> None:
    """All of it then leaves at once, in the order in which it was put in; the next turn begins anew."""
    log: list[bytes] = []
    outbox, transports = Outbox(), [Written(log), Written(log)]
    for turn in range(3):
        for number in range(4):
            outbox.put(transports[number % 2], b"%d" % number)
        assert len(log) == 4 * turn
        await asyncio.sleep(0)
        assert log == [b"0", b"1", b"2", b"3"] * (turn + 1)


async def test_a_long_turn_keeps_nobody_waiting() -> None:
    """What is put in is written whenever there is enough of it, and the rest with the turn."""
    log: list[bytes] = []
    outbox, transport = Outbox(), Written(log)
    for _ in range(2 * TOGETHER + 3):
        outbox.put(transport, b"x")
    assert len(log) == 2 * TOGETHER
    await asyncio.sleep(0)
    assert len(log) == 2 * TOGETHER + 3


async def test_a_connection_that_is_gone_harms_nobody() -> None:
    """Nothing is written to it, and the others get theirs."""
    log: list[bytes] = []
    outbox, gone, here = Outbox(), Written(log), Written(log)
    outbox.put(gone, b"lost")
    outbox.put(here, b"kept")
    gone.closed = True
    await asyncio.sleep(0)
    assert log == [b"kept"]


def test_the_last_word_is_said_before_a_connection_ends(server: Server) -> None:
    """Many who ask at once and want the end, or have said goodbye already after an earlier request, get whole answers."""
    asked = raw.request("GET", "/openapi.yaml") + raw.request("GET", "/liveness", connection="close")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) for _ in range(3 * TOGETHER)]
        for client in clients:
            client.sendall(asked)
        for client in clients:
            with client.makefile("rb") as answer:
                spec, last = raw.answers_in(answer.read())
            assert (spec.status, last.status) == (200, 200)
            assert len(spec.body) == int(spec.headers["content-length"])
            assert last.headers["connection"] == "close"


def test_whoever_says_goodbye_while_the_answer_waits_is_answered(server: Server) -> None:
    """The end of what a client has to say may be read in the turn between an answer and its writing."""
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
            client.sendall(raw.request("GET", "/liveness") * 5)
            first = client.recv(1)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as rest:
                answers = raw.answers_in(first + rest.read())
        assert [answer.status for answer in answers] == [200] * 5
        assert all(len(answer.body) == int(answer.headers["content-length"]) for answer in answers)


def test_whoever_has_said_all_is_answered(server: Server) -> None:
    """A client that closes its half with the last byte of its requests gets every answer, also those that take a commit; then it ends."""
    asked = [
        raw.request("POST", "/request/magic", b'{"email":"%d@goodbye.example"}' % number, content_type="application/json")
        for number in range(3)
    ]
    for content in (b"", *asked, b"".join(asked), b"".join(asked) + asked[0][:-1]):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
            client.sendall(content)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as rest:
                answers = raw.answers_in(rest.read())
        assert [answer.status for answer in answers] == [200] * content.count(b"}")
