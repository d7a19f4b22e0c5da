"""Encryption at rest: AES-256-GCM under a ring of keys, bound to the row it lies in (SEC-71).

A sealed value is ``key id (4) | nonce (12) | ciphertext and tag``. The associated data names purpose
and row, so a value that is copied into another row does not open.
"""

import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
#: What a sealed value begins with: the id of its key.
KEY_ID_BYTES = 4
_SHORTEST = KEY_ID_BYTES + NONCE_BYTES + 16


class CannotOpenError(ValueError):
    """A sealed value was changed, moved, or sealed under a key that we do not have."""


class KeyRing:
    """The secrets of ``secret_key``: the first seals and signs, all of them open and verify."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Derive from each secret its public id; purposes are derived on demand (HKDF, RFC 5869)."""
        self._secrets = {hashlib.sha256(b"pwauth key id" + s.encode()).digest()[:KEY_ID_BYTES]: s.encode() for s in secrets}
        #: The id of the key that seals.
        self.current_id = next(iter(self._secrets))
        self._derived: dict[tuple[bytes, str], bytes] = {}

    @property
    def ids(self) -> list[bytes]:
        """Return the ids of all keys, the sealing one first."""
        return list(self._secrets)

    def derive(self, purpose: str, key_id: bytes | None = None) -> bytes:
        """Return the 32-byte key for a purpose; raise KeyError for an unknown key id."""
        key_id = key_id or self.current_id
        found = self._derived.get((key_id, purpose))
        if found is None:
            kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"pwauth " + purpose.encode())
            found = self._derived[key_id, purpose] = kdf.derive(self._secrets[key_id])
        return found

    def seal(self, purpose: str, row: str, plain: bytes, nonce: bytes) -> bytes:
        """Encrypt ``plain`` for one row; ``nonce`` is 12 fresh random bytes."""
        box = AESGCM(self.derive(purpose)).encrypt(nonce, plain, f"{purpose}:{row}".encode())
        return self.current_id + nonce + box

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether a value is sealed under the key that seals now."""
        return sealed[:KEY_ID_BYTES] == self.current_id

    def open(self, purpose: str, row: str, sealed: bytes) -> bytes:
        """Decrypt a value of one row; raise CannotOpenError if it is not what we sealed there."""
        key_id, nonce = sealed[:KEY_ID_BYTES], sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
        if len(sealed) < _SHORTEST or key_id not in self._secrets:
            raise CannotOpenError("unknown key")
        try:
            key = AESGCM(self.derive(purpose, key_id))
            return key.decrypt(nonce, sealed[KEY_ID_BYTES + NONCE_BYTES :], f"{purpose}:{row}".encode())
        except InvalidTag as cause:
            raise CannotOpenError("changed or moved") from cause
