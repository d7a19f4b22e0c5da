"""What comes along from a database of the Rust server, row by row."""

import base64
from typing import Any
from uuid import UUID

import pytest

from pwauth_server.rules import seed
from pwauth_server.rules.seed import Contents, PasskeyRow, UserRow
from tests.authenticator import cbor, cose_key, new_key

NOW, LONG_AGO = 1_800_000_000.0, 1_700_000_000
ANN = str(UUID(int=1, version=4))
BEN = str(UUID(int=2, version=4))
SECRET = bytes(range(20))
TEXT = base64.b32encode(SECRET).decode()
KEY = cbor(cose_key(new_key()))


def judged(*users: UserRow, keys: tuple[PasskeyRow, ...] = (), proven: frozenset[str] = frozenset()) -> Any:
    """Judge some rows."""
    return seed.judge(Contents(users, keys, proven, {}), now=NOW, max_passkeys=3)


def ann(**changes: Any) -> UserRow:
    """Return the row of somebody ordinary."""
    return UserRow(ANN, "ann@ex.com", None, LONG_AGO)._replace(**changes)


def key(number: int = 1, **changes: Any) -> PasskeyRow:
    """Return the row of an ordinary passkey."""
    return PasskeyRow(ANN, bytes([number]) * 16, KEY, 5, '["internal"]', LONG_AGO)._replace(**changes)


def test_an_ordinary_account_comes_whole() -> None:
    """Address, id, moment, secret, passkey, and the bytes by which authenticators know its owner."""
    (it,), problems = judged(ann(totp_secret=TEXT), keys=(key(),), proven=frozenset({ANN}))
    assert problems == []
    assert (it.email, it.id, it.created_at, it.secret, it.proven) == ("ann@ex.com", UUID(ANN), LONG_AGO, SECRET, True)
    assert it.handle == ANN.encode()
    assert (it.passkeys[0].sign_count, it.passkeys[0].transports) == (5, ("internal",))


@pytest.mark.parametrize("email", ("", "ann", 'a"b"@ex.com', "ann@ex.com\x1b[2J", "\u212aim@ex.com", None, 7, b"ann@ex.com"))
def test_an_address_that_is_none_here_is_left_out(email: Any) -> None:
    """The report names the account by its id, and nothing of it reaches a terminal as it is (SEC-03)."""
    accounts, (problem,) = judged(ann(email=email, id="\x1b[2J"))
    assert accounts == []
    assert problem == ("account '\\x1b[2J'", "left out: its address is none that letters can be sent to")


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    (
        (ann(created_at=5), ann(id=BEN, email="ANN@ex.com", created_at=4), BEN),
        (ann(created_at=4), ann(id=BEN, email="Ann@EX.com", created_at=5), ANN),
        (ann(created_at=4), ann(id="proven", email="ANN@ex.com", created_at=5), "proven"),
    ),
)
def test_of_several_spellings_the_proven_one_wins_then_the_oldest(first: UserRow, second: UserRow, winner: str) -> None:
    """And nothing of the others is mixed in: any of them may be a stranger's (SEC-03)."""
    rows = (first._replace(totp_secret=TEXT), second._replace(totp_secret=base64.b32encode(b"x" * 20).decode()))
    (it,), (problem,) = judged(*rows, proven=frozenset({"proven"}))
    assert it.handle == winner.encode()
    assert it.secret == (SECRET if winner == ANN else b"x" * 20)
    assert problem.who == "ann@ex.com"
    assert TEXT not in problem.why


@pytest.mark.parametrize("text", (TEXT, TEXT.lower(), f"{TEXT[:4]} {TEXT[4:]}", base64.b32encode(SECRET[:10]).decode(), "A" * 103))
def test_a_secret_is_read_as_apps_read_it(text: str) -> None:
    """Base32, in capitals or not, with blanks and padding or without."""
    (it,), problems = judged(ann(totp_secret=text))
    assert it.secret is not None
    assert problems == []


@pytest.mark.parametrize(
    "text", ("1", "ABC", "not base32!", base64.b32encode(b"x" * 9).decode(), base64.b32encode(b"x" * 65).decode(), 5, "é")
)
def test_a_secret_that_no_app_can_hold_is_left_out(text: Any) -> None:
    """The account comes without it, and the report does not show it."""
    (it,), (problem,) = judged(ann(totp_secret=text))
    assert it.secret is None
    assert problem == ("ann@ex.com", "one-time password left out: its secret is not the base32 of 10 to 64 bytes")


@pytest.mark.parametrize(
    "changes",
    (
        {"credential_id": b"short"},
        {"credential_id": "text"},
        {"credential_id": b"x" * 1024},
        {"public_key": b""},
        {"public_key": b"\x04" + b"x" * 64},
        {"public_key": cbor({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)})},
        {"public_key": "text"},
        {"sign_count": None},
        {"sign_count": -1},
        {"sign_count": 2**32},
    ),
)
def test_a_passkey_that_cannot_be_checked_is_left_out(changes: Any) -> None:
    """Also one whose key is no point of its curve (SEC-46)."""
    (it,), (problem,) = judged(ann(), keys=(key(**changes),))
    assert it.passkeys == ()
    assert problem.who == "ann@ex.com"


def test_ids_of_passkeys_are_unique_and_owners_are_there() -> None:
    """The first account by address keeps an id, more passkeys than anybody may have are left out, and orphans too."""
    ben = ann(id=BEN, email="ben@ex.com")
    more = tuple(key(number) for number in range(2, 6))
    (first, second), problems = judged(ann(), ben, keys=(key(), key(user_id=BEN), *more, key(9, user_id="nobody")))
    assert (len(first.passkeys), second.passkeys) == (3, ())
    assert [problem.who for problem in problems] == ["ann@ex.com", "ben@ex.com", "passkey of 'nobody'"]


@pytest.mark.parametrize(
    ("text", "known"),
    (
        ('["USB", "nfc", "telepathy"]', ("nfc", "usb")),
        *((text, ()) for text in (None, "", "usb", '{"usb": 1}', b"\xff", 7, "[" * 100_000)),
    ),
)
def test_transports_are_hints(text: Any, known: tuple[str, ...]) -> None:
    """What we do not know of them is dropped."""
    (it,), problems = judged(ann(), keys=(key(transports=text),))
    assert (it.passkeys[0].transports, problems) == (known, [])


@pytest.mark.parametrize("moment", (None, "yesterday", -1, 0, NOW + 1, float("nan")))
def test_a_moment_that_cannot_be_is_the_present(moment: Any) -> None:
    """Nobody came from the future, or before there were computers."""
    (it,), _ = judged(ann(created_at=moment))
    assert it.created_at == NOW


@pytest.mark.parametrize("own", ("7", "", None, b"x", "not-a-uuid"))
def test_an_id_that_is_no_uuid_is_not_kept(own: Any) -> None:
    """The account gets one of ours."""
    (it,), _ = judged(ann(id=own))
    assert it.id is None
