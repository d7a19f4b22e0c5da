"""Public keys as the world reads them (RFC 7517), and the name that follows from a key (RFC 7638)."""

import hashlib
import json
from collections.abc import Mapping

from pwauth_server.rules import base64url
from pwauth_server.rules.signatures import ALGORITHMS, Key


def public_jwk(key: Key) -> dict[str, str]:
    """Return the public JWK of a key, without any private member."""
    jwk: dict[str, str] = ALGORITHMS[key.algorithm].to_jwk(key.public, as_dict=True)
    members = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    return members | {"kid": key.kid, "alg": key.algorithm, "use": "sig"}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint of an EC or OKP public JWK: our ``kid``."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return base64url.encode(hashlib.sha256(canonical).digest())
