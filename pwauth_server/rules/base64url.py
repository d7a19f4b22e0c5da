"""base64 as tokens spell it: the URL-safe alphabet, no padding (RFC 4648 section 5, RFC 7515 section 2)."""

import binascii

# Straight on the C code: the library's `base64` walks through three more functions each way.
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def encode(raw: bytes) -> str:
    """Return the text of ``raw``."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return what ``text`` spells; raise ValueError unless `encode` would spell it the same way.

    Padding, spare bits or foreign characters would make one token look like several (SEC-23).
    """
    spelling = text.encode()
    raw = binascii.a2b_base64(spelling.translate(_FROM_URL) + b"==")
    if binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=") != spelling:
        raise ValueError("spelling")
    return raw
