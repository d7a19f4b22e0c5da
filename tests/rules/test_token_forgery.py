"""What an intruder sends: every token here must be refused with InvalidTokenError and nothing else."""

import json
import re
from itertools import count, pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import jwk, tokens
from pwauth_server.rules.signatures import Key
from pwauth_server.rules.tokens import InvalidTokenError
from tests.rules.keys import ACCESS, ALL, EDDSA, ES256, HS256, ORDER, encode, forge, forge_hs256, forge_signed, part, read

CLAIMS = ACCESS.claims()
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "es"}
TOKEN = tokens.sign(ES256, tokens.ACCESS_TYPE, CLAIMS)
SPKI = PublicFormat.SubjectPublicKeyInfo


def verified(token: str, key: Key) -> dict[str, Any]:
    """Take a token apart and return its claims."""
    return tokens.verify(tokens.parse(token), key, tokens.ACCESS_TYPE)


def refused(token: str, key: Key = ES256) -> None:
    """Insist that a token is refused in the way that becomes a 401, with a word of ours that the log may hold (SEC-73)."""
    with pytest.raises(InvalidTokenError) as error:
        verified(token, key)
    assert re.fullmatch(r"[a-z0-9 ]{1,20}", str(error.value))


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.algorithm)
@pytest.mark.parametrize(
    "algorithm", ("none", "None", "NONE", "", "HS256", "ES256", "EdDSA", "RS256", "ES384", "HS512", "es256", None, 1, [], ["ES256"], {})
)
def test_the_header_does_not_choose_the_algorithm(algorithm: object, key: Key) -> None:
    """Whatever `alg` says, only the key's own algorithm is tried (SEC-20; RFC 8725 section 3.1)."""
    header = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid}
    refused(forge(header, CLAIMS), key)
    refused(forge(header, CLAIMS, b""), key)
    refused(forge({"typ": "at+jwt", "kid": key.kid}, CLAIMS), key)


@pytest.mark.parametrize("key", (ES256, EDDSA), ids=lambda key: key.algorithm)
def test_a_public_key_is_not_a_shared_secret(key: Key) -> None:
    """HMAC with any spelling of the published key is refused (SEC-20; CVE-2022-29217)."""
    spellings = [
        key.public.public_bytes(Encoding.PEM, SPKI),
        key.public.public_bytes(Encoding.DER, SPKI),
        json.dumps(jwk.public_jwk(key)).encode(),
        json.dumps({"keys": [jwk.public_jwk(key)]}).encode(),
        jwk.public_jwk(key)["x"].encode(),
        b"",
    ]
    for secret in spellings:
        refused(forge_hs256(HEADER | {"alg": "HS256", "kid": key.kid}, CLAIMS, secret), key)
        refused(forge_hs256(HEADER | {"alg": key.algorithm, "kid": key.kid}, CLAIMS, secret), key)


@pytest.mark.parametrize(
    "extra",
    (
        {"crit": ["x"]}, {"crit": []}, {"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"b64": True}, {"jku": "https://evil.io/jwks.json"},
        {"jwk": jwk.public_jwk(ES256)}, {"x5u": "https://evil.io/x"}, {"x5c": ["MII"]}, {"x5t": "x"}, {"x5t#S256": "x"},
        {"zip": "DEF"}, {"cty": "JWT"}, {"KID": "es"}, {"": 1},
    ),
    ids=str,
)  # fmt: skip
def test_no_header_field_brings_a_key_or_a_rule_along(extra: dict[str, Any]) -> None:
    """Even with a good signature a header with anything but alg, typ and kid is refused (SEC-20; CVE-2026-32597)."""
    assert verified(forge_signed(HEADER, CLAIMS, ES256), ES256) == CLAIMS
    refused(forge_signed(HEADER | extra, CLAIMS, ES256))


@pytest.mark.parametrize(
    "kid",
    (
        "../../dev/null",
        "x' OR 1=1--",
        "a b",
        "a\n",
        "a\u0000",
        "\u00e9",
        "x" * 65,
        "a/b",
        "a.b",
        "%00",
        1,
        None,
        [],
        ["es"],
        {"es": 1},
        True,
    ),
    ids=repr,
)
def test_a_key_id_is_a_plain_word(kid: object) -> None:
    """A key id cannot be a path, a query or a megabyte (SEC-20)."""
    refused(forge(HEADER | {"kid": kid}, CLAIMS))


@pytest.mark.parametrize(
    "header",
    ({}, [], None, "x", 1, {"alg": "ES256", "kid": "es"}, HEADER | {"typ": None}, HEADER | {"typ": 1}, HEADER | {"typ": ["at+jwt"]}),
    ids=repr,
)
def test_a_header_is_an_object_with_a_type(header: object) -> None:
    """A header without `typ`, or that is no object, is refused (SEC-21)."""
    refused(forge(header, CLAIMS))


@pytest.mark.parametrize(
    "raw",
    (
        b"",
        b"{",
        b"{}{}",
        b"\xff\xfe",
        b"[" * 2000,
        b'{"a":' * 600,
        b"nul",
        b'"\\ud800"',
        b"9" * 2900,
        b'{"typ":"at+jwt","x":' + b"9" * 2800 + b"}",
    ),
)
def test_broken_json_is_refused(raw: bytes) -> None:
    """Neither deep nesting nor endless numbers nor broken text gets further than the parser (SEC-21)."""
    refused(f"{encode(raw)}.{part(CLAIMS)}.{encode(b'x' * 64)}")


@pytest.mark.parametrize("payload", ([], "x", 1, None, True))
def test_claims_are_an_object(payload: object) -> None:
    """A good signature over something else than an object says nothing (SEC-21)."""
    refused(forge_signed(HEADER, payload, ES256))


@pytest.mark.parametrize("r", (0, 1, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1))
@pytest.mark.parametrize("s", (0, 1, ORDER, 2**256 - 1))
def test_a_signature_without_substance_is_refused(r: int, s: int) -> None:
    """Zeros and the curve's order are no signature ("psychic signatures", SEC-20)."""
    refused(forge(HEADER, CLAIMS, r.to_bytes(32, "big") + s.to_bytes(32, "big")))


@pytest.mark.parametrize("length", (0, 1, 31, 32, 63, 65, 70, 128, 500))
@pytest.mark.parametrize("key", ALL, ids=lambda key: key.algorithm)
def test_a_signature_of_another_length_is_refused(length: int, key: Key) -> None:
    """Too short, too long, or none at all (SEC-20)."""
    refused(forge(HEADER | {"alg": key.algorithm, "kid": key.kid}, CLAIMS, b"\x30" * length), key)


def test_a_der_signature_is_refused() -> None:
    """A JWS carries r and s, not ASN.1: one signature does not have two spellings (SEC-23; RFC 7518 section 3.4)."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    signed = f"{part(HEADER)}.{part(CLAIMS)}"
    der = ES256.private.sign(signed.encode(), ECDSA(SHA256()))
    refused(f"{signed}.{encode(der)}")
    r, s = decode_dss_signature(der)
    verified(f"{signed}.{encode(r.to_bytes(32, 'big') + min(s, ORDER - s).to_bytes(32, 'big'))}", ES256)


@pytest.mark.parametrize(
    "token",
    (
        "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", TOKEN + "=", TOKEN + "==", TOKEN + "\n", "\n" + TOKEN, " " + TOKEN, TOKEN + " ",
        TOKEN + ".", "." + TOKEN,
        TOKEN.replace(".", "=.", 1), TOKEN.replace(".", "==."), TOKEN.replace(".", ". "), TOKEN.replace(".", "\uff0e"), TOKEN + "\u00e9",
        TOKEN[:-1] + "\uff21", TOKEN + "\ud800",
        TOKEN[:-1] + "+", TOKEN[:-1] + "/", "Bearer " + TOKEN, TOKEN[:-2], TOKEN.upper(), "A" * 1_000_000, TOKEN + "A" * 1_000_000,
        "a." * 500_000,
    ),
    ids=count(),  # the token differs from run to run
)  # fmt: skip
def test_only_the_canonical_spelling_is_read(token: str) -> None:
    """Padding, white space, other alphabets and oversize are refused before any cryptography (SEC-23)."""
    refused(token)


def test_spare_bits_make_no_second_token() -> None:
    """The last character of a part carries bits that decode to nothing; only their zero form is read (SEC-23)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts = TOKEN.split(".")
    for number, text in enumerate(parts):
        for last in alphabet.replace(text[-1], ""):
            changed = ".".join([*parts[:number], text[:-1] + last, *parts[number + 1 :]])
            refused(changed)


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.algorithm)
@given(data=st.data())
def test_no_character_of_a_token_can_be_changed(key: Key, data: st.DataObject) -> None:
    """Any change anywhere is an InvalidTokenError, never another error and never a pass (SEC-20, SEC-23)."""
    token = tokens.sign(key, tokens.ACCESS_TYPE, CLAIMS)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABab01-_.=+/ \n\u00e9\ud800").filter(lambda char: char != token[position]))
    with pytest.raises(InvalidTokenError):
        read(token[:position] + other + token[position + 1 :], key)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid"]), st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()))
    )
)
def test_any_header_is_read_or_refused(header: dict[str, Any]) -> None:
    """No header makes the library fail with an error of its own (SEC-20)."""
    token = forge(header, CLAIMS)
    for key in ALL:
        refused(token, key)


def test_the_same_claims_under_another_key_are_not_ours() -> None:
    """Tokens that are honest elsewhere are nothing here (SEC-20)."""
    for mine, theirs in pairwise((*ALL, ES256)):
        foreign = Key(mine.kid, theirs.algorithm, theirs.private, theirs.public)
        refused(tokens.sign(foreign, tokens.ACCESS_TYPE, CLAIMS), mine)
    other = Key("", "HS256", b"another secret of thirty-two byte", b"another secret of thirty-two byte")
    refused(tokens.sign(other, tokens.ACCESS_TYPE, CLAIMS), HS256)
