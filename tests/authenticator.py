"""An authenticator and its browser in software: honest by default, and able to lie in every field."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

ES256, EDDSA, RS256 = -7, -8, -257
#: Bits of the flags (WebAuthn L3 section 6.1).
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40

GOOGLE = UUID("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")

Private = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
#: A lie that stands for "say nothing at all".
SILENT: Any = object()

_seeds = count(1)


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> RSAPrivateKey:
    """Return an RSA key: always the same one, because making one takes long."""
    return generate_private_key(public_exponent=exponent, key_size=bits)


def new_key(algorithm: int = ES256) -> Private:
    """Return a private key that nobody else has, but for RSA."""
    seed = sha256(b"authenticator %d" % next(_seeds)).digest()
    if algorithm == RS256:
        return rsa_key()
    return Ed25519PrivateKey.from_private_bytes(seed) if algorithm == EDDSA else derive_private_key(int.from_bytes(seed), SECP256R1())


def cose_key(key: Private) -> dict[int, Any]:
    """Return the public half as a COSE_Key map."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    if isinstance(key, RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: number_bytes(numbers.n), -2: number_bytes(numbers.e)}
    point = public.public_numbers()  # type: ignore[union-attr] # the other kinds were seen to above
    return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}  # type: ignore[union-attr]


def number_bytes(number: int) -> bytes:
    """Return a number in as few bytes as it takes."""
    return number.to_bytes((number.bit_length() + 7) // 8)


def sign(key: Private, data: bytes) -> bytes:
    """Return a signature under the key's own algorithm."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PKCS1v15(), SHA256())
    return key.sign(data, ECDSA(SHA256()))


def cbor(value: Any) -> bytes:
    """Return canonical CBOR (RFC 8949) of numbers, bytes, texts, lists, maps and truth values."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(item) for item in value)
    return _head(5, len(value)) + b"".join(cbor(name) + cbor(item) for name, item in value.items())


def _head(major: int, number: int) -> bytes:
    for size, mark in ((0, number), (1, 24), (2, 25), (4, 26), (8, 27)):
        if (size == 0 and number < 24) or (size and number < 256**size):
            return bytes([major << 5 | mark]) + (number.to_bytes(size) if size else b"")
    raise OverflowError(number)


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of base64url."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey on one device, and the browser in front of it."""

    origin: str = "http://localhost:3000"
    rp_id: str = "localhost"
    algorithm: int = ES256
    #: Synchronised passkeys say so, and count nothing.
    synced: bool = False
    aaguid: UUID = GOOGLE
    sign_count: int = 0
    key: Private = field(init=False)
    credential_id: bytes = field(init=False)
    user_handle: bytes | None = None

    def __post_init__(self) -> None:
        """Make a key and an id for it."""
        self.key = new_key(self.algorithm)
        self.credential_id = sha256(cbor(cose_key(self.key)) + b"%d" % next(_seeds)).digest()

    def make(self, options: Mapping[str, Any], **lies: Any) -> dict[str, Any]:
        """Answer creation options: ``navigator.credentials.create()`` and ``toJSON()``."""
        self.user_handle = decode(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options, lies)
        public = lies.get("public", cbor(lies.get("cose", cose_key(self.key))))
        credential_id = lies.get("attested_id", lies.get("credential_id", self.credential_id))
        attested = lies.get("aaguid", self.aaguid).bytes + len(credential_id).to_bytes(2) + credential_id + public
        data = self._authenticator_data(lies, ATTESTED) + lies.get("attested", attested) + lies.get("rest", b"")
        statement = lies.get("statement", {})
        if lies.get("fmt") == "packed" and "statement" not in lies:
            signature = sign(lies.get("signer", self.key), data + sha256(client_data).digest())
            statement = {"alg": lies.get("alg", self.algorithm), "sig": signature}
        attestation = {"fmt": lies.get("fmt", "none"), "attStmt": statement, "authData": data}
        inner = {"attestationObject": encode(lies.get("attestation", cbor(attestation))), "transports": ["internal", "hybrid"]}
        return self._credential(client_data, inner, lies)

    def use(self, options: Mapping[str, Any], **lies: Any) -> dict[str, Any]:
        """Answer request options: ``navigator.credentials.get()`` and ``toJSON()``."""
        self.sign_count += 0 if self.synced else 1
        client_data = self._client_data("webauthn.get", options, lies)
        data = self._authenticator_data(lies, 0) + lies.get("rest", b"")
        signature = sign(lies.get("signer", self.key), data + sha256(client_data).digest())
        inner = {"authenticatorData": encode(data), "signature": encode(lies.get("signature", signature))}
        handle = lies.get("user_handle", self.user_handle)
        return self._credential(client_data, inner | ({} if handle in (SILENT, None) else {"userHandle": encode(handle)}), lies)

    def _client_data(self, kind: str, options: Mapping[str, Any], lies: Mapping[str, Any]) -> bytes:
        honest = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        said = {name: value for name, value in (honest | lies.get("client", {})).items() if value is not SILENT}
        return bytes(lies.get("client_data", json.dumps(said).encode()))

    def _authenticator_data(self, lies: Mapping[str, Any], more: int) -> bytes:
        honest = PRESENT | VERIFIED | (ELIGIBLE | BACKED_UP if self.synced else 0)
        flags: int = lies.get("flags", honest) | more
        number: int = lies.get("sign_count", self.sign_count)
        return sha256(lies.get("rp_id", self.rp_id).encode()).digest() + flags.to_bytes() + number.to_bytes(4)

    def _credential(self, client_data: bytes, inner: dict[str, Any], lies: Mapping[str, Any]) -> dict[str, Any]:
        shown = encode(lies.get("credential_id", self.credential_id))
        outer = {
            "id": shown,
            "rawId": shown,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {"clientDataJSON": encode(client_data)} | inner | lies.get("inner", {}),
        } | lies.get("outer", {})
        return {name: value for name, value in outer.items() if value is not SILENT}
