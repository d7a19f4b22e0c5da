"""Tokens made by hand: read, changed and signed with whatever key a test has."""

import base64
import hashlib
import hmac
import json
from typing import Any


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> Any:
    """Return the JSON of one part of a token."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header(token: str) -> dict[str, Any]:
    """Return a token's header."""
    found: dict[str, Any] = decode(token.partition(".")[0])
    return found


def claims(token: str) -> dict[str, Any]:
    """Return a token's claims."""
    found: dict[str, Any] = decode(token.split(".")[1])
    return found


def hs256(head: dict[str, Any], content: Any, secret: bytes) -> str:
    """Return a token signed by HMAC-SHA256."""
    signed = ".".join(encode(json.dumps(part).encode()) for part in (head, content))
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def unsigned(head: dict[str, Any], content: Any, signature: bytes = b"") -> str:
    """Return a token with a made-up signature."""
    return ".".join([*(encode(json.dumps(part).encode()) for part in (head, content)), encode(signature)])
