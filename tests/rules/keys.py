"""Keys and tokens for the tests of tokens: honest ones, and a forge for all others."""

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pwauth_server.rules import signatures, tokens
from pwauth_server.rules.signatures import Key
from pwauth_server.rules.tokens import Access, InvalidTokenError

#: Of P-256, as NIST SP 800-186 has it.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ISSUER, AUDIENCE, LIFE = "https://auth.ex.com", "https://api.ex.com", 900
NOW = 1_767_225_600

_EC = derive_private_key(0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF, SECP256R1())
_ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ES256 = Key("es", "ES256", _EC, _EC.public_key())
EDDSA = Key("ed", "EdDSA", _ED, _ED.public_key())
HS256 = Key("", "HS256", b"0f1e2d3c4b5a69788796a5b4c3d2e1f0", b"0f1e2d3c4b5a69788796a5b4c3d2e1f0")
ALL = (ES256, EDDSA, HS256)

ACCESS = Access(
    issuer=ISSUER,
    audience=AUDIENCE,
    subject=UUID(int=1),
    session_id=UUID(int=2),
    token_id="jti",
    issued_at=NOW,
    expires_at=NOW + LIFE,
    auth_time=NOW - 5,
    email="a@ex.com",
    email_verified=True,
    amr=("email",),
    acr="email",
    roles=(),
)


def read(token: str, key: Key) -> Access:
    """Check a token the way a key set does."""
    parsed = tokens.parse(token)
    if parsed.kid != key.kid:
        raise InvalidTokenError("kid")
    return tokens.read_access(tokens.verify(parsed, key, tokens.ACCESS_TYPE), issuer=ISSUER, audience=AUDIENCE, longest=LIFE)


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    """Return one part of a token for a JSON value."""
    return encode(json.dumps(value).encode())


def forge(header: Any, payload: Any, signature: bytes = b"x" * 64) -> str:
    """Return a token with any header, payload and signature."""
    return f"{part(header)}.{part(payload)}.{encode(signature)}"


def forge_hs256(header: dict[str, Any], payload: Any, secret: bytes) -> str:
    """Return a token signed by HMAC with whatever an attacker takes for the secret."""
    signed = f"{part(header)}.{part(payload)}"
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def forge_signed(header: Any, payload: Any, key: Key) -> str:
    """Return a token with any header and payload and a good signature: what a thief of the key could make."""
    signed = f"{part(header)}.{part(payload)}"
    return f"{signed}.{encode(signatures.make(key, signed.encode()))}"
