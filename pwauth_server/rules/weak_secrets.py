"""Secrets that must never sign anything (SEC-25; RFC 8725 section 3.5)."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

MIN_BYTES = 32
_MIN_BITS = 64.0

#: What examples say of themselves, whatever stands between the words: whoever reads them can forge every token.
_MARKS = (
    "supersecret", "yoursecret", "changeme", "changethis", "changeinproduction", "replaceme", "replacethis",
    "256bitsecret", "atleast256bits", "atleast32char", "min32char", "insecure", "placeholder", "donotuse", "notforproduction",
)  # fmt: skip
_BETWEEN_WORDS = re.compile(r"[\W_]+")

#: What placeholders and careless secrets are made of: a guesser tries these first, so they add no chance.
_WORDS = """
    secret password passwort passwd passphrase pass phrase token jwt key api hmac hash salt sha hs aes rsa base hex
    openssl rand cookie session signing signature sign sealing seal encryption encrypted encrypt crypto private public shared master
    access refresh login authentication authorization auth oauth credential bearer security secured secure safe

    testing tested tester test unit integration example sample demo dummy fake mock default temporary temp todo fixme foo bar baz
    development developer develop dev production prod staging stage local localhost debug environment variable configuration config
    setting env only purpose never ever just really very super ultra mega extra duper top most strong weak simple long length enough
    short randomly random generation generated generate string text value character char letter number digit word byte bit minimum
    min least more than change replace insert enter put fill update edit modify please here must should need have make made give
    keep tell share guess hard easy nobody anybody anyone real unique custom own some something thing any other another new old
    what first second third this that these those not dont will can use used using with without from and the you your our for before
    after later now again keys tests bytes bits chars when where who why how are was has but all one two three

    pwauth passwordless application app server service backend frontend client website web site system project company admin root
    user account name owner guest database postgres postgresql sqlite mysql mongo redis docker compose kubernetes django flask
    fastapi sanic node express nextauth next laravel rails spring python rust java script keycloak supabase github google

    correct horse battery staple hunter trustno letmein welcome hello world love dragon monkey football baseball sunshine princess
    shadow superman batman starwars whatever nothing open sesame keyboard cat dog summer autumn winter coming shhh
    lorem ipsum dolor sit amet consectetur adipiscing elit quick brown fox jumps over lazy question once upon time
    xxx deadbeef cafebabe 000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f

    geheimnis geheimes geheim schluessel schlüssel kennwort bitte ändern aendern hier mein sehr langes langer sicheres sicher
    zufällig zufaellig beispiel zeichen nicht nur für fuer ist das der die ein entwicklung contraseña contrasena secreto clave
    motdepasse

    an is it in of on or to at as be by do my me we us no so up if id
"""
#: Counts, and where a finger slides or zigzags; each is tried up and down.
_COUNTS = ("01234567890", "abcdefghijklmnopqrstuvwxyz")
_ROWS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0", "a1s2d3f4g5h6j7k8l9", "!@#$%^&*()", "!qaz", "@wsx", "#edc", "$rfv", "%tgb", "^yhn", "&ujm", "*ik<",
    "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "qazwsxedcrfvtgbyhnujmikolp",
)  # fmt: skip


def _pieces(rows: Sequence[str], length: int) -> set[str]:
    return {line[at : at + length] for row in rows for line in (row, row[::-1]) for at in range(len(row) - length + 1)}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


#: Words up to this length stand in random text and in other words too: they count when nothing else is between two separators.
_SHORT_LENGTH = 4
#: Letters that make up what was said before.
_AGAIN = 4
_LONG_WORDS = {word for word in _WORDS.split() if len(word) > _SHORT_LENGTH} | _pieces(_COUNTS, 6) | _pieces(_ROWS, 4)
_SHORT_WORDS = {word for word in _WORDS.split() if len(word) <= _SHORT_LENGTH}
_LONG = rf"(?:{_any_of(_LONG_WORDS)})[\W_]*"
_SHORT = rf"(?<![^\W_])(?:(?:{_any_of(_SHORT_WORDS)})\d{{0,4}})++(?![^\W_])[\W_]*"
#: Digits and signs that careless people write for letters.
_LEET = str.maketrans("013457@$!", "oieastasi")


def problem(secret: str) -> str | None:
    """Return what is wrong with a secret in words that do not show it, or None."""
    if len(secret.encode()) < MIN_BYTES:
        return f"is shorter than {MIN_BYTES} bytes"
    lowered = secret.lower()
    words = _BETWEEN_WORDS.sub("", lowered)
    if any(mark in words for mark in _MARKS):
        return "is a published example"
    if min(_bits(secret), _entropy(_surprise(lowered))) < _MIN_BITS:
        return "is too easy to guess"
    return None


def _surprise(text: str) -> str:
    """Return what is left of a text without words that a guesser knows, and without what it has said before."""
    rest = _blanked(_SHORT, _blanked(_LONG, text)).replace(" ", "")
    return "".join(char for at, char in enumerate(rest, 1) if at < _AGAIN or rest.find(rest[at - _AGAIN : at]) == at - _AGAIN)


def _blanked(pattern: str, text: str) -> str:
    spans = [found.span() for spelling in (text, text.translate(_LEET)) for found in re.finditer(pattern, spelling)]
    known = {at for span in spans for at in range(*span)}
    return "".join(" " if at in known else char for at, char in enumerate(text))


def _bits(text: str) -> float:
    """Estimate the chance in a text: a word said four times is one word, and ``abcdef`` is one step six times."""
    once = text[: (text + text).index(text, 1)]
    steps = [ord(after) - ord(before) for before, after in pairwise(once)]
    return min(_entropy(once), _entropy(steps))


def _entropy(symbols: Sequence[object]) -> float:
    return -sum(count * math.log2(count / len(symbols)) for count in Counter(symbols).values())
