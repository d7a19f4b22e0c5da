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
_from_json = json.JSONDecoder().decode


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


def sign(key: Key, kind: str, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS over ``claims`` with ``typ`` set to ``kind``."""
    signed = f"{_head(key.algorithm, kind, key.kid)}.{base64url.encode(compact_json.encode(claims).encode())}"
    return f"{signed}.{base64url.encode(signatures.make(key, signed.encode()))}"


def key_id_of(token: str) -> str:
    """Return the key id a token names ("" if none) after checking its spelling and header.

    Raises InvalidTokenError for anything but three canonical base64url parts under ``alg typ kid``:
    no ``crit``, ``jku``, ``jwk``, ``x5u``, ``x5c`` or ``zip`` (SEC-20), no padding, spare bits or
    white space that would make one token look like several (SEC-23).
    """
    return _parse(token).head.kid


def verify(token: str, key: Key, kind: str) -> dict[str, Any]:
    """Return the claims of a token of one kind, signed by one key under that key's algorithm.

    The algorithm is the key's, never the token's (RFC 8725 section 3.1). Nothing about time is
    looked at here, so the answer may be kept. Raises InvalidTokenError.
    """
    parsed = _parse(token)
    if parsed.head.algorithm != key.algorithm or not signatures.fits(key, parsed.signed, parsed.signature):
        raise InvalidTokenError("signature")
    if parsed.head.kind != kind:
        raise InvalidTokenError("typ")
    return _object(parsed.payload)


def read_access(claims: Mapping[str, Any], *, issuer: str, audience: str, longest: int) -> Access:
    """Return typed access claims; raise InvalidTokenError if one is missing, odd or not for us.

    ``longest`` is the configured life in seconds: a token that claims more is not ours (SEC-21).
    """
    verified = claims.get("email_verified", True)
    expected = audience if verified else unverified_audience(issuer)
    if claims.get("kind") != "access" or claims.get("iss") != issuer or claims.get("aud") != expected:
        raise InvalidTokenError("not for us")
    if "email_verified" not in claims or not isinstance(verified, bool):
        raise InvalidTokenError("email_verified")
    issued, expires = _whole(claims, "iat"), _whole(claims, "exp")
    if _whole(claims, "nbf") != issued or not 0 < expires - issued <= longest:
        raise InvalidTokenError("times")
    return Access(
        issuer=issuer,
        audience=expected,
        subject=_id(claims, "sub"),
        session_id=_id(claims, "sid"),
        token_id=_text(claims, "jti"),
        issued_at=issued,
        expires_at=expires,
        auth_time=_whole(claims, "auth_time"),
        email=_text(claims, "email") if verified else None,
        email_verified=verified,
        amr=_texts(claims, "amr"),
        acr=_text(claims, "acr"),
        roles=_texts(claims, "roles"),
    )


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
    if claims.get("kind") != "refresh" or claims.get("iss") != issuer:
        raise InvalidTokenError("not for us")
    return Refresh(
        session_id=_id(claims, "sid"),
        generation=_whole(claims, "gen"),
        issued_at=_whole(claims, "iat"),
        expires_at=_whole(claims, "exp"),
    )


class _Head(NamedTuple):
    algorithm: str
    kind: str
    kid: str


class _Parsed(NamedTuple):
    head: _Head
    signed: bytes
    payload: bytes
    signature: bytes


@lru_cache(maxsize=64)
def _head(algorithm: str, kind: str, kid: str) -> str:
    """Return the first part of a token; for each key and kind it is always the same."""
    fields = {"alg": algorithm, "typ": kind} | ({"kid": kid} if kid else {})
    return base64url.encode(compact_json.encode(fields).encode())


@lru_cache(maxsize=64)
def _read_head(part: str) -> _Head:
    """Read the first part of a token; the heads of our own tokens come again and again."""
    fields = _object(base64url.decode(part))
    algorithm, kind, kid = fields.get("alg"), fields.get("typ"), fields.get("kid", "")
    if not fields.keys() <= _HEADER_FIELDS or not isinstance(algorithm, str) or not isinstance(kind, str):
        raise InvalidTokenError("header")
    if not isinstance(kid, str) or ("kid" in fields and not _KID.fullmatch(kid)):
        raise InvalidTokenError("kid")
    return _Head(algorithm, kind, kid)


@lru_cache(maxsize=4)
def _parse(token: str) -> _Parsed:
    """Take a token apart; it is asked for its key id first and verified right after."""
    parts = token.split(".")
    if len(token) > MAX_LENGTH or len(parts) != _PARTS or not all(parts):
        raise InvalidTokenError("spelling")
    head, payload, signature = parts
    try:
        return _Parsed(_read_head(head), f"{head}.{payload}".encode(), base64url.decode(payload), base64url.decode(signature))
    except ValueError as cause:
        raise InvalidTokenError(*cause.args) from cause


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = _from_json(raw.decode())
    except (ValueError, RecursionError) as cause:
        raise InvalidTokenError("json") from cause
    if not isinstance(found, dict):
        raise InvalidTokenError("json")
    return found


def _whole(claims: Mapping[str, Any], name: str) -> int:
    found = claims.get(name)
    if type(found) is not int or not 0 <= found <= _LARGEST:  # bool is an int to isinstance
        raise InvalidTokenError(name)
    return found


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or not found:
        raise InvalidTokenError(name)
    return found


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = claims.get(name)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InvalidTokenError(name)
    return tuple(found)


def _id(claims: Mapping[str, Any], name: str) -> UUID:
    found = ids.parse(_text(claims, name))
    if found is None:
        raise InvalidTokenError(name)
    return found
