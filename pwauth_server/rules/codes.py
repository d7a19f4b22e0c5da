"""The short code of a sign-in letter (SEC-11, SEC-16)."""

import hashlib
import hmac

#: 31 symbols without look-alikes (no 0 O 1 I L): 8 of them are 39.6 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
#: Wrong tries after which the whole request, link and code, is dead.
MAX_TRIES = 5


def normal(text: str, *, length: int = LENGTH) -> str:
    """Return a typed code of ``length`` symbols in its normal form: upper case, no spaces or dashes.

    Raises ValueError if it cannot be a code.
    """
    code = text.replace("-", "").replace(" ", "").upper()
    # ASCII is demanded of what was typed: U+017F is "S" in upper case.
    if not text.isascii() or len(code) != length or any(symbol not in ALPHABET for symbol in code):
        raise ValueError("code")
    return code


def shown(code: str) -> str:
    """Return a code the way people read it: ``XXXX-XXXX``."""
    return f"{code[:4]}-{code[4:]}"


def mac(key: bytes, request_id: str, code: str) -> bytes:
    """Return what the database keeps of a code, bound to its request.

    Forty bits would fall to a dictionary within minutes, so the hash is keyed with a secret that is
    not in the database (SEC-70).
    """
    return hmac.digest(key, f"{request_id}:{code}".encode(), hashlib.sha256)
