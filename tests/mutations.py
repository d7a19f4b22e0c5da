"""Damage for answers of authenticators: bits, bytes and fields that are not what they were."""

import random
from copy import deepcopy
from typing import Any

from tests.authenticator import decode, encode

_JUNK: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", "AAAA", "ä", [], ["x"], {}, {"a": {"b": []}}, [[[[[]]]]], "A" * 4096, 2**62)
_BYTES = (b"", b"\0", b"\xff", b"\x9f", b"\x5b" + b"\xff" * 8, b"\xbf", b"\xd8\x1c", b"\x81" * 500)


def damaged(credential: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a copy with one to three things wrong."""
    found = deepcopy(credential)
    for _ in range(chance.randint(1, 3)):
        (_damage_bytes if chance.random() < 0.8 else _damage_shape)(found, chance)
    return found


def _damage_bytes(found: dict[str, Any], chance: random.Random) -> None:
    inner = found["response"]
    texts = [name for name in inner if isinstance(inner[name], str)] if isinstance(inner, dict) else []
    if not texts:
        return
    name = chance.choice(texts)
    try:
        raw = bytearray(decode(inner[name]))
    except ValueError:
        return
    place, end = sorted((chance.randrange(len(raw) + 1), chance.randrange(len(raw) + 1)))
    kind = chance.randrange(5)
    if kind == 0 and raw:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    elif kind == 1 and raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    elif kind == 2:
        del raw[place : chance.choice((place + 1, end))]
    elif kind == 3:
        raw[place:place] = chance.choice(_BYTES)
    else:
        raw[place:end] = chance.randbytes(end - place)
    inner[name] = encode(bytes(raw))


def _damage_shape(found: dict[str, Any], chance: random.Random) -> None:
    inner = found["response"]
    target = inner if isinstance(inner, dict) and inner and chance.random() < 0.7 else found
    name = chance.choice(list(target))
    if chance.random() < 0.3 and name != "response":
        del target[name]
    else:
        target[name] = chance.choice(_JUNK)
    found.setdefault("response", None)
