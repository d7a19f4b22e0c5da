"""One spelling for each sequence of bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import base64url


@given(st.binary(max_size=200))
def test_it_is_the_encoding_of_the_standard(raw: bytes) -> None:
    """What we write is what every other library writes and reads (RFC 7515 appendix C)."""
    assert base64url.encode(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert base64url.decode(base64url.encode(raw)) == raw


@given(st.text(alphabet="ABab01-_+/= \n", max_size=12))
def test_a_text_is_the_only_spelling_of_its_bytes_or_nothing(text: str) -> None:
    """One token must not look like several (SEC-23)."""
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw) == text


@pytest.mark.parametrize("text", ("A", "AAAAA", "QQ==", "QR", "QUJ", "a+b/", "ab cd", "ab\ncd", "äöü", "QQ\0"))
def test_other_spellings_are_refused(text: str) -> None:
    """No half byte, padding, spare bits, other alphabet or foreign character (SEC-23)."""
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
