"""A passkey signs its owner in only if everything that its authenticator says is true."""

import subprocess
import sys
from typing import Any

import pytest

from pwauth_server.rules import passkeys
from pwauth_server.rules.passkeys import BadPasskeyError, Use
from tests.authenticator import EDDSA, ES256, PRESENT, RS256, SILENT, VERIFIED, cbor, encode, new_key
from tests.rules.ceremonies import OWNER, REQUEST, device, known, used

LIES: dict[str, dict[str, Any]] = {
    "made for registering": {"client": {"type": "webauthn.create"}},
    "another challenge": {"client": {"challenge": encode(b"x" * 32)}},
    "a challenge that is a number": {"client": {"challenge": 5}},
    "a host that ends like ours": {"client": {"origin": "https://evilex.com"}},
    "a host that begins like ours": {"client": {"origin": "https://ex.com.evil.io"}},
    "no TLS": {"client": {"origin": "http://ex.com"}},
    "another port": {"client": {"origin": "https://ex.com:444"}},
    "a path": {"client": {"origin": "https://ex.com/"}},
    "upper case": {"client": {"origin": "https://EX.com"}},
    "an opaque origin": {"client": {"origin": "null"}},
    "in somebody's frame": {"client": {"crossOrigin": True, "topOrigin": "https://evil.io"}},
    "a page above ours": {"client": {"topOrigin": "https://ex.com"}},
    "client data is no object": {"client_data": b"7"},
    "for the domain above": {"rp_id": "com"},
    "for a domain below": {"rp_id": "sub.ex.com"},
    "nobody was there": {"flags": VERIFIED},
    "nobody was verified": {"flags": PRESENT},
    "neither": {"flags": 0},
    "can be copied all of a sudden": {"flags": PRESENT | VERIFIED | 0x08},
    "copied all of a sudden": {"flags": PRESENT | VERIFIED | 0x18},
    "copied, but cannot be": {"flags": PRESENT | VERIFIED | 0x10},
    "something behind the data": {"rest": b"\0"},
    "extensions that are none": {"flags": PRESENT | VERIFIED | 0x80},
    "signed by another key": {"signer": new_key()},
    "signed by a key of another kind": {"signer": new_key(EDDSA)},
    "no signature": {"signature": b""},
    "a signature that is none": {"signature": b"\x30\x06\x02\x01\x00\x02\x01\x00"},
    "a signature that is a number": {"inner": {"signature": 5}},
    "a signature in another spelling": {"inner": {"signature": "MEUCIQ=="}},
    "somebody else's handle": {"user_handle": b"e" * 64},
    "an empty handle": {"user_handle": b""},
    "part of the handle": {"user_handle": OWNER.handle[:-1]},
    "a handle that is a number": {"inner": {"userHandle": 5}},
    "no handle where nobody was named": {"user_handle": SILENT},
    "another type": {"outer": {"type": "password"}},
    "two ids": {"outer": {"rawId": encode(b"y" * 32)}},
    "a response that is a list": {"outer": {"response": ["x"]}},
    "no data": {"inner": {"authenticatorData": SILENT}},
    "data that is too short": {"inner": {"authenticatorData": encode(b"x" * 36)}},
    "no client data": {"inner": {"clientDataJSON": None}},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_refused(lie: dict[str, Any]) -> None:
    """Whatever is wrong is refused as one error, and nothing else is raised (SEC-42, SEC-43, SEC-44, SEC-47)."""
    authenticator = device()
    truth = known(authenticator)
    assert used(authenticator.use(REQUEST), truth) == Use(sign_count=1, backup_eligible=False, backed_up=False)
    with pytest.raises(BadPasskeyError):
        used(authenticator.use(REQUEST, **lie), truth)


@pytest.mark.parametrize("synced", (True, False))
@pytest.mark.parametrize("algorithm", (ES256, EDDSA, RS256))
def test_each_kind_of_key_signs_in(algorithm: int, synced: bool) -> None:  # noqa: FBT001 - a column of the table
    """Counter and backup state are handed on as they were said (SEC-43, SEC-45)."""
    authenticator = device(algorithm=algorithm, synced=synced)
    truth = known(authenticator)
    for number in (1, 2):
        assert used(authenticator.use(REQUEST), truth) == Use(sign_count=0 if synced else number, backup_eligible=synced, backed_up=synced)


def test_a_passkey_may_stop_being_backed_up() -> None:
    """Whether it is copied may change, whether it can be may not (WebAuthn L3 section 6.1.3)."""
    authenticator = device(synced=True)
    truth = known(authenticator)
    assert used(authenticator.use(REQUEST, flags=PRESENT | VERIFIED | 0x08), truth).backed_up is False
    with pytest.raises(BadPasskeyError):
        used(authenticator.use(REQUEST, flags=PRESENT | VERIFIED), truth)


def test_a_named_owner_needs_no_handle_but_the_right_one() -> None:
    """Security keys need not remember whose they are; one that does must say the truth (SEC-44)."""
    authenticator = device()
    truth = known(authenticator)
    assert used(authenticator.use(REQUEST, user_handle=SILENT), truth, is_named=True).sign_count == 1
    assert used(authenticator.use(REQUEST), truth, is_named=True).sign_count == 2
    with pytest.raises(BadPasskeyError):
        used(authenticator.use(REQUEST, user_handle=b"e" * 64), truth, is_named=True)


def test_the_counter_is_not_judged_before_the_signature() -> None:
    """A stranger who cannot sign raises no alarm about a copied passkey, so the judgement is the caller's (SEC-45)."""
    authenticator = device(sign_count=100)
    truth = known(authenticator)
    assert used(authenticator.use(REQUEST, sign_count=3), truth).sign_count == 3


@pytest.mark.parametrize(
    ("stored", "said", "fine"),
    ((0, 0, True), (0, 1, True), (5, 10, True), (10, 11, True), (5, 5, False), (10, 7, False), (5, 0, False), (1, 0, False)),
)
def test_a_counter_goes_up_or_is_never_used(stored: int, said: int, fine: bool) -> None:  # noqa: FBT001 - a column of the table
    """Zero for ever is a synchronised passkey; standing still or going back is a copy (SEC-45)."""
    assert passkeys.has_moved_on(stored=stored, said=said) is fine


@pytest.mark.parametrize("key", (b"", b"\xff", b"\x04" + b"\1" * 64, cbor([]), cbor({1: 2})))
def test_a_damaged_key_signs_nobody_in(key: bytes) -> None:
    """What the database lost is a failed sign-in and no fault (SEC-47)."""
    authenticator = device()
    truth = known(authenticator)
    damaged = passkeys.Known(key, backup_eligible=False, handle=truth.handle)
    with pytest.raises(BadPasskeyError):
        used(authenticator.use(REQUEST), damaged)


def test_nobody_has_a_key_that_nobody_has() -> None:
    """A passkey that does not exist costs the work of one that does, and is refused at the signature (SEC-41)."""
    authenticator = device()
    known(authenticator)
    with pytest.raises(BadPasskeyError) as refusal:
        used(authenticator.use(REQUEST), passkeys.NOBODY)
    assert "signature" in str(refusal.value.__cause__)


@pytest.mark.parametrize("shown", (None, 5, [], {}, "a+b", "YWI=", "YWJ"))
def test_an_id_that_is_none_names_no_passkey(shown: object) -> None:
    """It is looked up before anything is verified, so it may be anything (SEC-47)."""
    assert passkeys.claimed_id({"id": shown}) is None
    assert passkeys.claimed_id({}) is None
    assert passkeys.claimed_id({"id": "YWI"}) == b"ab"


def test_a_server_without_passkeys_never_loads_the_library() -> None:
    """It takes a tenth of a second and 5 MB, which only the first answer of an authenticator should cost."""
    program = "import sys, pwauth_server.app; print('webauthn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
