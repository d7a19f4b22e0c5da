"""Twins of what the server does not control: the same interface, but a test holds the strings."""

import random
from uuid import UUID

from pwauth_server.rules.ids import RANDOM_BYTES, uuid7

#: When time begins in tests: 2026-01-01T00:00:00Z.
NEW_YEAR = 1_767_225_600.0


class FakeClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self, start: float = NEW_YEAR) -> None:
        """Show ``start`` (Unix seconds)."""
        self._now = start

    def now(self) -> float:
        """Return Unix seconds."""
        return self._now

    def tick(self, seconds: float) -> float:
        """Move on, or back if negative; return the new time."""
        self._now += seconds
        return self._now


class FakeEntropy:
    """Chance that repeats itself: the same seed, the same run."""

    def __init__(self, seed: int = 1) -> None:
        """Start a sequence."""
        self._random = random.Random(seed)

    def random(self, count: int) -> bytes:
        """Return ``count`` bytes."""
        return self._random.randbytes(count)

    def text(self, alphabet: str, length: int) -> str:
        """Return ``length`` symbols of ``alphabet``."""
        return "".join(self._random.choices(alphabet, k=length))

    def serial(self) -> str:
        """Return the next number of the sequence."""
        return self.random(16).hex()

    def fraction(self) -> float:
        """Return a number in [0, 1)."""
        return self._random.random()

    def row_id(self, now: float) -> UUID:
        """Return a new UUIDv7."""
        return uuid7(now, self.random(RANDOM_BYTES))
