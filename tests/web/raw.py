"""HTTP by hand, for what no client library would send."""

import socket
from contextlib import closing
from dataclasses import dataclass

from tests.server import PATIENCE, Server


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(server: Server, content: bytes) -> list[Answer]:
    """Send bytes on a new connection; return all answers until the server closes it, as it must."""
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as connection:
        connection.sendall(content)
        return answers_in(_read_all(connection))


def stays_open(server: Server, content: bytes) -> list[Answer]:
    """Send bytes and a last well-formed request that asks for the end; return all answers."""
    return send(server, content + b"GET /liveness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a well-formed request; underscores in names of ``headers`` stand for dashes."""
    fields = {"host": "localhost", "content-length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers_in(received: bytes) -> list[Answer]:
    """Cut a stream of answers into single ones."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        length = int(headers.get("content-length", 0))
        found.append(Answer(int(status.split()[1]), headers, received[:length]))
        received = received[length:]
    return found


def _read_all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass  # the server answered and closed before it had read everything
    return received
