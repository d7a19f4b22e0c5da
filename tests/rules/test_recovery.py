"""The sheet of recovery codes: what a code looks like and how it is read."""

import hashlib
from math import log2

import pytest

from pwauth_server.rules import codes, recovery

CODE = recovery.code(3, "ABCDEFGHJKMNPQRST")


def test_a_code_is_long_enough() -> None:
    """The chance in it is worth 80 bits and more, whatever its first symbol tells (SEC-39)."""
    assert recovery.CHANCE * log2(len(codes.ALPHABET)) > 80
    assert len(CODE) == recovery.LENGTH
    assert recovery.shown(CODE) == "5ABCDE-FGHJKM-NPQRST"


def test_the_first_symbol_tells_which_of_the_ten_it_is() -> None:
    """One slow hash is enough, and ten codes never share a place (SEC-39)."""
    assert [recovery.position_of(recovery.code(n, "A" * 17)) for n in range(recovery.COUNT)] == list(range(10))
    assert recovery.position_of("Z" * 18) == 30


@pytest.mark.parametrize("typed", (CODE, recovery.shown(CODE), recovery.shown(CODE).lower(), "5abc def-ghj KMN pqrst", f" {CODE} "))
def test_a_code_is_read_as_people_type(typed: str) -> None:
    """Case, spaces and dashes do not matter (SEC-39)."""
    assert recovery.normal(typed) == CODE


@pytest.mark.parametrize("typed", ("", "5", CODE[:-1], *(CODE[:-1] + end for end in ("AA", "0", "\u017f", "\uff21", "A\n"))))
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    """Too short, too long, another alphabet, or letters that only become ASCII in upper case (SEC-03)."""
    with pytest.raises(ValueError, match="code"):
        recovery.normal(typed)


def test_the_hash_is_slow_and_salted() -> None:
    """It is scrypt with the parameters that are told (RFC 7914), and no two sheets share a hash (SEC-70)."""
    salt = bytes(range(16))
    assert recovery.digest(CODE, salt) == hashlib.scrypt(CODE.encode(), salt=salt, n=16_384, r=8, p=1, dklen=32)
    assert recovery.digest(CODE, bytes(16)) != recovery.digest(CODE, salt)
