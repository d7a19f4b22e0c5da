"""A name server on this machine, and answers as real ones write them."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

NXDOMAIN = 3


def reply(question: bytes, texts: Sequence[str], *, code: int = 0, is_truncated: bool = False) -> bytes:
    """Return the answer to a question: an alias first, then one record for each text, all names compressed."""
    number = struct.unpack_from("!H", question)[0]
    asked = question[12 : question.index(b"\0", 12) + 5]
    alias = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 2) + b"\xc0\x0c"
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 60, len(data)) + data for data in map(_strings, texts))
    flags = 0x8180 | code | (0x0200 if is_truncated else 0)
    return struct.pack("!6H", number, flags, 1, len(texts) + 1, 0, 0) + asked + alias + records


def _strings(text: str) -> bytes:
    raw = text.encode()
    pieces = [raw[start : start + 255] for start in range(0, len(raw), 255)] or [b""]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


def name_in(question: bytes) -> str:
    """Return the name that is asked for."""
    labels, place = [], 12
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode())
        place += length + 1
    return ".".join(labels)


class _Server(asyncio.DatagramProtocol):
    def __init__(self, records: Mapping[str, Sequence[str]], longest: int) -> None:
        self.records, self.longest = records, longest

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        whole = self.answer(data)
        self.transport.sendto(whole if len(whole) <= self.longest else reply(data, [], is_truncated=True), addr)

    def answer(self, data: bytes) -> bytes:
        name = name_in(data)
        is_there = any(known == name or known.endswith("." + name) for known in self.records)
        return reply(data, self.records.get(name, []), code=0 if is_there else NXDOMAIN)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        whole = self.answer(data)
        writer.write(len(whole).to_bytes(2, "big") + whole)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def name_server(records: Mapping[str, Sequence[str]], *, longest: int = 512) -> AsyncIterator[int]:
    """Run a name server over UDP and TCP; yield its port."""
    server = _Server(records, longest)
    # The port is chosen for TCP, which has the more users here; for UDP the same one is then free.
    listening = await asyncio.start_server(server.stream, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", port))
    try:
        yield port
    finally:
        listening.close()
        transport.close()
