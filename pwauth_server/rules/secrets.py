"""Opaque bearer secrets: a prefix that tells the kind, a row's id, 256 bits of chance (SEC-11, 22, 70)."""

import hashlib
import hmac
import re
from typing import NamedTuple
from uuid import UUID

from pwauth_server.rules import base64url

MAGIC_LINK = "pwm_"
API_KEY = "pwk_"
PENDING = "pwp_"

_ID_BYTES = 16
# 16 bytes of id and 32 of chance: no padding, no spare bits.
_SPELLING = re.compile(r"[A-Za-z0-9_-]{64}")


class Presented(NamedTuple):
    """A secret as somebody presented it: which row it names, and the hash to compare."""

    id: UUID
    digest: bytes


def issue(prefix: str, row_id: UUID, secret: bytes) -> str:
    """Return the text of a new secret for the row ``row_id``."""
    return prefix + base64url.encode(row_id.bytes + secret)


def digest(secret: bytes) -> bytes:
    """Return what the database keeps: SHA-256, enough for 256 random bits (SEC-70)."""
    return hashlib.sha256(secret).digest()


def parse(prefix: str, text: str) -> Presented | None:
    """Read a presented secret; None for another kind or any but the canonical spelling (SEC-23)."""
    body = text[len(prefix) :]
    if not text.startswith(prefix) or not _SPELLING.fullmatch(body):
        return None
    raw = base64url.decode(body)
    return Presented(UUID(bytes=raw[:_ID_BYTES]), digest(raw[_ID_BYTES:]))


def same(one: bytes, other: bytes) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(one, other)
