"""The terminal as mail transport: for a first try, while no SMTP server is set."""

import sys
from typing import TextIO

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.rules.letters import Message

_LINE = "─" * 72


class ConsoleTransport:
    """Prints the text of each letter."""

    name = "console"

    def __init__(self, stream: TextIO | None = None) -> None:
        """Print to ``stream`` (default: standard output)."""
        self._stream = stream or sys.stdout

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Print one letter between two lines, its text unindented: what is copied is only what was meant."""
        try:
            self._stream.write(f"\n{_LINE}\nTo: {recipient}\nSubject: {message.subject}\n\n{message.text.strip()}\n{_LINE}\n\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads our output any more
            return Delivery(Outcome.DOWN, "closed")
        return Delivery(Outcome.ACCEPTED)

    async def rest(self) -> None:
        """Nothing is kept open."""
