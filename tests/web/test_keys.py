"""Public keys: published, confused, rotated and dropped while the server runs."""

import base64
import hashlib
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.people import Device, Person
from tests.server import Server
from tests.web.tokens import claims, encode, header, hs256, unsigned


def published(device: Device) -> dict[str, dict[str, str]]:
    """Return the public keys by their id."""
    return {key["kid"]: key for key in device.get("/.well-known/jwks.json").json()["keys"]}


def test_the_public_keys_are_public_and_no_more(device: Device) -> None:
    """Current and next key, named by their thumbprint, cachable for five minutes, without private members (SEC-24)."""
    answer = device.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert len(answer.json()["keys"]) >= 2
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
        members = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        assert key["kid"] == encode(hashlib.sha256(members.encode()).digest())


def test_anybody_can_verify_a_token_with_the_published_keys(alice: Person) -> None:
    """A relying party needs the JWKS and a library, nothing else (SEC-20, SEC-21)."""
    token = alice.sign_in().tokens["access_token"]
    key = jwt.PyJWK(published(alice.device())[header(token)["kid"]])
    found = jwt.decode(token, key, algorithms=["ES256"], audience=alice.server.public_url, issuer=alice.server.public_url)
    assert found["email"] == alice.address


@pytest.mark.parametrize("alg", ("HS256", "HS384", "HS512"))
def test_a_public_key_is_no_secret(alice: Person, alg: str) -> None:
    """HMAC over any spelling of a public key is refused, whatever algorithm the header claims (SEC-20)."""
    phone = alice.sign_in()
    token = phone.tokens["access_token"]
    own = published(phone)[header(token)["kid"]]
    public = jwt.PyJWK(own).key
    jwks = phone.get("/.well-known/jwks.json").content
    secrets = [jwks, json.dumps(own).encode(), own["x"].encode(), own["kid"].encode(), b"", b"\0"]
    secrets += [base64.urlsafe_b64decode(own["x"] + "=")]
    secrets += [public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo) for encoding in (Encoding.PEM, Encoding.DER)]
    for secret in secrets:
        for head in ({"alg": alg, "typ": "at+jwt", "kid": own["kid"]}, {"alg": alg, "typ": "at+jwt"}, header(token)):
            assert phone.get("/me", token=hs256(head, claims(token), secret)).status_code == 401


def test_a_key_of_ones_own_signs_nothing(alice: Person) -> None:
    """Neither embedded nor under a published name, and no signature of zeros (SEC-20)."""
    phone = alice.sign_in()
    token = phone.tokens["access_token"]
    mine = generate_private_key(SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(mine.public_key()))
    for extra in ({}, {"jwk": jwk}, {"kid": "mine"}, {"kid": "../../dev/null"}, {"kid": "x' OR 1=1--"}, {"kid": "x" * 65}, {"crit": ["x"]}):
        forged = jwt.encode(claims(token), mine, algorithm="ES256", headers=header(token) | extra)
        assert phone.get("/me", token=forged).status_code == 401
    for signature in (b"\0" * 64, b"\0" * 63 + b"\1", b"\xff" * 64, b""):
        assert phone.get("/me", token=unsigned(header(token), claims(token), signature)).status_code == 401


def test_rotation_logs_nobody_out(server: Server, alice: Person) -> None:
    """The old key verifies on, the new one signs from now, and both are published (SEC-24)."""
    phone = alice.sign_in()
    old = phone.tokens["access_token"]
    kids = set(published(phone))
    server.command("signing-key", "rotate")
    assert phone.get("/me", token=old).status_code == 200
    assert phone.refresh().status_code == 200
    new = phone.tokens["access_token"]
    assert header(new)["kid"] != header(old)["kid"]
    assert header(new)["kid"] in kids  # it was known before it signed
    assert set(published(phone)) > kids
    assert phone.get("/me").status_code == 200
    # Rotated again at once, the next key waits: verifiers may keep the JWKS for five minutes.
    known = set(published(phone))
    server.command("signing-key", "rotate")
    assert phone.refresh().status_code == 200
    assert header(phone.tokens["access_token"])["kid"] in known


def test_compromised_keys_are_dropped_at_once(server: Server, alice: Person) -> None:
    """The one before, the one that signs, and the one that would sign next: a thief has them all; refreshing still works (SEC-24)."""
    phone = alice.sign_in()
    tokens = [phone.tokens["access_token"]]
    server.command("signing-key", "rotate")
    assert phone.refresh().status_code == 200
    tokens.append(phone.tokens["access_token"])
    assert [phone.get("/me", token=token).status_code for token in tokens] == [200, 200]  # known to the server by now
    stolen = set(published(phone))
    assert len(stolen) >= 3
    server.command("signing-key", "rotate", "--compromised")
    assert [phone.get("/me", token=token).status_code for token in tokens] == [401, 401]
    assert stolen.isdisjoint(published(phone))
    assert phone.refresh().status_code == 200
    assert phone.get("/me").status_code == 200


def test_one_key_can_be_dropped_at_once(alice: Person) -> None:
    """Its tokens are worthless from the next request on, and the next key signs (SEC-24)."""
    phone = alice.sign_in()
    alice.server.command("signing-key", "drop", header(phone.tokens["access_token"])["kid"])
    assert phone.get("/me").status_code == 401
    assert phone.refresh().status_code == 200
    assert phone.get("/me").status_code == 200
