"""What authenticators are asked, and what is said of people who have none."""

from pwauth_server.rules import passkey_options
from pwauth_server.rules.passkey_options import Descriptor
from tests.authenticator import decode
from tests.rules.ceremonies import CHALLENGE, CREATION, OWNER, REQUEST

KEY = b"k" * 32


def test_a_new_passkey_must_be_found_and_must_verify() -> None:
    """A passkey signs in without an address, and proves a person besides the device (SEC-43, SEC-44, SEC-46)."""
    assert CREATION["authenticatorSelection"] == {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert [it["alg"] for it in CREATION["pubKeyCredParams"]] == [-7, -8, -257]
    assert (CREATION["attestation"], CREATION["extensions"], CREATION["timeout"]) == ("none", {"credProps": True}, 300_000)
    assert decode(CREATION["user"]["id"]) == OWNER.handle
    assert (CREATION["user"]["name"], CREATION["user"]["displayName"]) == ("a@ex.com", "a@ex.com")
    assert (CREATION["rp"], decode(CREATION["challenge"])) == ({"id": "ex.com", "name": "Ex"}, CHALLENGE)


def test_what_one_has_is_named() -> None:
    """An authenticator that holds a passkey already makes no second one (SEC-46)."""
    own = (Descriptor(b"\1" * 16, ("usb",)), Descriptor(b"\2" * 16, ()))
    asked = passkey_options.creation(rp_id="ex.com", rp_name="Ex", owner=OWNER, challenge=CHALLENGE, own=own, life=300.0)
    assert asked["excludeCredentials"] == [
        {"type": "public-key", "id": "AQEBAQEBAQEBAQEBAQEBAQ", "transports": ["usb"]},
        {"type": "public-key", "id": "AgICAgICAgICAgICAgICAg", "transports": []},
    ]


def test_signing_in_verifies_the_person() -> None:
    """Presence alone is no sign-in (SEC-43)."""
    assert (REQUEST["userVerification"], REQUEST["rpId"], REQUEST["timeout"]) == ("required", "ex.com", 300_000)
    assert (decode(REQUEST["challenge"]), REQUEST["allowCredentials"]) == (CHALLENGE, [])


def test_decoys_look_real_and_stay_the_same() -> None:
    """One or two per address, in the lengths and transports that occur, always the same ones (SEC-41)."""
    many = {f"{number}@ex.com": passkey_options.decoys(KEY, f"{number}@ex.com") for number in range(400)}
    assert many == {email: passkey_options.decoys(KEY, email) for email in many}
    assert {len(found) for found in many.values()} == {1, 2}
    every = [it for found in many.values() for it in found]
    assert {len(it.credential_id) for it in every} == {16, 20, 32, 64}
    assert len({it.credential_id for it in every}) == len(every)
    assert {it.transports for it in every} == {("hybrid", "internal"), ("internal",), ("nfc", "usb")}
    counted = [sum(len(it.credential_id) == length for it in every) for length in (16, 20, 32, 64)]
    assert min(counted) > len(every) / 8


def test_decoys_cannot_be_computed_without_the_key() -> None:
    """Whoever knows how they are made still does not know which they are (SEC-41)."""
    assert passkey_options.decoys(KEY, "a@ex.com") != passkey_options.decoys(b"j" * 32, "a@ex.com")
