"""Time. Everything else in the server is told what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> float:
        """Return Unix seconds."""


class SystemClock:
    """The clock of this machine."""

    #: Returns Unix seconds; the function itself, asked several times for every request.
    now = staticmethod(time.time)
