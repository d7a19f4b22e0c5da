"""The server with one constant changed, for comparisons: ``python -m benchmarks.altered NAME … --config FILE``."""

import sys
from collections.abc import Callable

from pwauth_server.cli import main
from pwauth_server.flows import delivery
from pwauth_server.store import sqlite


def _normal() -> None:
    sqlite.PRAGMAS["synchronous"] = "NORMAL"


def _one_sender() -> None:
    delivery.SENDERS = 1


ALTERATIONS: dict[str, Callable[[], None]] = {
    "normal": _normal,  # commits do not wait for the disk
    "one-sender": _one_sender,  # letters leave through one connection
}

if __name__ == "__main__":
    while sys.argv[1] in ALTERATIONS:
        ALTERATIONS[sys.argv.pop(1)]()
    main(["serve", *sys.argv[1:]])
