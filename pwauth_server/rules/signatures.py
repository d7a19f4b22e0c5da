"""Signatures under tokens: which bytes a key makes of a message, and nothing else counts (SEC-20, SEC-23).

PyJWT makes and checks them, but for the two algorithms in daily use: there we go straight to what it stands on, without
its detours over hexadecimal text and over a new key for every message.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import get_default_algorithms

ALGORITHMS = get_default_algorithms()
_ES256 = ECDSA(SHA256())
#: Of P-256. If (r, s) is a signature, (r, order - s) is one as well: only the lower of the two is ours (SEC-23).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: Bytes of each of the two numbers (RFC 7518 section 3.4).
_NUMBER = 32


@dataclass(frozen=True, slots=True)
class Key:
    """A key that signs or verifies under exactly one algorithm (RFC 8725 section 3.1)."""

    kid: str
    algorithm: str
    #: None for a key that only verifies any more.
    private: Any
    public: Any


def make(key: Key, message: bytes) -> bytes:
    """Return the signature of a message (RFC 7518 section 3)."""
    if key.algorithm == "ES256":
        r, s = decode_dss_signature(key.private.sign(message, _ES256))
        return r.to_bytes(_NUMBER) + min(s, _ORDER - s).to_bytes(_NUMBER)
    if key.algorithm == "HS256":
        return _mac(key.private, message)
    return bytes(ALGORITHMS[key.algorithm].sign(message, key.private))


def fits(key: Key, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is one that `make` returns for this message."""
    if key.algorithm == "ES256":
        return _is_ecdsa(key, message, signature)
    if key.algorithm == "HS256":
        return hmac.compare_digest(signature, _mac(key.public, message))
    return bool(ALGORITHMS[key.algorithm].verify(message, key.public, signature))


def _is_ecdsa(key: Key, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:_NUMBER]), int.from_bytes(signature[_NUMBER:])
    if len(signature) != 2 * _NUMBER or s > _ORDER // 2:
        return False
    try:
        key.public.verify(encode_dss_signature(r, s), message, _ES256)
    except InvalidSignature:
        return False
    return True


def _mac(secret: bytes, message: bytes) -> bytes:
    mac = _begun(secret).copy()
    mac.update(message)
    return mac.digest()


@lru_cache(maxsize=8)
def _begun(secret: bytes) -> hmac.HMAC:
    """Return a MAC that has read its key; to find the hash and read the key takes longer than a token."""
    return hmac.new(secret, digestmod=hashlib.sha256)
