"""What authenticators are asked: the JSON that browsers' `parse…OptionsFromJSON` take (WebAuthn L3 section 5.1)."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pwauth_server.rules import cose
from pwauth_server.rules.base64url import encode

CHALLENGE_BYTES = 32
HANDLE_BYTES = 64

#: Lengths of credential ids with the transports that go with them: phones, keychains, computers, security keys.
_LIKELY = ((16, ("hybrid", "internal")), (20, ("hybrid", "internal")), (32, ("internal",)), (64, ("nfc", "usb")))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A passkey as options name it."""

    credential_id: bytes
    transports: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return a `PublicKeyCredentialDescriptorJSON`."""
        return {"type": "public-key", "id": encode(self.credential_id), "transports": list(self.transports)}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a new passkey will be, as authenticators show and remember it."""

    #: Random bytes: an authenticator may give them to whoever holds it (WebAuthn L3 section 14.6.1).
    handle: bytes
    email: str
    name: str


def creation(*, rp_id: str, rp_name: str, owner: Owner, challenge: bytes, own: Sequence[Descriptor], life: float) -> dict[str, Any]:
    """Return `PublicKeyCredentialCreationOptionsJSON`; ``own`` are the passkeys that the person has, ``life`` is in seconds."""
    return {
        "rp": {"id": rp_id, "name": rp_name},
        "user": {"id": encode(owner.handle), "name": owner.email, "displayName": owner.name or owner.email},
        "challenge": encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in cose.ALGORITHMS],
        "timeout": int(life * 1000),
        "excludeCredentials": [it.as_json() for it in own],
        "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request(*, rp_id: str, challenge: bytes, allowed: Sequence[Descriptor], life: float) -> dict[str, Any]:
    """Return `PublicKeyCredentialRequestOptionsJSON`; nothing ``allowed`` means any passkey that the device knows of us."""
    return {
        "challenge": encode(challenge),
        "timeout": int(life * 1000),
        "rpId": rp_id,
        "allowCredentials": [it.as_json() for it in allowed],
        "userVerification": "required",
    }


def decoys(key: bytes, email: str) -> tuple[Descriptor, ...]:
    """Return the passkeys of somebody who has none: one or two, always the same for an address and a key (SEC-41)."""
    dice = hmac.digest(key, f"dice:{email}".encode(), "sha256")
    return tuple(_decoy(key, email, number, dice[1 + number]) for number in range(1 + dice[0] % 2))


def _decoy(key: bytes, email: str, number: int, die: int) -> Descriptor:
    length, transports = _LIKELY[die % len(_LIKELY)]
    return Descriptor(hmac.digest(key, f"{number}:{email}".encode(), "sha512")[:length], transports)
