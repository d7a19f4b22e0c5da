"""What a database of the Rust server holds, judged: who comes along with what, what is left out, and why.

Its rows say nothing about who wrote them: anybody could add a factor to any address there
(``docs/decisions/0013-import.md``).
"""

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from pwauth_server.rules import addresses, passkeys
from pwauth_server.rules.passkey_input import MAX_ID, MIN_ID, TRANSPORTS

#: Bytes of a secret: apps cannot hold less than 80 bits, and nobody needs more than a block of SHA-1.
_MIN_SECRET, _MAX_SECRET = 10, 64
#: A counter has 32 bits (WebAuthn L3 section 6.1).
_MAX_COUNT = 2**32 - 1


class UserRow(NamedTuple):
    """A row of ``users``, as it stands there."""

    id: Any
    email: Any
    totp_secret: Any
    created_at: Any


class PasskeyRow(NamedTuple):
    """A row of ``webauthn_registrations``, as it stands there."""

    user_id: Any
    credential_id: Any
    public_key: Any
    sign_count: Any
    transports: Any
    created_at: Any


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds."""

    users: Sequence[UserRow]
    passkeys: Sequence[PasskeyRow]
    #: Ids of those who used a link of a letter at least once.
    proven: frozenset[Any]
    #: Rows of every other table; they stay where they are.
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SeedPasskey:
    """A passkey that can be checked here."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    created_at: float


@dataclass(frozen=True, slots=True)
class SeedAccount:
    """Somebody who can be carried over."""

    email: str
    #: None if it is not one that we could use.
    id: UUID | None
    #: What authenticators know the owner by.
    handle: bytes
    created_at: float
    #: Of an authenticator app.
    secret: bytes | None
    passkeys: tuple[SeedPasskey, ...]
    #: Whether its mailbox was shown there, by a link.
    proven: bool


class Problem(NamedTuple):
    """Something that is left out."""

    who: str
    why: str


def judge(found: Contents, *, now: float, max_passkeys: int) -> tuple[list[SeedAccount], list[Problem]]:
    """Return who can be carried over, by address, and what is left out; no problem names a secret."""
    problems: list[Problem] = []
    keys = defaultdict(list)
    for key in found.passkeys:
        keys[key.user_id].append(key)
    accounts = []
    seen: set[bytes] = set()
    for email, rows in sorted(_by_address(found, problems).items()):
        first, *others = sorted(rows, key=lambda row: (row.id not in found.proven, _moment(row.created_at, now), str(row.id)))
        problems += [Problem(email, f"account {_named(row)} left out: it spells the address of account {_named(first)}") for row in others]
        accounts.append(
            SeedAccount(
                email=email,
                id=_uuid(first.id),
                handle=str(first.id).encode(),
                created_at=_moment(first.created_at, now),
                secret=_secret(first.totp_secret, email, problems),
                passkeys=tuple(_passkeys(keys[first.id], email, seen, problems, now=now))[:max_passkeys],
                proven=first.id in found.proven,
            )
        )
        if (more := len(keys[first.id]) - max_passkeys) > 0:
            problems.append(Problem(email, f"{more} passkeys left out: nobody may have more than {max_passkeys}"))
    known = {row.id for row in found.users}
    problems += [Problem(f"passkey of {_quoted(owner)}", "left out: there is no such user") for owner in keys if owner not in known]
    return accounts, problems


def _by_address(found: Contents, problems: list[Problem]) -> Mapping[str, list[UserRow]]:
    rows = defaultdict(list)
    for row in found.users:
        try:
            rows[addresses.canonical(row.email if isinstance(row.email, str) else "")].append(row)
        except ValueError:
            problems.append(Problem(f"account {_named(row)}", "left out: its address is none that letters can be sent to"))
    return rows


def _secret(text: Any, who: str, problems: list[Problem]) -> bytes | None:
    """Return a secret from the base32 text that the owner's app was given; None if there is none, or none that works."""
    if text in {None, ""}:
        return None
    try:
        plain = str(text).replace(" ", "").rstrip("=").upper()
        secret = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        secret = b""
    if _MIN_SECRET <= len(secret) <= _MAX_SECRET:
        return secret
    problems.append(Problem(who, "one-time password left out: its secret is not the base32 of 10 to 64 bytes"))
    return None


def _passkeys(rows: Sequence[PasskeyRow], who: str, seen: set[bytes], problems: list[Problem], *, now: float) -> Iterator[SeedPasskey]:
    for row in sorted(rows, key=lambda row: _moment(row.created_at, now)):
        if why := _why_not(row, seen):
            problems.append(Problem(who, f"passkey left out: {why}"))
            continue
        seen.add(row.credential_id)
        created_at = _moment(row.created_at, now)
        yield SeedPasskey(row.credential_id, row.public_key, row.sign_count, _transports(row.transports), created_at)


def _why_not(row: PasskeyRow, seen: set[bytes]) -> str:
    if not isinstance(row.credential_id, bytes) or not MIN_ID <= len(row.credential_id) <= MAX_ID:
        return f"its id is not {MIN_ID} to {MAX_ID} bytes"
    if row.credential_id in seen:
        return "another passkey has its id"
    if not isinstance(row.public_key, bytes) or not passkeys.is_sound(row.public_key):
        return "its public key is none that this server can check"
    if not isinstance(row.sign_count, int) or not 0 <= row.sign_count <= _MAX_COUNT:
        return "its counter is no number"
    return ""


def _transports(text: Any) -> tuple[str, ...]:
    """Return the ways to an authenticator; they are hints, so that words we do not know are dropped."""
    try:
        words = json.loads(text or "[]")
    except (TypeError, ValueError, RecursionError):
        return ()
    return tuple(sorted({str(word).lower() for word in words} & TRANSPORTS)) if isinstance(words, list) else ()


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (TypeError, ValueError, AttributeError):
        return None


def _moment(seconds: Any, now: float) -> float:
    """Return when something was made; a moment that cannot be is taken for the present one."""
    return float(seconds) if isinstance(seconds, int | float) and 0 < seconds <= now else now


def _named(row: UserRow) -> str:
    return _quoted(row.id)


def _quoted(word: Any) -> str:
    """Return an id of the other server so that a terminal can show it, whatever it holds."""
    return ascii(word)[:80]
