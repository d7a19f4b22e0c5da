"""A new passkey is stored only if everything about it is true: an authenticator lies in every field."""

from typing import Any
from uuid import UUID

import pytest

from pwauth_server.rules import authenticators, cose
from pwauth_server.rules.passkeys import BadPasskeyError
from tests.authenticator import (
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    SILENT,
    VERIFIED,
    Authenticator,
    cbor,
    cose_key,
    encode,
    new_key,
    number_bytes,
    rsa_key,
)
from tests.rules.ceremonies import CREATION, device, made

EC: dict[int, Any] = cose_key(new_key())
ED: dict[int, Any] = cose_key(new_key(EDDSA))
RSA: dict[int, Any] = cose_key(new_key(RS256))
#: Two of the points of Ed25519 under which anybody signs anything.
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
ALSO_ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
OFF_CURVE = EC | {-3: (int.from_bytes(EC[-3]) ^ 1).to_bytes(32)}
DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000

LIES: dict[str, dict[str, Any]] = {
    # what the browser says
    "made for signing in": {"client": {"type": "webauthn.get"}},
    "made for nothing": {"client": {"type": SILENT}},
    "another challenge": {"client": {"challenge": encode(b"x" * 32)}},
    "no challenge": {"client": {"challenge": SILENT}},
    "the challenge in another spelling": {"client": {"challenge": CREATION["challenge"] + "="}},
    "a host that ends like ours": {"client": {"origin": "https://evilex.com"}},
    "a host that begins like ours": {"client": {"origin": "https://ex.com.evil.io"}},
    "a host below ours that is not listed": {"client": {"origin": "https://sub.ex.com"}},
    "no TLS": {"client": {"origin": "http://ex.com"}},
    "another port": {"client": {"origin": "https://ex.com:444"}},
    "our port, spelled out": {"client": {"origin": "https://ex.com:443"}},
    "a path": {"client": {"origin": "https://ex.com/"}},
    "upper case": {"client": {"origin": "https://EX.com"}},
    "an opaque origin": {"client": {"origin": "null"}},
    "origin is null": {"client": {"origin": None}},
    "origin is a list": {"client": {"origin": ["https://ex.com"]}},
    "no origin": {"client": {"origin": SILENT}},
    "in somebody's frame": {"client": {"crossOrigin": True}},
    "crossOrigin is a text": {"client": {"crossOrigin": "false"}},
    "crossOrigin is a number": {"client": {"crossOrigin": 0}},
    "a page above ours": {"client": {"topOrigin": "https://evil.io"}},
    "a page above ours that is ours": {"client": {"topOrigin": "https://ex.com"}},
    "client data is a list": {"client_data": b"[]"},
    "client data is no JSON": {"client_data": b"{"},
    "client data is no text": {"client_data": b"\xff"},
    "client data is empty": {"client_data": b""},
    "client data is deep": {"client_data": DEEP},
    # what the authenticator says
    "for the domain above": {"rp_id": "com"},
    "for a domain below": {"rp_id": "sub.ex.com"},
    "nobody was there": {"flags": VERIFIED},
    "nobody was verified": {"flags": PRESENT},
    "copied, but cannot be": {"flags": PRESENT | VERIFIED | 0x10},
    "no key": {"attested": b""},
    "half a key": {"attested": b"a" * 20},
    "something behind the key": {"rest": b"\0"},
    "extensions that are none": {"flags": PRESENT | VERIFIED | 0x80},
    "the id of another one": {"attested_id": b"x" * 32},
    "an id that is too short": {"credential_id": b"x" * 15},
    "an id that is too long": {"credential_id": b"x" * 1024},
    "an id of 5000 bytes": {"credential_id": b"x" * 5000},
    "no id": {"credential_id": b""},
    # the key
    "RSA with SHA-1": {"cose": RSA | {3: -65535}},
    "RSA-PSS": {"cose": RSA | {3: -37}},
    "RSA with SHA-512": {"cose": RSA | {3: -259}},
    "RSA of 1024 bits": {"cose": RSA | {-1: number_bytes(rsa_key(1024).public_key().public_numbers().n)}},
    "RSA of 8192 bits": {"cose": RSA | {-1: b"\xff" * 1024}},
    "RSA of an even number": {"cose": RSA | {-1: RSA[-1][:-1] + b"\0"}},
    "RSA with exponent 1": {"cose": RSA | {-2: b"\x01"}},
    "RSA with a huge exponent": {"cose": RSA | {-2: b"\x01" + b"\0" * 8 + b"\x01"}},
    "ES512": {"cose": EC | {3: -36}},
    "P-384": {"cose": EC | {-1: 2, -2: b"\1" * 48, -3: b"\1" * 48}},
    "P-521 under ES256": {"cose": EC | {-1: 3}},
    "a point off the curve": {"cose": OFF_CURVE},
    "the point at zero": {"cose": EC | {-2: bytes(32), -3: bytes(32)}},
    "a coordinate that is too short": {"cose": EC | {-2: EC[-2][1:]}},
    "a coordinate with a zero in front": {"cose": EC | {-2: b"\0" + EC[-2]}},
    "half a point": {"cose": {label: EC[label] for label in (1, 3, -1, -2)}},
    "a coordinate that is a text": {"cose": EC | {-2: "x" * 32}},
    "Ed448": {"cose": ED | {-1: 7, -2: b"\1" * 57}},
    "an Edwards point off the curve": {"cose": ED | {-2: (2).to_bytes(32, "little")}},
    "an Edwards point out of range": {"cose": ED | {-2: b"\xff" * 32}},
    "the Edwards point of order 1": {"cose": ED | {-2: (1).to_bytes(32, "little")}},
    "the same with its sign turned": {"cose": ED | {-2: (1 + 2**255).to_bytes(32, "little")}},
    "the Edwards point of order 2": {"cose": ED | {-2: (2**255 - 20).to_bytes(32, "little")}},
    "an Edwards point of order 4": {"cose": ED | {-2: bytes(32)}},
    "the other Edwards point of order 4": {"cose": ED | {-2: (2**255).to_bytes(32, "little")}},
    "an Edwards point of order 8": {"cose": ED | {-2: ORDER_8}},
    "another Edwards point of order 8": {"cose": ED | {-2: ALSO_ORDER_8}},
    "an Edwards key under ES256": {"cose": ED | {3: ES256}},
    "ML-DSA": {"cose": {1: 7, 3: -48, -1: b"\1" * 1312}},
    "a key with more than it needs": {"cose": EC | {4: [1]}},
    "a key with its private half": {"cose": EC | {-4: b"d" * 32}},
    "a key of no kind": {"cose": {label: EC[label] for label in (3, -1, -2, -3)}},
    "a key of no algorithm": {"cose": {label: EC[label] for label in (1, -1, -2, -3)}},
    "a key of an unknown algorithm": {"cose": EC | {3: -9}},
    "a key that is a list": {"public": cbor([1, 2, 3])},
    "a key that is a number": {"public": cbor(4)},
    "a raw point": {"public": b"\x04" + EC[-2] + EC[-3]},
    "a key with one label twice": {"public": b"\xa2\x01\x02\x01\x03"},
    "a key that claims more than there is": {"public": b"\x5b" + b"\xff" * 8},
    # the attestation
    "none, but with a statement": {"statement": {"sig": b"x"}},
    "a TPM": {"fmt": "tpm", "statement": {"ver": "2.0", "alg": -257, "sig": b"x", "certInfo": b"x", "pubArea": b"x", "x5c": [b"x"]}},
    "an Android key": {"fmt": "android-key", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
    "SafetyNet": {"fmt": "android-safetynet", "statement": {"ver": "1", "response": b"x"}},
    "Apple": {"fmt": "apple", "statement": {"x5c": [b"x"]}},
    "U2F": {"fmt": "fido-u2f", "statement": {"sig": b"x", "x5c": [b"x"]}},
    "an unknown format": {"fmt": "novel"},
    "no format": {"fmt": ""},
    "a format that is a list": {"fmt": ["none"]},
    "a statement that is a list": {"statement": []},
    "signed by another key": {"fmt": "packed", "signer": new_key()},
    "signed under another algorithm": {"fmt": "packed", "alg": -257},
    "packed without signature": {"fmt": "packed", "statement": {"alg": ES256}},
    "packed with a certificate that is none": {"fmt": "packed", "statement": {"alg": ES256, "sig": b"x", "x5c": [b"junk"]}},
    "packed with certificates that are none": {"fmt": "packed", "statement": {"alg": ES256, "sig": b"x", "x5c": 5}},
    "an attestation that is a number": {"attestation": cbor(1)},
    "an attestation that is empty": {"attestation": b""},
    "an attestation that is deep": {"attestation": b"\x81" * 5000 + b"\0"},
    "an attestation without data": {"attestation": cbor({"fmt": "none", "attStmt": {}})},
    "data that is a text": {"attestation": cbor({"fmt": "none", "attStmt": {}, "authData": "x" * 200})},
    # the JSON around it
    "another type": {"outer": {"type": "password"}},
    "no type": {"outer": {"type": SILENT}},
    "two ids": {"outer": {"rawId": encode(b"y" * 32)}},
    "one id": {"outer": {"rawId": SILENT}},
    "an id that is a number": {"outer": {"id": 5, "rawId": 5}},
    "an id with padding": {"credential_id": b"x" * 32, "outer": {"id": encode(b"x" * 32) + "=", "rawId": encode(b"x" * 32) + "="}},
    "a response that is a list": {"outer": {"response": []}},
    "a response that is a text": {"outer": {"response": "x"}},
    "no response": {"outer": {"response": SILENT}},
    "client data that is a number": {"inner": {"clientDataJSON": 5}},
    "no attestation": {"inner": {"attestationObject": None}},
    "an attestation that is not base64url": {"inner": {"attestationObject": "a+b/"}},
    "an attestation in no alphabet": {"inner": {"attestationObject": "äöü"}},
    "transports of no kind": {"inner": {"transports": ["<x>", 5]}},
    "transports that are a text": {"inner": {"transports": "usb"}},
    "transports that are a map": {"inner": {"transports": {"usb": True}}},
    "transports in transports": {"inner": {"transports": [["usb"]]}},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_refused(lie: dict[str, Any]) -> None:
    """Whatever is wrong is refused as one error, and nothing else is raised (SEC-42, SEC-43, SEC-46, SEC-47)."""
    with pytest.raises(BadPasskeyError):
        made(device().make(CREATION, **lie))


@pytest.mark.parametrize("fmt", ("none", "packed"))
@pytest.mark.parametrize("algorithm", (ES256, EDDSA, RS256))
def test_each_kind_of_key_is_taken(algorithm: int, fmt: str) -> None:
    """Every algorithm that we offer, without attestation and with the authenticator's own (SEC-46)."""
    authenticator = device(algorithm=algorithm)
    found = made(authenticator.make(CREATION, fmt=fmt))
    assert found.credential_id == authenticator.credential_id
    assert found.public_key == cbor(cose_key(authenticator.key))
    assert (found.sign_count, found.aaguid, found.transports) == (0, authenticator.aaguid, ("hybrid", "internal"))


def test_what_an_authenticator_says_of_itself_is_kept() -> None:
    """Counter and backup flags are what later answers are compared with (SEC-43, SEC-45)."""
    fixed, synced = made(device(sign_count=7).make(CREATION)), made(device(synced=True).make(CREATION))
    assert (fixed.sign_count, fixed.backup_eligible, fixed.backed_up) == (7, False, False)
    assert (synced.sign_count, synced.backup_eligible, synced.backed_up) == (0, True, True)
    waiting = made(device().make(CREATION, flags=PRESENT | VERIFIED | 0x08))
    assert (waiting.backup_eligible, waiting.backed_up) == (True, False)


@pytest.mark.parametrize("length", (16, 1023))
def test_the_shortest_and_the_longest_id_are_taken(length: int) -> None:
    """Sixteen bytes can be random, and 1023 is what authenticators may use (SEC-46)."""
    assert len(made(device().make(CREATION, credential_id=b"i" * length)).credential_id) == length


def test_every_listed_origin_counts() -> None:
    """A related origin is as good as the first one (SEC-42)."""
    assert made(Authenticator("https://app.ex.com", "ex.com").make(CREATION)).aaguid == device().aaguid


@pytest.mark.parametrize("said", (None, [], ["usb", "nfc", "usb"]))
def test_an_authenticator_may_be_silent_about_transports(said: list[str] | None) -> None:
    """Older browsers do not say, and nobody has to say it once only."""
    assert made(device().make(CREATION, inner={"transports": said})).transports == tuple(sorted(set(said or [])))


def test_what_browsers_add_is_no_lie() -> None:
    """Fields that we do not know, and an old one that is still sent, change nothing (WebAuthn L3 section 5.8.1.1)."""
    client = {"other_keys_can_be_added_here": "x", "tokenBinding": {"status": "supported"}, "crossOrigin": SILENT}
    outer = {"authenticatorAttachment": "novel", "clientExtensionResults": {"credProps": {"rk": True}}}
    assert made(device().make(CREATION, client=client, outer=outer, inner={"publicKey": "x", "publicKeyAlgorithm": -7})).sign_count == 0


def test_an_rsa_key_of_4096_bits_is_taken() -> None:
    """The largest that is allowed (SEC-46)."""
    assert cose.load(RSA | {-1: (2**4096 - 1).to_bytes(512)}) is not None


def test_authenticators_have_names() -> None:
    """What people know by a name is shown by it, all else as a passkey."""
    assert authenticators.name_of(UUID("fbfc3007-154e-4ecc-8c0b-6e020557d7bd")) == "iCloud Keychain"
    assert authenticators.name_of(UUID(int=0)) == "Passkey"
