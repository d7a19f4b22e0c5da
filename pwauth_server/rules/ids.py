"""Row ids: UUIDv7 (RFC 9562 section 5.7), so that new rows lie beside each other on disk."""

import re
from uuid import UUID

_SPELLING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
RANDOM_BYTES = 10
#: The nil UUID (RFC 9562 section 5.9): nothing has it. Where there is no account, statements ask for this one: the same work,
#: and nothing is found (SEC-33).
NIL = UUID(int=0)


def uuid7(now: float, chance: bytes) -> UUID:
    """Return the UUIDv7 for ``now`` (Unix seconds) and ten random bytes (74 bits of them are used)."""
    milliseconds = int(now * 1000) & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(chance[:RANDOM_BYTES], "big")
    high, low = random >> 68, random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low)


def earliest(moment: float) -> UUID:
    """Return the smallest id of ``moment``: rows below it were created before (Unix seconds)."""
    return uuid7(moment, bytes(RANDOM_BYTES))


def parse(text: str) -> UUID | None:
    """Read an id as we print it; None for any other spelling."""
    return UUID(int=int(text.replace("-", ""), 16)) if _SPELLING.fullmatch(text) else None


def shown(stored: UUID | bytes | None) -> str | None:
    """Return an id as we print it, from whatever form a database row has it in."""
    return None if stored is None else str(UUID(bytes=stored) if isinstance(stored, bytes) else stored)
