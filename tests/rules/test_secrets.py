import base64
import hashlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import secrets

ROW = UUID("01942a1e-7d00-7000-8000-0123456789ab")
SECRET = bytes(range(224, 256))
TOKEN = secrets.issue(secrets.MAGIC_LINK, ROW, SECRET)
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_secret_reads_back_as_row_and_hash(row: UUID, secret: bytes) -> None:
    """Only the hash leaves the parser: the database never meets the secret (SEC-70)."""
    for prefix in (secrets.MAGIC_LINK, secrets.API_KEY):
        assert secrets.parse(prefix, secrets.issue(prefix, row, secret)) == (row, hashlib.sha256(secret).digest())


def test_a_secret_has_256_bits_and_fits_into_a_url() -> None:
    """The token is long enough to be unguessable, and plain base64url behind its prefix (SEC-11)."""
    assert len(TOKEN.removeprefix("pwm_")) == 64
    assert set(TOKEN) <= set(B64)


@pytest.mark.parametrize(
    "presented",
    (
        "", "pwm_", TOKEN[4:], TOKEN[:-1], TOKEN + "A", TOKEN + "=", TOKEN + "==", TOKEN + "\n", " " + TOKEN, TOKEN.upper(),
        "PWM_" + TOKEN[4:],
        TOKEN.replace("pwm_", "pwk_"), TOKEN[:-2] + "==", TOKEN[:-1] + "=", TOKEN[:20] + "\n" + TOKEN[21:], TOKEN[:-1] + "\u00e9",
        TOKEN[:-1] + "\uff21",
        "pwm_" + "\u0660" * 64, "pwm_" + "\ud800" * 64, TOKEN * 1000,
    ),
)  # fmt: skip
def test_any_other_spelling_is_refused(presented: str) -> None:
    """Padding, white space, other kinds and foreign scripts are no token, and no crash (SEC-22, SEC-23, SEC-70)."""
    assert secrets.parse(secrets.MAGIC_LINK, presented) is None


def test_the_other_base64_alphabet_is_refused() -> None:
    """A copy with + and / for - and _ would be the same secret in a second spelling (SEC-23)."""
    raw = b"\xfb\xef\xbe\xff" * 12
    spelled = base64.b64encode(raw).decode()
    assert "+" in spelled
    assert "/" in spelled
    assert secrets.parse(secrets.MAGIC_LINK, "pwm_" + spelled) is None
    assert secrets.parse(secrets.MAGIC_LINK, "pwm_" + base64.urlsafe_b64encode(raw).decode()) is not None


@given(st.text(st.sampled_from(B64 + "+/= \n"), min_size=60, max_size=68))
def test_what_is_accepted_encodes_to_itself(body: str) -> None:
    """One secret has one spelling (SEC-23)."""
    if secrets.parse(secrets.API_KEY, "pwk_" + body) is not None:
        assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(body)).decode() == body


def test_a_stolen_hash_opens_nothing() -> None:
    """Whoever reads the database and pastes a hash as a token gets another hash (SEC-70)."""
    stolen = secrets.digest(SECRET)
    presented = secrets.parse(secrets.MAGIC_LINK, secrets.issue(secrets.MAGIC_LINK, ROW, stolen))
    assert presented is not None
    assert not secrets.same(presented.digest, stolen)


def test_hashes_compare_by_value() -> None:
    """Equal hashes are the same, others are not, whatever their lengths (SEC-70)."""
    assert secrets.same(secrets.digest(SECRET), hashlib.sha256(SECRET).digest())
    assert not secrets.same(secrets.digest(SECRET), secrets.digest(SECRET[1:]))
    assert not secrets.same(secrets.digest(SECRET), b"")
