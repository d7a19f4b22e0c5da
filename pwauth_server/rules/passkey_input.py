"""Reading what a browser says that an authenticator said: strictly, because nothing of it is signed yet (SEC-42, SEC-47)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pwauth_server.rules import base64url

CREATE, GET = "webauthn.create", "webauthn.get"
TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})
#: Length of a credential id in bytes (WebAuthn L3 sections 4 and 7.1).
MIN_ID, MAX_ID = 16, 1023


class BadPasskeyError(ValueError):
    """An authenticator's answer that does not count; which part is wrong is nobody's business but the log's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A `PublicKeyCredential` as JSON, with its parts decoded."""

    credential_id: bytes
    client_data: bytes
    #: Null where the authenticator did not say whose the passkey is.
    user_handle: bytes | None
    #: What only registrations say.
    transports: tuple[str, ...]
    #: The same for the library: nothing but fields that were looked at.
    plain: dict[str, Any]


def decode(text: Any) -> bytes:
    """Return the bytes of base64url in its one canonical spelling; raise BadPasskeyError for anything else."""
    if not isinstance(text, str):
        raise BadPasskeyError("not a text")
    try:
        return base64url.decode(text)
    except ValueError as cause:
        raise BadPasskeyError("base64url") from cause


def read(response: Mapping[str, Any], *signed: str) -> Answer:
    """Return what a browser sent, if it is complete; ``signed`` names the fields of its `response` that we need."""
    inner = response.get("response")
    if not isinstance(inner, dict) or response.get("type") != "public-key":
        raise BadPasskeyError("shape")
    credential_id = decode(response.get("id"))
    if response.get("rawId") != response.get("id") or not MIN_ID <= len(credential_id) <= MAX_ID:
        raise BadPasskeyError("credential id")
    fields = {name: inner.get(name) for name in ("clientDataJSON", *signed)}
    decoded = {name: decode(value) for name, value in fields.items()}
    handle = inner.get("userHandle")
    return Answer(
        credential_id=credential_id,
        client_data=decoded["clientDataJSON"],
        user_handle=None if handle is None else decode(handle),
        transports=_transports(inner.get("transports")),
        plain={"id": response["id"], "rawId": response["id"], "type": "public-key", "response": fields},
    )


def check_client_data(raw: bytes, *, kind: str, challenge: bytes, origins: Sequence[str]) -> None:
    """Raise BadPasskeyError unless a page of ours asked for exactly this (WebAuthn L3 section 5.8.1)."""
    try:
        said = json.loads(raw.decode())
    except (ValueError, RecursionError) as cause:
        raise BadPasskeyError("client data") from cause
    if not isinstance(said, dict) or said.get("type") != kind or said.get("challenge") != base64url.encode(challenge):
        raise BadPasskeyError("client data")
    # Compared as texts: whoever parses an origin may be talked into a scheme, a port or a host of the same ending.
    if said.get("origin") not in origins:
        raise BadPasskeyError("origin")
    # Our pages are in nobody's frame.
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise BadPasskeyError("cross origin")


def _transports(said: Any) -> tuple[str, ...]:
    if said is None:
        return ()
    if not isinstance(said, list) or not all(isinstance(word, str) and word in TRANSPORTS for word in said):
        raise BadPasskeyError("transports")
    return tuple(sorted(set(said)))
