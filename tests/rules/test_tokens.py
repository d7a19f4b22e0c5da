from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import base64url, jwk, tokens
from pwauth_server.rules.signatures import ALGORITHMS, Key
from pwauth_server.rules.tokens import InvalidTokenError, Refresh
from tests.rules.keys import ACCESS, ALL, AUDIENCE, EDDSA, ES256, HS256, ISSUER, LIFE, NOW, ORDER, read

ODD: tuple[Any, ...] = (None, "", "x", 1, 1.5, -1, True, [], ["x"], {}, float("nan"))


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.algorithm)
def test_a_token_of_ours_says_what_was_signed(key: Key) -> None:
    """Every claim comes back typed, under every algorithm (SEC-20, SEC-21)."""
    assert read(tokens.sign(key, tokens.ACCESS_TYPE, ACCESS.claims()), key) == ACCESS


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ACCESS.claims().items() if key != name}


@pytest.mark.parametrize("name", list(ACCESS.claims()))
def test_a_missing_claim_is_refused(name: str) -> None:
    """Each claim of an access token is needed (SEC-21; RFC 9068 section 2.2)."""
    with pytest.raises(InvalidTokenError):
        read(tokens.sign(ES256, tokens.ACCESS_TYPE, _without(name)), ES256)


WRONG: dict[str, tuple[Any, ...]] = {
    "iss": (*ODD, ISSUER + "/", ISSUER.upper(), [ISSUER]),
    "aud": (*ODD, ISSUER, [AUDIENCE], [AUDIENCE, "x"]),
    "kind": (*ODD, "refresh", "Access"),
    "sub": (None, "", "x", 1, [], [str(UUID(int=1))], str(UUID(int=1)).upper() + " ", UUID(int=10).hex, True),
    "sid": (None, "", "x", 2, [], {}, UUID(int=2).hex),
    "jti": (None, "", 1, [], {}, True),
    "exp": (
        None, "", str(NOW + LIFE), NOW + LIFE + 0.5, float(NOW + LIFE), 1e308, float("inf"), float("nan"),
        -1, 0, NOW, NOW - 1, NOW + LIFE + 1, 2**53, 10**400, True,
    ),
    "nbf": (None, str(NOW), float(NOW), NOW + 1, NOW - 1, -1, True),
    "iat": (None, str(NOW), float(NOW), NOW - 1, NOW + 1, -1, True, [NOW]),
    "auth_time": (None, str(NOW), float(NOW), -1, 2**53, 10**400, True),
    "email": (None, "", 1, [], ["a@ex.com"], {}),
    "email_verified": (None, 0, 1, "true", "", []),
    "amr": (None, "email", [1], [None], {}, {"email": 1}, [["email"]]),
    "acr": (None, "", 1, []),
    "roles": (None, "admin", [1], {"admin": True}, [["admin"]]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values], ids=lambda value: str(value)[:20]
)
def test_an_odd_claim_is_refused(name: str, value: object) -> None:
    """Types are strict, numbers whole and of a size that can be stored, lives no longer than configured (SEC-21)."""
    with pytest.raises(InvalidTokenError):
        read(tokens.sign(ES256, tokens.ACCESS_TYPE, ACCESS.claims() | {name: value}), ES256)


def test_every_claim_has_odd_values() -> None:
    """The table above forgets no claim (SEC-21)."""
    assert set(WRONG) == set(ACCESS.claims())


@pytest.mark.parametrize(
    ("now", "counts"),
    ((NOW - 31, False), (NOW - 30, True), (NOW, True), (NOW + LIFE - 0.001, True), (NOW + LIFE, False), (NOW + LIFE + 1, False)),
)
def test_a_token_counts_from_iat_until_exactly_exp(now: float, counts: bool) -> None:  # noqa: FBT001
    """Another node's clock may be 30 seconds ahead; the end has no leeway (SEC-21)."""
    assert tokens.is_current(ACCESS, now) is counts


@pytest.mark.parametrize("kind", ("JWT", "jwt", "rt+jwt", "AT+JWT", "application/at+jwt", "at+jwt "))
def test_another_kind_of_token_is_no_access_token(kind: str) -> None:
    """`typ` is exactly at+jwt: nothing else that we or others sign passes for it (SEC-21, SEC-22; RFC 8725 section 3.11)."""
    with pytest.raises(InvalidTokenError, match="typ"):
        read(tokens.sign(ES256, kind, ACCESS.claims()), ES256)


def test_refresh_and_access_do_not_stand_in_for_each_other() -> None:
    """Even under one key the header and the claims keep the kinds apart (SEC-22)."""
    refresh = tokens.refresh_claims(Refresh(UUID(int=2), 0, NOW, NOW + 60), ISSUER)
    as_refresh = tokens.sign(HS256, tokens.REFRESH_TYPE, refresh)
    as_access = tokens.sign(HS256, tokens.ACCESS_TYPE, ACCESS.claims())
    for token, kind in ((as_refresh, tokens.ACCESS_TYPE), (as_access, tokens.REFRESH_TYPE)):
        with pytest.raises(InvalidTokenError, match="typ"):
            tokens.verify(tokens.parse(token), HS256, kind)
    with pytest.raises(InvalidTokenError, match="not for us"):
        tokens.read_refresh(ACCESS.claims() | refresh | {"kind": "access"}, ISSUER)
    with pytest.raises(InvalidTokenError, match="not for us"):
        tokens.read_access(refresh | ACCESS.claims() | {"kind": "refresh"}, issuer=ISSUER, audience=AUDIENCE, longest=LIFE)


@given(st.uuids(), st.integers(0, 2**53 - 1), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_generation_has_exactly_one_refresh_token(session: UUID, generation: int, issued: int, expires: int) -> None:
    """The same generation gives the same bytes, so a lost answer can be repeated (SEC-51)."""
    token = Refresh(session, generation, issued, expires)
    made = {tokens.sign(HS256, tokens.REFRESH_TYPE, tokens.refresh_claims(token, ISSUER)) for _ in range(2)}
    assert len(made) == 1
    assert tokens.read_refresh(tokens.verify(tokens.parse(made.pop()), HS256, tokens.REFRESH_TYPE), ISSUER) == token


@pytest.mark.parametrize("name", ("iss", "kind", "sid", "gen", "iat", "exp"))
@pytest.mark.parametrize("value", (*ODD[:3], -1, 1.5, True, [], {}, 2**53), ids=str)
def test_an_odd_refresh_claim_is_refused(name: str, value: object) -> None:
    """A generation that no counter can hold, or any other odd claim, never reaches the database (SEC-21, SEC-22)."""
    claims = tokens.refresh_claims(Refresh(UUID(int=2), 3, NOW, NOW + 60), ISSUER) | {name: value}
    with pytest.raises(InvalidTokenError):
        tokens.read_refresh(claims, ISSUER)


def test_the_thumbprint_is_the_rfcs() -> None:
    """RFC 8037 appendix A.3 for OKP; RFC 7638 section 3.2 for EC: required members only, sorted, no white space (SEC-24)."""
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert jwk.thumbprint(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert jwk.thumbprint(dict(reversed((okp | {"kid": "x", "use": "sig", "alg": "EdDSA"}).items()))) == jwk.thumbprint(okp)
    # The P-256 key of RFC 7517 appendix A.1; its thumbprint was made by hand as RFC 7638 section 3.1 says.
    ec = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
    assert jwk.thumbprint(ec | {"use": "enc", "kid": "1"}) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.algorithm)
def test_a_public_key_shows_nothing_private(key: Key) -> None:
    """The JWK has no private member, even of a shared secret (SEC-24)."""
    assert not {"d", "k", "p", "q", "dp", "dq", "qi"} & set(jwk.public_jwk(key))


def test_coordinates_that_begin_with_zero_keep_their_length() -> None:
    """Of 256 keys one begins with a zero byte; its JWK has 32 bytes all the same (RFC 7518 section 6.2.1.2)."""
    private = derive_private_key(379, SECP256R1())  # the smallest whose x does
    made = jwk.public_jwk(Key("", "ES256", private, private.public_key()))
    assert made["x"] == "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo"
    assert {name: made[name] for name in ("kty", "crv", "alg", "use")} == {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}


def test_a_public_key_of_eddsa_is_an_okp() -> None:
    """RFC 8037: key type OKP with the raw public key (SEC-24)."""
    made = jwk.public_jwk(EDDSA)
    assert set(made) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (made["kty"], made["crv"], len(made["x"])) == ("OKP", "Ed25519", 43)


def test_a_signature_has_no_twin() -> None:
    """(r, s) and (r, order - s) are both right to mathematics; one of them is ours, so a token has one spelling (SEC-23)."""
    for number in range(40):
        signed, _, signature = tokens.sign(ES256, tokens.ACCESS_TYPE, ACCESS.claims() | {"jti": str(number)}).rpartition(".")
        raw = base64url.decode(signature)
        twin = raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32)
        assert ALGORITHMS["ES256"].verify(signed.encode(), ES256.public, twin)
        assert read(f"{signed}.{signature}", ES256).token_id == str(number)
        with pytest.raises(InvalidTokenError):
            read(f"{signed}.{base64url.encode(twin)}", ES256)
