"""Chance. A failed random read raises; it is never replaced by something weaker."""

import os
import secrets
from functools import lru_cache
from itertools import count
from typing import Protocol
from uuid import UUID

from pwauth_server.rules.ids import RANDOM_BYTES, uuid7


class Entropy(Protocol):
    """Something that gives unguessable bytes."""

    def random(self, count: int) -> bytes:
        """Return ``count`` random bytes."""

    def text(self, alphabet: str, length: int) -> str:
        """Return ``length`` symbols, each uniform over ``alphabet`` (SEC-11)."""

    def serial(self) -> str:
        """Return a text that was never returned before, by any process; it can be guessed."""

    def fraction(self) -> float:
        """Return a number uniform in [0, 1)."""

    def row_id(self, now: float) -> UUID:
        """Return a new UUIDv7."""


class SystemEntropy:
    """The operating system's random numbers."""

    def __init__(self) -> None:
        """Begin a series of serials."""
        self._series, self._numbers = os.urandom(12).hex(), count(1)

    def serial(self) -> str:
        """Return a text that was never returned before: which series, and the how manieth of it."""
        return f"{self._series}{next(self._numbers):08x}"

    def random(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        return os.urandom(count)

    def text(self, alphabet: str, length: int) -> str:
        """Return ``length`` symbols, each uniform over ``alphabet``."""
        symbols, unfair = _spelling(alphabet)
        text = ""
        while len(text) < length:
            text += os.urandom(2 * length).translate(symbols, unfair).decode()
        return text[:length]

    def fraction(self) -> float:
        """Return a number uniform in [0, 1)."""
        return secrets.randbelow(1 << 53) / (1 << 53)

    def row_id(self, now: float) -> UUID:
        """Return a new UUIDv7."""
        return uuid7(now, os.urandom(RANDOM_BYTES))


@lru_cache(maxsize=8)
def _spelling(alphabet: str) -> tuple[bytes, bytes]:
    """Return the symbol of each byte, and the bytes that stand for none.

    A byte counts only below the largest multiple of the alphabet's size: a plain remainder would make the first symbols likelier.
    """
    fair = 256 - 256 % len(alphabet)
    return (alphabet.encode("ascii") * 256)[:256], bytes(range(fair, 256))
