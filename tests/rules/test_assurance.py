"""What was shown, what it is called, and what it is enough for."""

from dataclasses import replace

import pytest

from pwauth_server.rules import assurance
from pwauth_server.rules.assurance import FROZEN, MAX_AGE, Owned, Standing
from tests.fakes import NEW_YEAR

MAIL, TOTP, KEY, SYNCED, RECOVERY, HOST = ("email",), ("otp",), ("hwk", "user"), ("swk", "user"), ("recovery",), ("host",)


@pytest.mark.parametrize(
    ("proofs", "amr", "acr"),
    (
        ((MAIL,), ("email",), "email"),
        ((TOTP,), ("otp",), "otp"),
        ((HOST,), ("host",), "host"),
        ((KEY,), ("hwk", "user", "mfa"), "phr"),
        ((SYNCED,), ("swk", "user", "mfa"), "phr"),
        ((MAIL, TOTP), ("email", "otp", "mfa"), "mfa"),
        ((MAIL, RECOVERY), ("email", "recovery", "mfa"), "mfa"),
        ((MAIL, MAIL), ("email",), "email"),
        ((MAIL, TOTP, TOTP), ("email", "otp", "mfa"), "mfa"),
        ((("email", "otp", "mfa"), KEY), ("email", "otp", "hwk", "user", "mfa"), "phr"),
    ),
)
def test_what_was_shown_has_a_name(proofs: tuple[tuple[str, ...], ...], amr: tuple[str, ...], acr: str) -> None:
    """Each method stands once, in the order it was shown, and only two factors make several (RFC 8176)."""
    assert assurance.shown(*proofs) == amr
    assert assurance.level(amr, verified=True) == acr


@pytest.mark.parametrize(
    ("before", "proof", "amr", "acr", "is_new"),
    (
        (MAIL, MAIL, ("email",), "email", True),
        (MAIL, TOTP, ("email", "otp", "mfa"), "mfa", True),
        (MAIL, RECOVERY, ("email", "recovery", "mfa"), "mfa", True),
        (MAIL, KEY, ("email", "hwk", "user", "mfa"), "phr", True),
        (TOTP, TOTP, ("otp",), "otp", True),
        (TOTP, HOST, ("host",), "host", True),
        (KEY, SYNCED, ("hwk", "user", "swk", "mfa"), "phr", True),
        # The mailbox alone makes nothing younger that is more than a mailbox.
        (KEY, MAIL, ("hwk", "user", "email", "mfa"), "phr", False),
        (TOTP, MAIL, ("otp", "email", "mfa"), "mfa", False),
        (("email", "otp", "mfa"), MAIL, ("email", "otp", "mfa"), "mfa", False),
        (HOST, MAIL, ("host", "email", "mfa"), "mfa", False),
        # Six digits do not make a passkey younger: they are a second factor now, and the passkey is forgotten.
        (KEY, TOTP, ("otp", "mfa"), "mfa", True),
        (("otp", "mfa"), TOTP, ("otp", "mfa"), "mfa", True),
        (("otp", "mfa"), MAIL, ("otp", "email", "mfa"), "mfa", False),
    ),
)
def test_only_what_is_shown_again_gets_younger(
    before: tuple[str, ...],
    proof: tuple[str, ...],
    amr: tuple[str, ...],
    acr: str,
    is_new: bool,  # noqa: FBT001 - a column
) -> None:
    """A session of last week with its mailbox open is not a passkey of this minute (SEC-53, SEC-57)."""
    shown = assurance.shown(before)
    held = Standing(shown, assurance.level(shown, verified=True), NEW_YEAR)
    after = assurance.renewed(held, proof, verified=True, now=NEW_YEAR + 1000)
    assert after == Standing(amr, acr, NEW_YEAR + 1000 if is_new else NEW_YEAR)
    assert assurance.level(after.amr, verified=True) in {acr, "mfa"}


@pytest.mark.parametrize("amr", (MAIL, TOTP, assurance.shown(KEY), assurance.shown(MAIL, TOTP)))
def test_without_a_proven_mailbox_nothing_is_sure(amr: tuple[str, ...]) -> None:
    """Whatever was shown, it belongs to somebody, and nobody knows to whom (SEC-07)."""
    assert assurance.level(amr, verified=False) == "unverified"


@pytest.mark.parametrize(
    ("acr", "owned", "enough"),
    (
        ("email", Owned(), True),
        ("email", Owned(passkeys=1), False),
        ("email", Owned(totp=True), False),
        ("email", Owned(recovery_codes=3), False),
        ("otp", Owned(totp=True), False),
        ("otp", Owned(), False),
        ("mfa", Owned(totp=True), True),
        ("mfa", Owned(passkeys=2, totp=True), True),
        ("phr", Owned(passkeys=1), True),
        ("host", Owned(passkeys=1, totp=True), True),
        ("unverified", Owned(), False),
        ("unverified", Owned(totp=True), False),
    ),
)
def test_factors_are_changed_with_what_the_account_has(acr: str, owned: Owned, enough: bool) -> None:  # noqa: FBT001 - a column
    """The mailbox alone is enough only for somebody who owns nothing else, six digits alone never (SEC-35, SEC-57)."""
    assert assurance.is_enough(acr, ("otp",), auth_time=NEW_YEAR, now=NEW_YEAR, owned=owned) is enough


def test_a_passkey_is_enough_where_nobody_has_proven_the_mailbox() -> None:
    """Whoever came first by a passkey may add an app to it, not the other way round (SEC-01, SEC-35)."""
    assert assurance.is_enough("unverified", KEY, auth_time=NEW_YEAR, now=NEW_YEAR, owned=Owned(passkeys=1))
    assert not assurance.is_enough("unverified", KEY, auth_time=NEW_YEAR - MAX_AGE - 1, now=NEW_YEAR, owned=Owned(passkeys=1))
    assert assurance.steps(Owned(passkeys=1), KEY, verified=False, now=NEW_YEAR) == ("webauthn", "email")


@pytest.mark.parametrize(("age", "enough"), ((0.0, True), (MAX_AGE, True), (MAX_AGE + 0.1, False), (-1.0, False)))
def test_only_a_recent_sign_in_counts(age: float, enough: bool) -> None:  # noqa: FBT001 - a column
    """Ten minutes, and not a moment of a clock that was set back (SEC-01, SEC-57)."""
    assert assurance.is_enough("phr", KEY, auth_time=NEW_YEAR - age, now=NEW_YEAR, owned=Owned(passkeys=1)) is enough


@pytest.mark.parametrize(
    ("owned", "ways"),
    (
        (Owned(), ("email",)),
        (Owned(passkeys=2, totp=True, recovery_codes=1), ("webauthn", "totp", "recovery_code")),
        (Owned(recovery_codes=1), ("recovery_code",)),
    ),
)
def test_a_refusal_names_what_would_do(owned: Owned, ways: tuple[str, ...]) -> None:
    """The best comes first; mail is named only to somebody who has nothing else."""
    assert assurance.ways(owned) == ways


ALL = Owned(passkeys=1, totp=True, recovery_codes=1)


@pytest.mark.parametrize(
    ("owned", "amr", "steps"),
    (
        (ALL, ("email",), ("webauthn", "totp", "recovery_code")),
        (ALL, ("hwk", "user", "mfa"), ("webauthn", "totp")),
        (ALL, ("otp",), ("webauthn", "email")),
        (Owned(totp=True), ("otp",), ("email",)),
        (Owned(totp=True, passkeys=2, mail=False), ("otp",), ("webauthn",)),
        (Owned(totp=True), ("otp", "email", "mfa"), ("totp",)),
        (Owned(recovery_codes=1), ("host",), ("email",)),
        (Owned(), ("email",), ("email",)),
    ),
)
def test_a_session_is_told_what_would_really_do(owned: Owned, amr: tuple[str, ...], steps: tuple[str, ...]) -> None:
    """Nobody is sent in a circle by digits on top of digits, or by a recovery code without the mailbox (SEC-35, SEC-57)."""
    assert assurance.steps(owned, amr, verified=True, now=NEW_YEAR) == steps


def test_a_link_of_the_host_brings_no_passkey_back_to_life() -> None:
    """What was shown before it is forgotten, or the next letter would make last month's passkey one of now (SEC-53)."""
    before = Standing(("swk", "user", "mfa"), "phr", NEW_YEAR - 2e6)
    host = assurance.renewed(before, HOST, verified=True, now=NEW_YEAR)
    assert host == Standing(("host",), "host", NEW_YEAR)
    assert assurance.renewed(host, MAIL, verified=True, now=NEW_YEAR).acr != "phr"


@pytest.mark.parametrize(("age", "is_over"), ((0.0, False), (FROZEN - 0.1, False), (FROZEN, True)))
def test_what_was_disowned_stands_in_the_way_for_three_days(age: float, is_over: bool) -> None:  # noqa: FBT001 - a column
    """Whoever presses "this wasn't me" has the mailbox, and gains nothing by it that the mailbox alone did not open (SEC-57)."""
    owned, now = Owned(disowned_at=NEW_YEAR, totp_disowned_at=NEW_YEAR), NEW_YEAR + age
    assert assurance.is_enough("email", ("email",), auth_time=now, now=now, owned=owned) is is_over
    assert assurance.is_enough("phr", KEY, auth_time=now, now=now, owned=owned)
    assert assurance.steps(owned, ("email",), verified=True, now=now) == (("email",) if is_over else ())
    assert assurance.steps(replace(owned, passkeys=1), ("email",), verified=True, now=now) == ("webauthn",)
    assert owned.asks_for_totp(now) is not is_over
    assert Owned(disowned_at=NEW_YEAR).asks_for_totp(now) is False


@pytest.mark.parametrize(
    ("owned", "usable"),
    (
        (Owned(), True),
        (Owned(mail=False), False),
        (Owned(mail=False, recovery_codes=10), False),
        (Owned(mail=False, passkeys=1), True),
        (Owned(mail=False, totp=True), False),
    ),
)
def test_somebody_must_still_be_able_to_sign_in(owned: Owned, usable: bool) -> None:  # noqa: FBT001 - a column
    """Recovery codes only help on top of a mailbox, and one-time passwords where the settings say so (SEC-59)."""
    assert assurance.is_usable(owned) is usable


@pytest.mark.parametrize(
    ("owned", "enough"),
    (
        (Owned(), False),
        (Owned(passkeys=1), False),
        (Owned(passkeys=1, totp=True), False),
        (Owned(totp=True, recovery_codes=10), False),
        (Owned(passkeys=1, recovery_codes=1), True),
        (Owned(passkeys=2), True),
    ),
)
def test_one_lost_device_locks_nobody_out(owned: Owned, enough: bool) -> None:  # noqa: FBT001 - a column
    """Mail can only be given up by who has two passkeys, or one and recovery codes (SEC-59)."""
    assert assurance.may_go_without_mail(owned) is enough


@pytest.mark.parametrize(("acr", "kept"), (("email", True), ("mfa", True), ("phr", True), ("otp", False), ("unverified", False)))
def test_six_digits_make_no_administrator(acr: str, kept: bool) -> None:  # noqa: FBT001 - a column
    """The role is there again as soon as more was shown; other roles stay (SEC-35)."""
    assert ("admin" in assurance.roles(("admin", "staff"), acr)) is kept
    assert "staff" in assurance.roles(("admin", "staff"), acr)
