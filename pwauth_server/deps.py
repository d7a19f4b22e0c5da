"""What flows need, made once in `app.py` and handed down explicitly."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pwauth_server.adapters.bell import Bell
from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.entropy import Entropy
from pwauth_server.adapters.limiter import Limiter
from pwauth_server.adapters.metrics import Metrics
from pwauth_server.adapters.transport import Transport
from pwauth_server.config import Config
from pwauth_server.rules.findings import Finding
from pwauth_server.rules.keyset import KeySet
from pwauth_server.rules.letters import Letters
from pwauth_server.rules.live import PERIODS, Sample
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.store.transaction import Database


@dataclass(slots=True)
class KeyHolder:
    """Holds the present `KeySet`; `flows.keys` replaces it whole when the epoch moves."""

    current: KeySet


@dataclass(frozen=True, slots=True)
class Look:
    """What the doctor found, and when."""

    found: Sequence[Finding]
    at: float


@dataclass(slots=True)
class Checkup:
    """Holds the doctor's newest look and the one under way; `flows.checkup` sees to both."""

    #: The file that the configuration came from.
    config_file: Path | None = None
    look: Look | None = None
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Deps:
    """The world as flows see it."""

    config: Config
    clock: Clock
    entropy: Entropy
    db: Database
    ring: KeyRing
    keys: KeyHolder
    limiter: Limiter
    metrics: Metrics
    letters: Letters
    #: In order: the first takes a letter, the next one while that cannot be reached.
    transports: Sequence[Transport]
    mail_bell: Bell
    checkup: Checkup
    #: Held while thousands of rows are read and written down, and while a QR code is drawn: one at a time.
    exporting: asyncio.Lock = field(default_factory=asyncio.Lock)
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: One for each minute of the last hour, oldest first; `flows.live` takes them.
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=PERIODS))

    async def close(self) -> None:
        """Let go of everything that is held open."""
        try:
            await self.limiter.close()
        finally:  # its writer is a thread, which would outlive us
            await self.db.close()
