"""Secrets that must never sign anything (SEC-25; RFC 8725 section 3.5)."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

MIN_BYTES = 32
_MIN_BITS = 64.0

#: What examples say of themselves, whatever stands between the words: whoever reads them can forge every token.
_MARKS = (
    "supersecret", "yoursecret", "changeme", "changethis", "changeinproduction", "replaceme", "replacethis",
    "256bitsecret", "atleast256bits", "atleast32char", "min32char", "insecure", "placeholder", "donotuse", "notforproduction",
    "replacewith", "pleasereplace", "pleasegenerate", "pleasechange", "examplesecret", "secretexample", "examplekey", "defaultsecret",
    "defaultjwt", "localdevelopment", "developmentonly", "opensslrand", "qwertyuiop", "qwertzuiop", "asdfghjkl", "1qaz2wsx",
    "correcthorsebattery",
)  # fmt: skip
#: Letters that make up what was said before.
_AGAIN = 4
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def problem(secret: str) -> str | None:
    """Return what is wrong with a secret in words that do not show it, or None."""
    if len(secret.encode()) < MIN_BYTES:
        return f"is shorter than {MIN_BYTES} bytes"
    words = _BETWEEN_WORDS.sub("", secret.lower())
    if any(mark in words for mark in _MARKS):
        return "is a published example"
    if _bits(secret) < _MIN_BITS:
        return "is too easy to guess"
    return None


def _bits(text: str) -> float:
    """Estimate the chance in a text: a word said four times is one word, and ``abcdef`` is one step six times."""
    once = _said_once(text)
    steps = [ord(after) - ord(before) for before, after in pairwise(once)]
    return min(_entropy(once), _entropy(steps))


def _said_once(text: str) -> str:
    """Return a text without what it says again, whatever stands between."""
    ends = range(1, len(text) + 1)
    return "".join(text[end - 1] for end in ends if end < _AGAIN or text.find(text[end - _AGAIN : end]) == end - _AGAIN)


def _entropy(symbols: Sequence[object]) -> float:
    return -sum(count * math.log2(count / len(symbols)) for count in Counter(symbols).values())
