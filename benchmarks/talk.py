"""A client of a few lines, for what wrk cannot do: hang up, or remember what was answered."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One kept connection to a server on loopback."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of an answer that arrived whole; raise OSError or EOFError otherwise."""
        self.writer.write(request(path, body))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split(" ", 2)[1])
        length = next(int(line.partition(":")[2]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        return status, json.loads(await self.reader.readexactly(length) or b"{}")

    def drop(self) -> None:
        """Hang up at once, with whatever is under way."""
        self.writer.transport.abort()


async def call(port: int) -> Line:
    """Open a connection."""
    return Line(*await asyncio.open_connection("127.0.0.1", port))


def request(path: str, body: dict[str, Any]) -> bytes:
    """Return a POST with a JSON body, as it goes over the wire."""
    content = json.dumps(body).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
    )
