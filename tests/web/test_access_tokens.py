"""Access tokens under a shared secret that the test knows: everything but the signature is under attack."""

from typing import Any

import pytest

from tests.people import Person
from tests.web.raw import request, send
from tests.web.tokens import claims, encode, header, hs256, unsigned

SECRET = "a-test-secret-of-forty-eight-bytes-7Yq2mX9pLw4RtZ"  # made up here
SETTINGS = {"jwt_secret": SECRET, "jwt_audience": "https://api.example"}
FAR = 10**11

VARIANTS: dict[str, dict[str, Any]] = {
    "exp as text": {"exp": str(FAR)},
    "exp as fraction": {"exp": 1e10 + 0.5},
    "exp as a round float": {"exp": 2e9},
    "exp beyond everything": {"exp": 1e308},
    "exp negative": {"exp": -1},
    "exp too far": {"exp": FAR},
    "exp null": {"exp": None},
    "exp true": {"exp": True},
    "exp in the past": {"exp": 1_700_000_000, "iat": 1_699_999_900, "nbf": 1_699_999_900},
    "from the future": {"exp": FAR + 900, "iat": FAR, "nbf": FAR},
    "nbf in the future": {"nbf": FAR},
    "another issuer": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": "SLASH"},
    "issuers": {"iss": ["https://evil.example"]},
    "another audience": {"aud": "https://other.example"},
    "audiences": {"aud": ["https://api.example"]},
    "no audience": {"aud": ""},
    "sub as number": {"sub": 1},
    "sub as list": {"sub": ["x"]},
    "sub of nobody": {"sub": "01890000-0000-7000-8000-000000000000"},
    "sid of nobody": {"sid": "01890000-0000-7000-8000-000000000000"},
    "sid in capitals": {"sid": "UPPER"},
    "sid with an injection": {"sid": "x' OR '1'='1"},
    "kind refresh": {"kind": "refresh"},
    "auth_time as text": {"auth_time": "1"},
    "amr as text": {"amr": "email"},
    "roles as text": {"roles": "admin"},
    "email_verified as text": {"email_verified": "true"},
}
HEADS: dict[str, dict[str, Any]] = {
    "typ JWT": {"typ": "JWT"},
    "typ refresh": {"typ": "rt+jwt"},
    "no typ": {"typ": None},
    "alg none": {"alg": "none"},
    "alg HS512": {"alg": "HS512"},
    "a key id": {"kid": "x"},
    "a key path": {"kid": "../../dev/null"},
    "a key by query": {"kid": "x' OR 1=1--"},
    "a key number": {"kid": 1},
    "an embedded key": {"jwk": {"kty": "oct", "k": encode(SECRET.encode())}},
    "a key address": {"jku": "http://127.0.0.1:1/jwks.json"},
    "a certificate address": {"x5u": "http://127.0.0.1:1/cert"},
    "a certificate": {"x5c": ["MII"]},
    "critical fields": {"crit": ["x"], "x": 1},
    "compression": {"zip": "DEF"},
    "unencoded payload": {"b64": False, "crit": ["b64"]},
    "another field": {"cty": "JWT"},
}


@pytest.fixture
def token(alice: Person) -> str:
    """Return a good access token."""
    return str(alice.sign_in().tokens["access_token"])


def forged(token: str, head: dict[str, Any], content: dict[str, Any]) -> str:
    """Return a token signed with the server's own secret, with changes."""
    own = claims(token)
    changed = own | content
    if content.get("sid") == "UPPER":
        changed["sid"] = own["sid"].upper()
    if content.get("iss") == "SLASH":
        changed["iss"] = own["iss"] + "/"
    return hs256({name: value for name, value in (header(token) | head).items() if value is not None}, changed, SECRET.encode())


def test_our_own_forgery_works_so_the_others_mean_something(alice: Person, token: str) -> None:
    """With the right secret and every claim right, a token made here is one of theirs (SEC-21)."""
    assert header(token) == {"alg": "HS256", "typ": "at+jwt"}
    assert alice.device().get("/me", token=forged(token, {}, {})).status_code == 200
    assert alice.device().get("/.well-known/jwks.json").json() == {"keys": []}


def test_the_claims_are_complete(alice: Person, token: str) -> None:
    """A relying party finds everything that the contract promises (SEC-21, contract section 3)."""
    found = claims(token)
    promised = {"iss", "sub", "aud", "exp", "iat", "jti", "sid", "kind", "email", "email_verified", "auth_time", "amr", "acr", "roles"}
    assert promised <= set(found)
    assert (found["iss"], found["aud"], found["kind"]) == (alice.server.public_url, "https://api.example", "access")
    assert (found["email"], found["email_verified"], found["amr"], found["roles"]) == (alice.address, True, ["email"], [])
    assert found["exp"] - found["iat"] == 900
    assert all(type(found[name]) is int for name in ("exp", "iat", "nbf", "auth_time"))


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS.keys())
def test_an_odd_claim_is_refused(alice: Person, token: str, change: dict[str, Any]) -> None:
    """Types, times and names are checked, not only the signature (SEC-21)."""
    answer = alice.device().get("/me", token=forged(token, {}, change))
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_missing_claim_is_refused(alice: Person, token: str) -> None:
    """Each claim is required (SEC-21)."""
    content = claims(token)
    for name in content:
        rest = {other: value for other, value in content.items() if other != name}
        assert alice.device().get("/me", token=hs256(header(token), rest, SECRET.encode())).status_code == 401, name
    strange_ones: tuple[object, ...] = ([], "x", 1, None)
    for strange in strange_ones:
        assert alice.device().get("/me", token=hs256(header(token), strange, SECRET.encode())).status_code == 401


@pytest.mark.parametrize("change", HEADS.values(), ids=HEADS.keys())
def test_an_odd_header_is_refused(alice: Person, token: str, change: dict[str, Any]) -> None:
    """The server chooses algorithm and key; the token has no say (SEC-20)."""
    assert alice.device().get("/me", token=forged(token, change, {})).status_code == 401


def test_an_unsigned_token_is_refused(alice: Person, token: str) -> None:
    """However none is spelled, and whatever stands for a signature (SEC-20)."""
    for name in ("none", "None", "NONE", "nOnE", ""):
        for signature in (b"", b"\0", b"\0" * 32):
            assert alice.device().get("/me", token=unsigned({"alg": name, "typ": "at+jwt"}, claims(token), signature)).status_code == 401
    assert alice.device().get("/me", token=token.rpartition(".")[0] + ".").status_code == 401
    assert alice.device().get("/me", token=token.rpartition(".")[0]).status_code == 401


def test_only_the_canonical_text_of_a_token_counts(alice: Person, token: str) -> None:
    """Padding, spare bits, blanks and additions are other strings, so they are no tokens (SEC-23)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]  # 32 bytes leave two bits unused
    phone = alice.device()
    for other in (f"{token}=", f"{token}==", f"{token}.", f".{token}", f" {token}", f"{token}.x", f"{token},x", spare, token.upper()):
        assert phone.get("/me", token=other).status_code == 401, other
    assert phone.get("/me", token=token).status_code == 200
    for scheme in ("bearer", "BEARER"):
        assert phone.ask("GET", "/me", headers={"authorization": f"{scheme} {token}"}).status_code == 200
    for value in (token, f"Basic {token}", f"Bearer{token}", f"Token {token}", "Bearer", f"Bearer {token} {token}"):
        assert phone.ask("GET", "/me", headers={"authorization": value}).status_code == 401, value


def test_two_authorization_headers_are_refused(alice: Person, token: str) -> None:
    """Which of two would count is nobody's to guess (SEC-76)."""
    head = request("GET", "/me", connection="close", authorization=f"Bearer {token}")
    twice = head.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    assert [answer.status for answer in send(alice.server, head) + send(alice.server, twice)] == [200, 401]


def test_a_token_with_foreign_letters_is_refused(alice: Person) -> None:
    """Non-ASCII text in a body's token is 401 or inactive, never an error (SEC-70)."""
    phone = alice.device()
    assert phone.verify("pwm_é" + "x" * 63).status_code == 401
    assert phone.post("/token/refresh", json={"refresh_token": "é.é.é"}).status_code == 401
    assert phone.post("/token/revoke", json={"token": "é"}).status_code == 200
