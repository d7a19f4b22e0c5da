import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules.sealing import NONCE_BYTES, CannotOpenError, KeyRing

NONCE = bytes(range(NONCE_BYTES))
OLD, NEW = "old-secret-" * 4, "new-secret-" * 4


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256, straight from RFC 5869 section 2."""
    pseudo_random_key = hmac.digest(salt or bytes(32), secret, "sha256")
    made, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudo_random_key, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def test_our_yardstick_is_the_rfcs() -> None:
    """RFC 5869 appendix A, cases 1 and 3: the function the next test measures with."""
    first = hkdf(bytes([0x0B] * 22), bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert first.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    third = hkdf(bytes([0x0B] * 22), b"", b"", 42)
    assert third.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


@given(st.text(min_size=1, max_size=40), st.text(st.characters(codec="ascii"), max_size=20))
def test_purposes_are_derived_by_hkdf(secret: str, purpose: str) -> None:
    """A key for a purpose is HKDF-SHA-256 of the master secret, so one that leaks gives away no other (SEC-71)."""
    assert KeyRing([secret]).derive(purpose) == hkdf(secret.encode(), b"", b"pwauth " + purpose.encode(), 32)


@given(st.binary(max_size=300), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES))
def test_what_is_sealed_opens_again(plain: bytes, nonce: bytes) -> None:
    """Sealing loses nothing, and shows nothing (SEC-71)."""
    ring = KeyRing([NEW])
    sealed = ring.seal("letter", "row", plain, nonce)
    assert ring.open("letter", "row", sealed) == plain
    assert len(plain) < 8 or plain not in sealed[4 + NONCE_BYTES :]


def test_a_value_opens_only_in_its_own_row() -> None:
    """A sealed value that is copied into another row or column is refused (SEC-71)."""
    ring = KeyRing([NEW])
    sealed = ring.seal("letter", "row 1", b"secret", NONCE)
    for purpose, row in (("letter", "row 2"), ("signing-key", "row 1"), ("letter:row 1", ""), ("", "letter:row 1")):
        with pytest.raises(CannotOpenError):
            ring.open(purpose, row, sealed)


def test_no_byte_of_a_sealed_value_can_be_changed() -> None:
    """Key id, nonce, ciphertext and tag are all authentic or the value does not open (SEC-71)."""
    ring = KeyRing([NEW, OLD])
    sealed = ring.seal("letter", "row", b"secret", NONCE)
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises(CannotOpenError):
            ring.open("letter", "row", bytes(broken))
    for short in range(len(sealed)):
        with pytest.raises(CannotOpenError):
            ring.open("letter", "row", sealed[:short])


@given(st.binary(max_size=80))
def test_garbage_never_opens(sealed: bytes) -> None:
    """Whatever lies in the column, the answer is an error of ours (SEC-71)."""
    ring = KeyRing([NEW])
    for value in (sealed, ring.current_id + sealed):
        with pytest.raises(CannotOpenError):
            ring.open("letter", "row", value)


def test_a_new_first_key_seals_and_the_old_one_still_opens() -> None:
    """Rotating the ring makes nothing unreadable (SEC-71)."""
    before, after = KeyRing([OLD]), KeyRing([NEW, OLD])
    sealed = before.seal("letter", "row", b"secret", NONCE)
    assert after.open("letter", "row", sealed) == b"secret"
    assert after.seal("letter", "row", b"secret", NONCE)[:4] == after.current_id != before.current_id
    assert after.ids == [after.current_id, before.current_id]
    assert after.derive("x", before.current_id) == before.derive("x") != after.derive("x")


def test_a_ring_without_the_key_opens_nothing() -> None:
    """A lost key is noticed at once instead of read as nonsense (SEC-71)."""
    sealed = KeyRing([OLD]).seal("letter", "row", b"secret", NONCE)
    with pytest.raises(CannotOpenError, match="unknown key"):
        KeyRing([NEW]).open("letter", "row", sealed)
    with pytest.raises(KeyError):
        KeyRing([NEW]).derive("letter", KeyRing([OLD]).current_id)


def test_the_public_id_of_a_key_is_no_shortcut_to_it() -> None:
    """The id that stands in the database is a hash apart from every derived key (SEC-71)."""
    ring = KeyRing([NEW])
    assert ring.current_id == hashlib.sha256(b"pwauth key id" + NEW.encode()).digest()[:4]
    assert ring.current_id not in ring.derive("letter")
