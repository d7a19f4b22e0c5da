from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from pwauth_server.rules import keyset, tokens
from pwauth_server.rules.keyset import ApiKey, KeySet, Signer
from pwauth_server.rules.signatures import Key
from pwauth_server.rules.tokens import InvalidTokenError
from tests.rules.keys import ACCESS, AUDIENCE, EDDSA, ES256, HS256, ISSUER, LIFE, NOW, forge


def keys(*signers: Signer) -> KeySet:
    """Return the keys of a node."""
    return KeySet(1, ISSUER, AUDIENCE, LIFE, signers, {})


def token(key: Key, *, number: int = 0) -> str:
    """Return an access token signed by ``key``."""
    return tokens.sign(key, tokens.ACCESS_TYPE, ACCESS._replace(token_id=f"jti-{number}").claims())


CURRENT, NEXT = Signer(ES256, NOW - 100, None), Signer(EDDSA, None, None)


def kids(found: Sequence[Key]) -> list[str]:
    """Return the names of keys."""
    return [key.kid for key in found]


def test_the_key_that_began_last_signs() -> None:
    """A key waits until its time has come, then takes over (SEC-24)."""
    following = replace(NEXT, signs_from=NOW + 50.0)
    held = keys(CURRENT, following)
    assert held.signing_key(NOW) is ES256
    assert held.signing_key(NOW + 49.9) is ES256
    assert held.signing_key(NOW + 50) is EDDSA
    assert keys(CURRENT, NEXT).signing_key(NOW) is ES256


def test_a_retiring_key_verifies_until_its_last_token_is_over() -> None:
    """Rotation logs nobody out: next, current and retiring keys are all published (SEC-24)."""
    retiring = replace(CURRENT, verifies_until=NOW + 900.0)
    held = keys(retiring, replace(NEXT, signs_from=float(NOW)))
    assert kids(keys(CURRENT, NEXT).public_keys(NOW)) == ["es", "ed"]
    assert kids(held.public_keys(NOW + 899.9)) == ["es", "ed"]
    assert kids(held.public_keys(NOW + 900)) == ["ed"]
    assert held.access(token(ES256), NOW) == ACCESS._replace(token_id="jti-0")


def test_a_key_that_was_dropped_proves_nothing() -> None:
    """With the key its tokens die at once (SEC-24)."""
    with pytest.raises(InvalidTokenError, match="kid"):
        keys(replace(NEXT, signs_from=0.0)).access(token(ES256), NOW)
    with pytest.raises(InvalidTokenError, match="kid"):
        keys().access(token(ES256), NOW)


def test_a_remembered_token_still_expires() -> None:
    """Only the signature is remembered, never the time (SEC-21)."""
    held, mine = keys(CURRENT), token(ES256)
    for _ in range(3):
        assert held.access(mine, NOW + LIFE - 1).subject == ACCESS.subject
    for late in (NOW + LIFE, NOW + LIFE + 1000, NOW - 31):
        with pytest.raises(InvalidTokenError, match="time"):
            held.access(mine, late)


def test_a_remembered_token_has_one_spelling() -> None:
    """After the honest token was seen, no copy of it passes (SEC-23)."""
    held, mine = keys(CURRENT), token(ES256)
    held.access(mine, NOW)
    for copy in (mine + "=", mine + "\n", " " + mine, mine[:-1], mine.rpartition(".")[0] + "."):
        with pytest.raises(InvalidTokenError):
            held.access(copy, NOW)


def test_refused_tokens_are_not_remembered() -> None:
    """A flood of forgeries fills no memory (SEC-64)."""
    held = keys(CURRENT)
    for number in range(50):
        with pytest.raises(InvalidTokenError):
            held.access(forge({"alg": "ES256", "typ": "at+jwt", "kid": "es"}, {"n": number}), NOW)
    assert not held._verified


def test_memory_of_verified_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest token makes room, and is simply verified again (SEC-64)."""
    monkeypatch.setattr(keyset, "CACHE_SIZE", 8)
    held = keys(Signer(HS256, 0, None))
    issued = [token(HS256, number=number) for number in range(30)]
    for one in issued * 2:
        assert held.access(one, NOW).session_id == ACCESS.session_id
        assert len(held._verified) <= 8


def test_a_shared_secret_verifies_tokens_without_key_id_only() -> None:
    """An HS256 token that names a key belongs to somebody else (SEC-20)."""
    held = keys(Signer(HS256, 0, None))
    assert held.access(token(HS256), NOW).email == ACCESS.email
    with pytest.raises(InvalidTokenError, match="kid"):
        held.access(token(replace(HS256, kid="es")), NOW)


def test_another_audience_or_issuer_is_refused() -> None:
    """A token for another service of the same keys is not for us (SEC-21)."""
    for held in (replace(keys(CURRENT), audience="https://other.ex.com"), replace(keys(CURRENT), issuer="https://other.ex.com")):
        with pytest.raises(InvalidTokenError, match="not for us"):
            held.access(token(ES256), NOW)


@pytest.mark.parametrize(
    ("expires_at", "revoked", "live"),
    (
        (None, False, True),
        (None, True, False),
        (NOW + 0.1, False, True),
        (float(NOW), False, False),
        (NOW - 1.0, False, False),
        (NOW + 1.0, True, False),
    ),
)
def test_an_api_key_counts_until_it_ends(expires_at: float | None, revoked: bool, live: bool) -> None:  # noqa: FBT001
    """Revoked or expired keys are dead, exactly at their end (SEC-90)."""
    assert ApiKey(UUID(int=1), "ci", frozenset(), b"", expires_at, revoked).is_live(NOW) is live
