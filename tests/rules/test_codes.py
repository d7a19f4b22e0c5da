import hashlib
import hmac
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import codes

CODE = st.text(codes.ALPHABET, min_size=codes.LENGTH, max_size=codes.LENGTH)


def test_the_alphabet_has_no_look_alikes() -> None:
    """31 different symbols, none of 0 O 1 I L: eight of them are almost 40 bits (SEC-16)."""
    assert len(set(codes.ALPHABET)) == len(codes.ALPHABET) == 31
    assert not set(codes.ALPHABET) & set("01OIL")
    assert codes.LENGTH == 8
    assert codes.MAX_TRIES == 5


@pytest.mark.parametrize("typed", ("ABCD2345", "abcd2345", "ABCD-2345", " abcd - 2345 ", "a-b-c-d-2-3-4-5", "AbCd 2345"))
def test_a_code_may_be_typed_in_any_way(typed: str) -> None:
    """Case, spaces and dashes do not matter (SEC-16)."""
    assert codes.normal(typed) == "ABCD2345"


@pytest.mark.parametrize(
    "typed",
    (
        "", "ABCD234", "ABCD23456", "ABCD234O", "ABCD2340", "ABCD2341", "ABCD234I", "ABCD234L", "ABCD234!", "ABCD_2345", "ABCD\t2345",
        "ABCD2345\n",
        "\u017fBCD2345", "\ufb00CD2345", "\uff21BCD2345", "ABCD234\u0665", "ABCD\u20132345", "ABCD2345\u0000", "2" * 100_000,
        "-" * 100_000, "\ud800BCD2345",
    ),
)  # fmt: skip
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    """Other lengths, symbols and scripts are refused before any try is counted, even if upper case would make them fit (SEC-16)."""
    with pytest.raises(ValueError, match=r"^code$"):
        codes.normal(typed)


@given(CODE)
def test_a_code_reads_back_as_it_is_shown(code: str) -> None:
    """What the letter shows is what the form takes (SEC-16)."""
    assert codes.shown(code) == f"{code[:4]}-{code[4:]}"
    assert codes.normal(codes.shown(code).lower()) == code


def test_a_stored_code_is_bound_to_key_and_request() -> None:
    """A leaked database without the key, or a mac moved to another request, is worthless (SEC-15, SEC-70)."""
    macs = {
        codes.mac(key, request, code) for key, request, code in product((b"k" * 32, b"K" * 32), ("one", "two"), ("ABCD2345", "ABCD2346"))
    }
    assert len(macs) == 8
    assert codes.mac(b"k" * 32, "one", "ABCD2345") == hmac.new(b"k" * 32, b"one:ABCD2345", hashlib.sha256).digest()
