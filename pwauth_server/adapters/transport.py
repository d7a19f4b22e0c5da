"""What the mail queue asks of a way to deliver letters."""

import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pwauth_server.rules.letters import Message


class Outcome(Enum):
    """What became of one letter."""

    ACCEPTED = "accepted"  #: the next server took responsibility
    DEFERRED = "deferred"  #: refused for now (4xx), or perhaps taken: try this letter again later
    REFUSED = "refused"  #: refused for good (5xx): never try again
    UNANSWERED = "unanswered"  #: the dialogue broke over this letter before it was handed over: surely not taken
    DOWN = "down"  #: the server could not be asked at all: no letter can leave this way now


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of one letter with the reason in a closed word (`smtp_451`, `timeout`, …)."""

    outcome: Outcome
    reason: str = ""


class Transport(Protocol):
    """A way to deliver letters; never raises for what a mail server does."""

    #: The `transport` label of `email_deliveries_total`.
    name: str

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Hand one letter over to exactly one envelope recipient (SEC-04)."""

    async def rest(self) -> None:
        """Close what is kept open between letters; the queue is empty for now."""


#: What kept us from a server, in closed words.
BROKEN: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (TimeoutError, "timeout"),
)


def word_for(error: BaseException, words: tuple[tuple[type[BaseException], str], ...] = BROKEN) -> str:
    """Return the word of an error or of what caused it, without any of the server's text; empty if there is none."""
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    return next((word for kind, word in words if any(isinstance(cause, kind) for cause in causes)), "")
