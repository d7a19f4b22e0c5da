"""Access and refresh tokens: what they say, and how strictly they are read (SEC-20 to SEC-23).

What a token may look like is decided here, once: the canonical spelling, the header fields, the one algorithm of a
key, the types of the claims.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from pwauth_server.rules import base64url, compact_json, ids, signatures
from pwauth_server.rules.signatures import Key

MAX_LENGTH = 4096
#: Seconds that another node's clock may be ahead of ours.
LEEWAY = 30
ACCESS_TYPE = "at+jwt"
REFRESH_TYPE = "rt+jwt"

#: What a float and a database column hold exactly (RFC 8259 section 6).
_LARGEST = 2**53 - 1
_PARTS = 3
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HEADER_FIELDS = {"alg", "typ", "kid"}
_TEXT = frozenset({str})
#: What a token of each kind says, in the order in which it is read, each with its exact type; `email` is there if it is proven.
_ACCESS: Mapping[str, type] = {
    "kind": str, "iss": str, "aud": str, "sub": str, "sid": str, "jti": str, "nbf": int, "iat": int, "exp": int,
    "auth_time": int, "email_verified": bool, "amr": list, "acr": str, "roles": list,
}  # fmt: skip
_REFRESH: Mapping[str, type] = {"kind": str, "iss": str, "sid": str, "gen": int, "iat": int, "exp": int}
_from_json = json.JSONDecoder().raw_decode


class InvalidTokenError(ValueError):
    """A token that we did not issue, or that no longer counts."""


class Access(NamedTuple):
    """The claims of an access token (RFC 9068); times in Unix seconds. A frozen dataclass would take three times as long to make."""

    issuer: str
    audience: str
    subject: UUID
    session_id: UUID
    token_id: str
    issued_at: int
    expires_at: int
    auth_time: int
    #: None while nobody has proven to hold it (SEC-07).
    email: str | None
    email_verified: bool
    amr: tuple[str, ...]
    acr: str
    roles: tuple[str, ...]

    def __hash__(self) -> int:
        """Hash by the token's own id; equality still looks at everything."""
        return hash(self.token_id)

    def claims(self) -> dict[str, Any]:
        """Return the JSON claims in the order they are signed."""
        claims = {
            "iss": self.issuer,
            "sub": str(self.subject),
            "aud": self.audience,
            "exp": self.expires_at,
            "nbf": self.issued_at,
            "iat": self.issued_at,
            "jti": self.token_id,
            "sid": str(self.session_id),
            "kind": "access",
            "email": self.email,
            "email_verified": self.email_verified,
            "auth_time": self.auth_time,
            "amr": list(self.amr),
            "acr": self.acr,
            "roles": list(self.roles),
        }
        if self.email is None:
            del claims["email"]
        return claims


class Refresh(NamedTuple):
    """The claims of a refresh token: which generation of which session it is."""

    session_id: UUID
    generation: int
    issued_at: int
    expires_at: int


class Parsed(NamedTuple):
    """A token taken apart: its spelling and header are ours, its signature nobody has looked at."""

    algorithm: str
    kind: str
    #: The name of the key that it says signed it; "" if none.
    kid: str
    signed: bytes
    payload: bytes
    signature: bytes


def sign(key: Key, kind: str, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS over ``claims`` with ``typ`` set to ``kind``."""
    signed = f"{_head(key.algorithm, kind, key.kid)}.{base64url.encode(compact_json.encode(claims).encode())}"
    return f"{signed}.{base64url.encode(signatures.make(key, signed.encode()))}"


def parse(token: str) -> Parsed:
    """Take a token apart after checking its spelling and header; nothing in it is proven yet.

    Raises InvalidTokenError for anything but three canonical base64url parts under ``alg typ kid``:
    no ``crit``, ``jku``, ``jwk``, ``x5u``, ``x5c`` or ``zip`` (SEC-20), no padding, spare bits or
    white space that would make one token look like several (SEC-23).
    """
    parts = token.split(".")
    if len(token) > MAX_LENGTH or len(parts) != _PARTS or not all(parts):
        raise InvalidTokenError("spelling")
    head, payload, signature = parts
    try:
        return Parsed(*_read_head(head), f"{head}.{payload}".encode(), base64url.decode(payload), base64url.decode(signature))
    except InvalidTokenError:
        raise
    except ValueError as cause:
        raise InvalidTokenError("base64url") from cause


def verify(token: Parsed, key: Key, kind: str) -> dict[str, Any]:
    """Return the claims of a token of one kind, signed by one key under that key's algorithm.

    The algorithm is the key's, never the token's (RFC 8725 section 3.1). Nothing about time is
    looked at here, so the answer may be kept. Raises InvalidTokenError.
    """
    if token.algorithm != key.algorithm or not signatures.fits(key, token.signed, token.signature):
        raise InvalidTokenError("signature")
    if token.kind != kind:
        raise InvalidTokenError("typ")
    return _object(token.payload)


def read_access(claims: Mapping[str, Any], *, issuer: str, audience: str, longest: int) -> Access:
    """Return typed access claims; raise InvalidTokenError if one is missing, odd or not for us.

    ``longest`` is the configured life in seconds: a token that claims more is not ours (SEC-21).
    """
    said = _typed(claims, _ACCESS)
    kind, its_issuer, its_audience, subject, session_id, token_id, begins, issued, expires, auth_time, verified, amr, acr, roles = said
    expected = audience if verified else unverified_audience(issuer)
    if kind != "access" or its_issuer != issuer or its_audience != expected:
        raise InvalidTokenError("not for us")
    if begins != issued or not 0 <= issued < expires <= min(issued + longest, _LARGEST) or not 0 <= auth_time <= _LARGEST:
        raise InvalidTokenError("times")
    email = claims.get("email") if verified else None
    if not (token_id and acr) or (verified and not (isinstance(email, str) and email)):
        raise InvalidTokenError("empty")
    if not _TEXT.issuperset(map(type, amr)) or not _TEXT.issuperset(map(type, roles)):
        raise InvalidTokenError("lists")
    return Access(
        issuer, expected, _id(subject), _id(session_id), token_id, issued, expires, auth_time,
        email, verified, tuple(amr), acr, tuple(roles),
    )  # fmt: skip


def unverified_audience(issuer: str) -> str:
    """Return the `aud` of tokens whose mailbox nobody has proven: whoever verifies tokens refuses them (SEC-07)."""
    return f"{issuer}/unverified"


def is_current(token: Access, now: float) -> bool:
    """Tell whether an access token counts at ``now``; it is over exactly at ``exp``."""
    return token.issued_at - LEEWAY <= now < token.expires_at


def refresh_claims(token: Refresh, issuer: str) -> dict[str, Any]:
    """Return the JSON claims of a refresh token; the same generation always gives the same bytes."""
    return {
        "iss": issuer,
        "kind": "refresh",
        "sid": str(token.session_id),
        "gen": token.generation,
        "iat": token.issued_at,
        "exp": token.expires_at,
    }


def read_refresh(claims: Mapping[str, Any], issuer: str) -> Refresh:
    """Return typed refresh claims; raise InvalidTokenError if one is missing or odd."""
    kind, its_issuer, session_id, generation, issued, expires = _typed(claims, _REFRESH)
    if kind != "refresh" or its_issuer != issuer:
        raise InvalidTokenError("not for us")
    if not (0 <= generation <= _LARGEST and 0 <= issued <= _LARGEST and 0 <= expires <= _LARGEST):
        raise InvalidTokenError("numbers")
    return Refresh(_id(session_id), generation, issued, expires)


@lru_cache(maxsize=64)
def _head(algorithm: str, kind: str, kid: str) -> str:
    """Return the first part of a token; for each key and kind it is always the same."""
    fields = {"alg": algorithm, "typ": kind} | ({"kid": kid} if kid else {})
    return base64url.encode(compact_json.encode(fields).encode())


@lru_cache(maxsize=64)
def _read_head(part: str) -> tuple[str, str, str]:
    """Return algorithm, kind and key id ("" if none) from the first part of a token; those of our own come again and again."""
    fields = _object(base64url.decode(part))
    algorithm, kind, kid = fields.get("alg"), fields.get("typ"), fields.get("kid", "")
    if not fields.keys() <= _HEADER_FIELDS or not isinstance(algorithm, str) or not isinstance(kind, str):
        raise InvalidTokenError("header")
    if not isinstance(kid, str) or ("kid" in fields and not _KID.fullmatch(kid)):
        raise InvalidTokenError("kid")
    return algorithm, kind, kid


def _object(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode()
        found, end = _from_json(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidTokenError("json") from cause
    if not isinstance(found, dict) or end != len(text):
        raise InvalidTokenError("json")
    return found


def _typed(claims: Mapping[str, Any], wanted: Mapping[str, type]) -> tuple[Any, ...]:
    """Return the wanted claims, each exactly of its type: to isinstance, a bool is an int."""
    said = tuple(map(claims.get, wanted))
    if tuple(map(type, said)) != tuple(wanted.values()):
        raise InvalidTokenError("types")
    return said


def _id(text: str) -> UUID:
    found = ids.parse(text)
    if found is None:
        raise InvalidTokenError("id")
    return found
