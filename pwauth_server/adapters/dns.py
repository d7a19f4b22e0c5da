"""DNS: asks the name servers of this machine for TXT records."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pwauth_server.adapters.entropy import Entropy
from pwauth_server.rules import dns
from pwauth_server.rules.dns import Answer, GarbledError

#: Seconds that a server gets for one question.
PATIENCE = 3.0
_CONFIGURATION = Path("/etc/resolv.conf")


class Resolver:
    """Asks one name server after the other."""

    def __init__(self, entropy: Entropy, *, servers: Sequence[str] | None = None, port: int = 53) -> None:
        """Use the servers of resolv.conf; tests bring their own."""
        self._entropy, self._port = entropy, port
        self._servers = _configured() if servers is None else servers

    async def texts(self, name: str) -> Answer | None:
        """Return what DNS says of a name; None if no server answers."""
        for server in self._servers[:3]:
            with suppress(OSError, TimeoutError, GarbledError, asyncio.IncompleteReadError):
                async with asyncio.timeout(PATIENCE):
                    found = await self._ask(server, name)
                if found.is_certain:
                    return found
        return None

    async def _ask(self, server: str, name: str) -> Answer:
        number = int.from_bytes(self._entropy.random(2), "big")
        question = dns.question(name, number)
        found = dns.answer(await self._by_datagram(server, question), number)
        return dns.answer(await self._by_stream(server, question), number) if found.is_truncated else found

    async def _by_datagram(self, server: str, question: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        received: asyncio.Future[bytes] = loop.create_future()
        # Connected: only datagrams of this server arrive.
        transport, _ = await loop.create_datagram_endpoint(lambda: _Waiting(received), remote_addr=(server, self._port))
        try:
            transport.sendto(question)
            return await received
        finally:
            transport.close()

    async def _by_stream(self, server: str, question: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(server, self._port)
        try:
            writer.write(len(question).to_bytes(2, "big") + question)
            return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        finally:
            writer.close()


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, received: asyncio.Future[bytes]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self._received.done():
            self._received.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._received.done():
            self._received.set_exception(exc)


def _configured() -> Sequence[str]:
    try:
        return dns.servers_in(_CONFIGURATION.read_text())
    except (OSError, UnicodeDecodeError):
        return []
