"""The encryption of backups: every byte is proven, in its place and to the end (SEC-79)."""

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pwauth_server.rules import vault
from pwauth_server.rules.vault import Vault, VaultError

SALT = bytes(range(vault.SALT_BYTES))
#: scrypt at its cheapest, which the header may say as well.
CHEAP = vault.MAGIC + bytes((1, 1, 1)) + SALT
PASSPHRASE = "correct horse battery staple and more"


def sealed(*chunks: bytes) -> list[bytes]:
    """Return chunks as they stand in a file."""
    box = Vault(PASSPHRASE, CHEAP)
    return [box.seal(chunk, is_last=chunk is chunks[-1]) for chunk in chunks]


def opened(*chunks: bytes, header: bytes = CHEAP, passphrase: str = PASSPHRASE) -> list[bytes]:
    """Return what chunks of a file hold."""
    box = Vault(passphrase, header)
    return [box.open(chunk, is_last=number == len(chunks)) for number, chunk in enumerate(chunks, 1)]


def test_the_format_is_the_documented_one() -> None:
    """Whoever has only the documentation can open a backup: scrypt, AES-256-GCM, a counted nonce, the header beside it."""
    header = vault.header(SALT)
    key = hashlib.scrypt(PASSPHRASE.encode(), salt=SALT, n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
    first, last = (bytes(10) + b"\0\0", bytes(10) + b"\1\1")
    box = Vault(PASSPHRASE, header)
    assert header == b"pwauth backup 1\n" + bytes((15, 8, 3)) + SALT
    assert AESGCM(key).decrypt(first, box.seal(b"one", is_last=False), header) == b"one"
    assert AESGCM(key).decrypt(last, box.seal(b"two", is_last=True), header) == b"two"


def test_what_is_sealed_opens_again() -> None:
    """Chunks come back in order, an empty last one included."""
    assert opened(*sealed(b"one", b"two", b"")) == [b"one", b"two", b""]


@pytest.mark.parametrize("order", ((1, 0, 2), (0, 2), (0, 1), (0,), (0, 1, 1, 2), (2,)))
def test_chunks_that_are_swapped_dropped_doubled_or_cut_off_are_refused(order: tuple[int, ...]) -> None:
    """Half a backup is never taken for a whole one."""
    chunks = sealed(b"one", b"two", b"three")
    with pytest.raises(VaultError, match="changed"):
        opened(*(chunks[number] for number in order))


def test_no_byte_can_be_changed() -> None:
    """Neither of a chunk nor of the header that was read before it."""
    (chunk,) = sealed(b"content")
    for position in range(len(chunk)):
        with pytest.raises(VaultError):
            opened(chunk[:position] + bytes([chunk[position] ^ 1]) + chunk[position + 1 :])
    with pytest.raises(VaultError):
        opened(chunk, header=CHEAP[:-1] + b"x")


def test_another_passphrase_is_told_from_a_later_fault() -> None:
    """The operator who took the wrong passphrase learns that it may be that."""
    with pytest.raises(VaultError, match="another passphrase"):
        opened(*sealed(b"one"), passphrase=PASSPHRASE + "!")


@pytest.mark.parametrize(
    ("header", "why"),
    (
        (b"", "not a backup"),
        (b"SQLite format 3\0" + bytes(19), "not a backup"),
        (CHEAP[:-1], "not a backup"),
        (vault.MAGIC + bytes((30, 8, 1)) + SALT, "more memory"),
        (vault.MAGIC + bytes((15, 0, 1)) + SALT, "more memory"),
        (vault.MAGIC + bytes((15, 8, 255)) + SALT, "more memory"),
    ),
)
def test_a_foreign_or_greedy_header_is_refused_before_any_work(header: bytes, why: str) -> None:
    """A file that somebody planted cannot make us take all memory (SEC-77)."""
    with pytest.raises(VaultError, match=why):
        Vault(PASSPHRASE, header)


@pytest.mark.parametrize("cost", ((16, 1, 1), (20, 1, 16)))
def test_a_cost_that_scrypt_does_not_know_is_a_changed_file(cost: tuple[int, int, int]) -> None:
    """One byte of the header that fell over must not end in a heap of our own code."""
    with pytest.raises(VaultError, match="memory"):
        Vault(PASSPHRASE, vault.MAGIC + bytes(cost) + SALT)
