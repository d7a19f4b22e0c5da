"""When a passkey is stored, and when it is believed (SEC-42 to SEC-47; WebAuthn L3 sections 7.1 and 7.2).

py_webauthn takes answers apart and verifies signatures. It leaves to its caller: the cross-origin flags, whose the
passkey is, what keys and ids are sound, whether a passkey changed its kind, what a counter means. That is here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pwauth_server.rules import cose, passkey_input, secrets
from pwauth_server.rules.passkey_input import BadPasskeyError

#: Others take `BadPasskeyError` from here.
__all__ = ["BadPasskeyError"]

_SYNCED = "multi_device"


@dataclass(frozen=True, slots=True)
class Site:
    """Who we are to authenticators: our domain, and the exact origins of pages that may ask."""

    rp_id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What an authenticator made."""

    credential_id: bytes
    #: COSE_Key.
    public_key: bytes
    sign_count: int
    #: Whether a provider may synchronise it (BE), and whether one does (BS).
    backup_eligible: bool
    backed_up: bool
    transports: tuple[str, ...]
    aaguid: UUID


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of a passkey that is shown."""

    public_key: bytes
    #: None for a passkey of another server, which did not keep it: then the first use tells.
    backup_eligible: bool | None
    #: What authenticators know its owner by.
    handle: bytes


@dataclass(frozen=True, slots=True)
class Use:
    """What an authenticator said that used a passkey: its counter, whether it may be synchronised (BE), and is (BS)."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


#: Compared with where there is no such passkey, so that this takes as long (SEC-41); the private half was thrown away.
NOBODY = Known(
    bytes.fromhex(
        "a501020326200121582076c9bed5d0930fe123751120044cfaad1c438dd3d287e17a550340066dd72a4f"
        "2258205fbd0bdc42a7f708aac0662660c465406f7fb8aa8744eb304eb0acdb4ef961f0"
    ),
    backup_eligible=False,
    handle=b"",
)


def claimed_id(response: Mapping[str, Any]) -> bytes | None:
    """Return the credential id that an answer names, to look it up; None if it names none."""
    try:
        return passkey_input.decode(response.get("id"))
    except BadPasskeyError:
        return None


def verify_new(response: Mapping[str, Any], *, challenge: bytes, site: Site) -> NewPasskey:
    """Return the passkey that an authenticator made for ``challenge``; raise BadPasskeyError for whatever is wrong."""
    try:
        return _verify_new(response, challenge, site)
    except BadPasskeyError:
        raise
    except Exception as cause:  # the library lets KeyError, ValueError and more through for malformed parts (SEC-47)
        raise BadPasskeyError("malformed") from cause


def verify_use(response: Mapping[str, Any], *, challenge: bytes, site: Site, known: Known, is_named: bool) -> Use:
    """Return what an authenticator said for ``challenge`` with a known passkey; raise BadPasskeyError otherwise.

    ``is_named`` says that the options named the owner; if not, the authenticator has to (SEC-44). The counter is
    for the caller to judge, in the transaction that writes it: see `has_moved_on`.
    """
    try:
        return _verify_use(response, challenge, site, known, is_named=is_named)
    except BadPasskeyError:
        raise
    except Exception as cause:  # as above
        raise BadPasskeyError("malformed") from cause


def has_moved_on(*, stored: int, said: int) -> bool:
    """Tell whether a counter is one that the same authenticator could show next (SEC-45; WebAuthn L3 section 6.1.1).

    Synchronised passkeys count nothing: they say 0 for ever.
    """
    return said > stored or said == stored == 0


def is_sound(public_key: bytes) -> bool:
    """Tell whether bytes are a COSE_Key of a kind that we take."""
    from webauthn.helpers import parse_cbor  # noqa: PLC0415 - see tests/house

    try:
        cose.load(parse_cbor(public_key))
    except Exception:  # noqa: BLE001 - as above
        return False
    return True


def is_loaded() -> bool:
    """Tell whether the library that verifies answers is in memory."""
    return "webauthn" in sys.modules


def load() -> None:
    """Bring the library into memory: a tenth of a second and 5 MB, once."""
    import webauthn  # noqa: F401, PLC0415 - see tests/house


def _verify_new(response: Mapping[str, Any], challenge: bytes, site: Site) -> NewPasskey:
    import webauthn  # noqa: PLC0415 - see tests/house
    from webauthn.helpers import parse_cbor  # noqa: PLC0415

    answer = passkey_input.read(response, "attestationObject")
    passkey_input.check_client_data(answer.client_data, kind=passkey_input.CREATE, challenge=challenge, origins=site.origins)
    _check_format(parse_cbor(passkey_input.decode(answer.plain["response"]["attestationObject"])))
    made = webauthn.verify_registration_response(
        credential=answer.plain,
        expected_challenge=challenge,
        expected_rp_id=site.rp_id,
        expected_origin=list(site.origins),
        require_user_verification=True,
    )
    if made.credential_id != answer.credential_id:
        raise BadPasskeyError("credential id")
    cose.load(parse_cbor(made.credential_public_key))
    return NewPasskey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        backup_eligible=made.credential_device_type == _SYNCED,
        backed_up=made.credential_backed_up,
        transports=answer.transports,
        aaguid=UUID(made.aaguid),
    )


def _check_format(attestation: Any) -> None:
    """Raise BadPasskeyError for a format that we do not read, or a statement where there should be none.

    We ask for no attestation; some browsers hand on one that the authenticator signed for itself.
    """
    match attestation:
        case {"fmt": "none", "attStmt": {} as statement} if not statement:
            return
        case {"fmt": "packed", "attStmt": {}}:
            return
    raise BadPasskeyError("format")


def _verify_use(response: Mapping[str, Any], challenge: bytes, site: Site, known: Known, *, is_named: bool) -> Use:
    import webauthn  # noqa: PLC0415

    answer = passkey_input.read(response, "authenticatorData", "signature")
    passkey_input.check_client_data(answer.client_data, kind=passkey_input.GET, challenge=challenge, origins=site.origins)
    used = webauthn.verify_authentication_response(
        credential=answer.plain,
        expected_challenge=challenge,
        expected_rp_id=site.rp_id,
        expected_origin=list(site.origins),
        credential_public_key=known.public_key,
        # The library would judge the counter before the signature: then anybody could raise an alarm.
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    backup_eligible = used.credential_device_type == _SYNCED
    if known.backup_eligible not in {None, backup_eligible}:
        raise BadPasskeyError("backup eligibility")
    if answer.user_handle is None:
        if not is_named:
            raise BadPasskeyError("user handle")
    elif not secrets.same(answer.user_handle, known.handle):
        raise BadPasskeyError("user handle")
    return Use(used.new_sign_count, backup_eligible, used.credential_backed_up)
