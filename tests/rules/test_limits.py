import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules.limits import DEFAULT_MAILS_PER_HOUR, DEFAULT_PER_MINUTE, Limit, Quota, table

PER_CLIENT = {Limit.MAIL_PER_CLIENT, Limit.SIGN_IN_FAILURES, Limit.REFRESH_PER_CLIENT, Limit.REFRESH_PER_SESSION, Limit.API_KEY_FAILURES}
PER_MAILBOX = {Limit.MAIL_PER_MAILBOX_DAY, Limit.MAIL_PER_MAILBOX_AND_CLIENT}
DEFAULTS = table(per_minute=DEFAULT_PER_MINUTE, mails_per_hour=DEFAULT_MAILS_PER_HOUR)


def test_every_limit_has_a_quota() -> None:
    """No limit can be taken from that the table does not know (SEC-64)."""
    assert set(DEFAULTS) == set(Limit)


@pytest.mark.parametrize(
    ("limit", "quota"),
    (
        (Limit.REQUESTS, Quota(300, 60)),
        (Limit.MAIL_PER_CLIENT, Quota(20, 3600)),
        (Limit.MAIL_PER_MAILBOX_HOUR, Quota(5, 3600)),
        (Limit.MAIL_PER_MAILBOX_DAY, Quota(20, 86_400)),
        (Limit.MAIL_PER_MAILBOX_AND_CLIENT, Quota(3, 900)),
        (Limit.MAIL_COOLDOWN, Quota(1, 60)),
        (Limit.MAIL_GLOBAL, Quota(200, 3600)),
        (Limit.SIGN_IN_FAILURES, Quota(30, 600)),
        (Limit.API_KEY_FAILURES, Quota(10, 900)),
    ),
)
def test_the_defaults_are_those_that_are_documented(limit: Limit, quota: Quota) -> None:
    """Operators rely on these numbers (SEC-60 to SEC-66)."""
    assert DEFAULTS[limit] == quota


def test_a_strangers_share_is_smaller_than_the_mailboxes() -> None:
    """One client trips over its own share of a mailbox before the owner's is gone (SEC-65)."""
    assert DEFAULTS[Limit.MAIL_PER_MAILBOX_AND_CLIENT].amount < DEFAULTS[Limit.MAIL_PER_MAILBOX_HOUR].amount


@given(st.integers(1, 100))
def test_raising_a_setting_raises_its_family(factor: int) -> None:
    """A whole factor is kept exactly, and the other family stays as it was (SEC-64)."""
    more = table(per_minute=DEFAULT_PER_MINUTE * factor, mails_per_hour=DEFAULT_MAILS_PER_HOUR)
    assert all(more[limit].amount == DEFAULTS[limit].amount * factor for limit in PER_CLIENT)
    assert all(more[limit] == DEFAULTS[limit] for limit in PER_MAILBOX)
    more = table(per_minute=DEFAULT_PER_MINUTE, mails_per_hour=DEFAULT_MAILS_PER_HOUR * factor)
    assert all(more[limit].amount == DEFAULTS[limit].amount * factor for limit in PER_MAILBOX)
    assert all(more[limit] == DEFAULTS[limit] for limit in PER_CLIENT)
    assert more[Limit.MAIL_COOLDOWN].seconds == pytest.approx(60 / factor)


@pytest.mark.parametrize(("per_minute", "refreshes"), ((330, 132), (345, 138), (615, 246), (1225, 490)))
def test_no_share_is_lost_to_rounding(per_minute: int, refreshes: int) -> None:
    """120 refreshes a minute grow by the exact fraction (SEC-64)."""
    assert table(per_minute=per_minute, mails_per_hour=5)[Limit.REFRESH_PER_CLIENT].amount == refreshes


@given(st.integers(1, DEFAULT_PER_MINUTE), st.integers(1, DEFAULT_MAILS_PER_HOUR))
def test_lowering_a_setting_lowers_only_the_limit_it_names(per_minute: int, mails: int) -> None:
    """A strict setting cannot lock people out of signing in altogether (SEC-65)."""
    less = table(per_minute=per_minute, mails_per_hour=mails)
    assert less[Limit.REQUESTS].amount == per_minute
    assert less[Limit.MAIL_PER_MAILBOX_HOUR].amount == mails
    named = {Limit.REQUESTS, Limit.MAIL_PER_MAILBOX_HOUR}
    assert all(less[limit] == DEFAULTS[limit] for limit in set(Limit) - named)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_every_quota_lets_somebody_in_and_ends(per_minute: int, mails: int) -> None:
    """Whatever is configured, no quota is empty and no window endless (SEC-64)."""
    for quota in table(per_minute=per_minute, mails_per_hour=mails).values():
        assert quota.amount >= 1
        assert 0 < quota.seconds <= 86_400
