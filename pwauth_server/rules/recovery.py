"""Recovery codes: ten on a sheet of paper, each good once, on top of the mailbox (SEC-39)."""

import hashlib

from pwauth_server.rules import codes

COUNT = 10
#: The first symbol tells which of the ten it is, the other 17 are chance: 84.2 bits.
CHANCE = 17
LENGTH = 1 + CHANCE
SALT_BYTES = 16
_GROUP = 6
# RFC 7914 section 2: 2^14 and 8 fill 16 MiB, for about 40 ms.
_COST, _BLOCK, _LANES, _BYTES = 2**14, 8, 1, 32


def code(position: int, chance: str) -> str:
    """Return the code at a position, 0 to 9, made of `CHANCE` symbols of the alphabet."""
    return codes.ALPHABET[position] + chance


def normal(text: str) -> str:
    """Return a typed code in its normal form; raise ValueError if it cannot be one."""
    return codes.normal(text, length=LENGTH)


def shown(text: str) -> str:
    """Return a code the way people read it: three groups of six."""
    return "-".join(text[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))


def position_of(text: str) -> int:
    """Return which code of the sheet this would be; there may be none."""
    return codes.ALPHABET.index(text[0])


def digest(text: str, salt: bytes) -> bytes:
    """Return the slow hash that the database keeps (SEC-70). It takes 40 ms: never on the event loop."""
    return hashlib.scrypt(text.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=_BYTES)
