"""An SMTP server that accepts everything, keeps nothing and costs little: ``python -m benchmarks.sink PORT``."""

import asyncio
import sys

_END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection (RFC 5321), as simple as a client that behaves allows."""

    def __init__(self) -> None:
        """Begin outside any letter."""
        self._buffer = b""
        self._in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every complete line, and every complete letter."""
        self._buffer += data
        while self._letter() if self._in_letter else self._line():
            pass

    def _letter(self) -> bool:
        _, end, rest = self._buffer.partition(_END)
        if not end:
            return False
        self._buffer, self._in_letter = rest, False
        self._transport.write(b"250 taken\r\n")
        return True

    def _line(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return False
        self._buffer = rest
        verb = line[:4].upper()
        if verb == b"DATA":
            self._in_letter = True
            self._transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 sink\r\n")
        return True


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
