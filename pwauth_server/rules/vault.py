"""The encryption of backups: a passphrase, scrypt, and AES-256-GCM over chunks in order (``docs/backup-format.md``).

A file is ``magic | log2 N, r, p | salt | chunks``. A chunk is 64 KiB of plaintext (the last one holds the
rest) and its tag. The nonce is the chunk's number and whether it is the last one, so that chunks can be
neither swapped nor dropped nor cut off unnoticed; the header is authenticated with every chunk (STREAM,
Hoang et al. 2015). A salt of its own gives each file a key of its own: counted nonces never repeat.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"pwauth backup 1\n"
SALT_BYTES = 16
HEADER_BYTES = len(MAGIC) + 3 + SALT_BYTES
#: Plaintext in a chunk, and what the chunk takes in the file.
CHUNK = 65_536
SEALED_CHUNK = CHUNK + 16
#: log2 N, r and p of scrypt: 32 MiB and a fifth of a second.
COST = (15, 8, 3)
#: What we are ready to spend on a file that somebody hands us: 1 GiB at the most.
_DEAREST = (20, 8, 16)


class VaultError(ValueError):
    """A file is not a backup, was changed or cut off, or belongs to another passphrase; the text says which."""


class Vault:
    """The key of one file, and its chunks from the first to the last."""

    def __init__(self, passphrase: str, header: bytes) -> None:
        """Derive the key; raise VaultError if ``header`` is not that of a backup."""
        if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
            raise VaultError("This file is not a backup of pwauth.")
        cost = header[len(MAGIC) : -SALT_BYTES]
        if any(not 0 < given <= most for given, most in zip(cost, _DEAREST, strict=True)):
            raise VaultError("This backup asks for more memory than any backup of ours.")
        log_n, r, p = cost
        kdf = Scrypt(salt=header[-SALT_BYTES:], length=32, n=1 << log_n, r=r, p=p)
        try:
            self._box = AESGCM(kdf.derive(passphrase.encode()))
        except MemoryError as cause:  # also for a cost that scrypt does not know, such as a large N with a small r
            raise VaultError("This backup asks for more memory than there is, or was changed.") from cause
        self._header = header
        self._count = 0

    def seal(self, chunk: bytes, *, is_last: bool) -> bytes:
        """Return the next chunk as it stands in the file."""
        return self._box.encrypt(self._nonce(is_last=is_last), chunk, self._header)

    def open(self, sealed: bytes, *, is_last: bool) -> bytes:
        """Return the plaintext of the next chunk; raise VaultError if it is not what was sealed as that one."""
        is_first = self._count == 0
        try:
            return self._box.decrypt(self._nonce(is_last=is_last), sealed, self._header)
        except InvalidTag as cause:
            why = "This backup was made with another passphrase, or was changed." if is_first else "This backup was changed or cut off."
            raise VaultError(why) from cause

    def _nonce(self, *, is_last: bool) -> bytes:
        number, self._count = self._count, self._count + 1
        return number.to_bytes(11, "big") + bytes([is_last])


def header(salt: bytes) -> bytes:
    """Return the head of a new file; ``salt`` is 16 fresh random bytes."""
    return MAGIC + bytes(COST) + salt
