"""A program that takes letters by HTTP, and says what it is told to."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message as Headers
from email.parser import BytesParser
from typing import Any

SECRET = "kW4mVqJ8zT1xRb7eYc5nUa2dPf9sGh3L"
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Posted:
    """One request as it came."""

    line: str
    headers: Headers
    body: bytes

    @property
    def letter(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)

    def is_signed(self, secret: str) -> bool:
        """Check the signature as https://www.standardwebhooks.com tells receivers to, without a line of ours."""
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        wanted = base64.b64encode(hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()).decode()
        return bool(self.headers["webhook-signature"] == f"v1,{wanted}")


class Receiver:
    """What a receiver is told, and how it answers."""

    def __init__(self, *answers: bytes, otherwise: bytes = TAKEN) -> None:
        self.answers, self.otherwise = list(answers), otherwise
        self.posted: list[Posted] = []
        self.connections = 0
        #: While cleared, nothing is answered.
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and answer it."""
        self.connections += 1
        try:
            line = await reader.readline()
            headers = BytesParser().parsebytes(await reader.readuntil(b"\r\n\r\n"))
            body = await reader.readexactly(int(headers["content-length"]))
            self.posted.append(Posted(line.decode().strip(), headers, body))
            await self.gate.wait()
            writer.write(self.answers.pop(0) if self.answers else self.otherwise)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(receiver: Receiver, *, context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[int]:
    """Serve a receiver on this machine; yield the port."""
    tasks: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(met, "127.0.0.1", port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
