import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from tests.server import Server

HEAD = b"POST /request/magic HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
HELD = {
    "a body that never comes": HEAD + b"\r\n{",
    "a websocket that never is": HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n{",
    "a head byte by byte": b"GET /liveness HTTP/1.1\r\nX: ",
    "a body byte by byte": HEAD + b"\r\n{",
}


def outlives(server: Server, content: bytes, *, drips: bool) -> bool:
    """Tell whether a connection is still open after a minute."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(content)
        for _ in range(12):
            try:
                with suppress(TimeoutError):
                    if connection.recv(65_536) == b"":
                        return False
                connection.sendall(b"a" if drips else b"")
            except OSError:  # cut off rather than closed
                return False
    return True


def outlives_unread(server: Server) -> bool:
    """Tell whether somebody who takes none of his answers, and goes on talking, is still connected after a minute."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        hung_up = select.poll()
        hung_up.register(connection, select.POLLHUP | select.POLLERR)
        for _ in range(12):
            if hung_up.poll(5000):
                return False
            connection.sendall(b"a")
    return True


@pytest.mark.timeout(180)
def test_no_connection_is_held_by_saying_little(server: Server) -> None:
    """Whoever does not finish a request is cut off, whatever he pretends to be about (SEC-64)."""
    with ThreadPoolExecutor() as clients:
        unread = clients.submit(outlives_unread, server)
        outlived = clients.map(lambda held: outlives(server, HELD[held], drips="byte" in held), HELD)
        assert dict(zip(HELD, outlived, strict=True)) == dict.fromkeys(HELD, False)
        assert not unread.result()
