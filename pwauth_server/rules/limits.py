"""Every limit of the server in one table (SEC-31, SEC-60 to SEC-66).

Two settings scale it: ``rate_limit_per_minute`` the limits per client address, account and session,
and ``email_rate_limit_per_hour`` those per mailbox. Raising a setting by a factor raises its family by
the same factor; lowering one lowers only the limit that it names.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pwauth_server.rules.moments import DAY, HOUR, MINUTE

DEFAULT_PER_MINUTE = 300
DEFAULT_MAILS_PER_HOUR = 5


class Limit(StrEnum):
    """The name of a limit: the `limit` label of `rate_limited_total` and the `RateLimit-Policy` name."""

    REQUESTS = "requests"
    PAGE_POLLS = "page_polls"
    MAIL_PER_CLIENT = "mail_per_client"
    MAIL_PER_MAILBOX_HOUR = "mail_per_mailbox_hour"
    MAIL_PER_MAILBOX_DAY = "mail_per_mailbox_day"
    MAIL_PER_MAILBOX_AND_CLIENT = "mail_per_mailbox_and_client"
    MAIL_PER_MAILBOX_AND_CLIENT_HOUR = "mail_per_mailbox_and_client_hour"
    MAIL_PER_MAILBOX_AND_CLIENT_DAY = "mail_per_mailbox_and_client_day"
    MAIL_COOLDOWN = "mail_cooldown"
    MAIL_GLOBAL = "mail_global"
    SIGN_IN_FAILURES = "sign_in_failures"
    REFRESH_PER_CLIENT = "refresh_per_client"
    REFRESH_PER_SESSION = "refresh_per_session"
    API_KEY_FAILURES = "api_key_failures"
    ONE_TIME_CODES_PER_CLIENT = "one_time_codes_per_client"
    ONE_TIME_CODES_PER_ACCOUNT = "one_time_codes_per_account"
    PASSKEY_CEREMONIES = "passkey_ceremonies"
    FIRST_USE_PER_CLIENT = "first_use_per_client"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    EXPORTS_PER_ACCOUNT = "exports_per_account"


@dataclass(frozen=True, slots=True)
class Quota:
    """So many takes in a window of so many seconds that opens with the first take."""

    amount: int
    seconds: float


def table(*, per_minute: int, mails_per_hour: int) -> dict[Limit, Quota]:
    """Return the quotas for the two settings."""
    by_client = max(Fraction(1), Fraction(per_minute, DEFAULT_PER_MINUTE))
    by_mailbox = max(Fraction(1), Fraction(mails_per_hour, DEFAULT_MAILS_PER_HOUR))

    def client(amount: int, seconds: int) -> Quota:
        return Quota(int(amount * by_client), seconds)

    def mailbox(amount: int, seconds: int) -> Quota:
        return Quota(int(amount * by_mailbox), seconds)

    return {
        # per client address (IPv4, or IPv6 /64)
        Limit.REQUESTS: Quota(per_minute, MINUTE),
        Limit.PAGE_POLLS: client(3000, MINUTE),  # thirty for each page that waits; an office shares one address
        Limit.MAIL_PER_CLIENT: client(20, HOUR),
        Limit.SIGN_IN_FAILURES: client(30, 10 * MINUTE),
        Limit.REFRESH_PER_CLIENT: client(120, MINUTE),
        Limit.API_KEY_FAILURES: client(10, 15 * MINUTE),
        Limit.ONE_TIME_CODES_PER_CLIENT: client(30, HOUR),
        Limit.PASSKEY_CEREMONIES: client(60, 10 * MINUTE),
        Limit.FIRST_USE_PER_CLIENT: client(20, HOUR),
        # per account; twenty failures in a row suspend codes until another way of signing in worked
        Limit.ONE_TIME_CODES_PER_ACCOUNT: client(5, 15 * MINUTE),
        Limit.RECOVERY_CODES_MADE: client(10, HOUR),  # ten slow hashes each
        Limit.EXPORTS_PER_ACCOUNT: client(10, HOUR),
        # per session
        Limit.REFRESH_PER_SESSION: client(60, MINUTE),
        # per mailbox, without its +tag
        Limit.MAIL_PER_MAILBOX_HOUR: Quota(mails_per_hour, HOUR),
        Limit.MAIL_PER_MAILBOX_DAY: mailbox(20, DAY),
        # per mailbox and client: a stranger uses up his own share, not the owner's (SEC-65)
        Limit.MAIL_PER_MAILBOX_AND_CLIENT: mailbox(3, 15 * MINUTE),
        Limit.MAIL_PER_MAILBOX_AND_CLIENT_HOUR: mailbox(4, HOUR),
        Limit.MAIL_PER_MAILBOX_AND_CLIENT_DAY: mailbox(12, DAY),
        # silent: a second request within it is answered like the first, and sends nothing (SEC-66)
        Limit.MAIL_COOLDOWN: Quota(1, float(60 / by_mailbox)),
        # everybody together: the sender's reputation
        Limit.MAIL_GLOBAL: Quota(int(200 * max(by_client, by_mailbox)), HOUR),
    }
