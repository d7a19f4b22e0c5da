import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.server import Server
from tests.web.raw import answers_in

HEAD = b"POST /request/magic HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
HELD = {
    "a body that never comes": HEAD + b"\r\n{",
    "a websocket that never is": HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n{",
    "a head byte by byte": b"GET /liveness HTTP/1.1\r\nX: ",
    "a body byte by byte": HEAD + b"\r\n{",
    "a body byte by byte that nobody wants": HEAD.replace(b"/request/magic", b"/nowhere") + b"\r\n{",
}


def heard(server: Server, content: bytes, *, drips: bool) -> list[int]:
    """Return the status of each answer until the connection is closed; none if it is still open after a minute."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(content)
        for _ in range(12):
            try:
                with suppress(TimeoutError):
                    part = connection.recv(65_536)
                    received += part
                    if not part:
                        break
                connection.sendall(b"a" if drips else b"")
            except OSError:  # cut off rather than closed
                break
        else:
            return []
    return [answer.status for answer in answers_in(received)]


def outlives_unread(server: Server, *, talks: bool) -> bool:
    """Tell whether somebody who takes none of his answers is still connected after a minute; he ``talks`` on, or has said goodbye."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n" * 60)
        if not talks:
            connection.shutdown(socket.SHUT_WR)
        hung_up = select.poll()
        hung_up.register(connection, select.POLLHUP | select.POLLERR)
        for _ in range(12):
            if hung_up.poll(5000) or not is_held(server, connection):
                return False
            if talks:
                connection.sendall(b"a")
    return True


def is_held(server: Server, connection: socket.socket) -> bool:
    """Tell whether the server still has its end: a client that takes nothing cannot see that it is gone."""
    ends = (f":{server.port:04X}", f":{connection.getsockname()[1]:04X}")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any((row[1][-5:], row[2][-5:]) == ends and row[9] != "0" for row in rows)


@pytest.mark.timeout(180)
def test_no_connection_is_held_by_saying_little(server: Server) -> None:
    """Whoever does not finish a request is told that it was him and cut off, whatever he pretends to be about (SEC-64)."""
    with ThreadPoolExecutor() as clients:
        unread = [clients.submit(outlives_unread, server, talks=talks) for talks in (True, False)]
        answers = clients.map(lambda held: heard(server, HELD[held], drips="byte" in held), HELD)
        assert dict(zip(HELD, answers, strict=True)) == {name: [408] for name in HELD}
        assert [it.result() for it in unread] == [False, False]
