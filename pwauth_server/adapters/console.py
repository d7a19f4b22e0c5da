"""The terminal as mail transport: for a first try, while no SMTP server is set."""

import sys
from email.message import EmailMessage
from typing import TextIO

from pwauth_server.adapters.transport import Delivery, Outcome

_LINE = "─" * 72


class ConsoleTransport:
    """Prints the text of each letter."""

    name = "console"

    def __init__(self, stream: TextIO | None = None) -> None:
        """Print to ``stream`` (default: standard output)."""
        self._stream = stream or sys.stdout

    async def deliver(self, message: EmailMessage, recipient: str) -> Delivery:
        """Print one letter between two lines."""
        body = message.get_body(("plain",))
        text = body.get_content().replace("\r\n", "\n").strip() if body else ""
        self._stream.write(f"\n{_LINE}\nTo: {recipient}\nSubject: {message['Subject']}\n\n{text}\n{_LINE}\n\n")
        self._stream.flush()
        return Delivery(Outcome.ACCEPTED)

    async def rest(self) -> None:
        """Nothing is kept open."""
