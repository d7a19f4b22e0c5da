"""The name of everything that can happen; audit, metrics and notices read this one list."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID


class Event(StrEnum):
    """One thing that can happen, named `subject.action`."""

    LINK_REQUESTED = "link.requested"
    LINK_OPENED = "link.opened"
    LINK_APPROVED = "link.approved"
    LINK_EXPIRED = "link.expired"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SECOND_FACTOR_DUE = "sign_in.second_factor_due"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_DELETED = "user.deleted"
    USER_IMPORTED = "user.imported"
    USER_EXPORTED = "user.exported"
    UNVERIFIED_RESET = "user.unverified_account_reset"
    UNVERIFIED_EXPIRED = "user.unverified_expired"
    ROLE_GRANTED = "user.role_granted"
    ROLE_REVOKED = "user.role_revoked"
    FREEZE_LIFTED = "user.freeze_lifted"
    MAIL_SIGN_IN_ON = "user.mail_sign_in_on"
    MAIL_SIGN_IN_OFF = "user.mail_sign_in_off"
    DISOWNED = "user.disowned"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_RENAMED = "passkey.renamed"
    PASSKEY_REMOVED = "passkey.removed"
    PASSKEY_CLONED = "passkey.cloned"
    TOTP_ADDED = "totp.added"
    TOTP_REMOVED = "totp.removed"
    CODES_SUSPENDED = "codes.suspended"
    RECOVERY_CODES_MADE = "recovery_codes.made"
    RECOVERY_CODE_USED = "recovery_codes.used"
    LOGIN_LINK_MADE = "login_link.made"
    SESSION_ENDED = "session.ended"
    TOKENS_ISSUED = "tokens.issued"
    REFRESH_REUSED = "refresh.reused"
    INVITE_SENT = "invite.sent"
    INVITE_ACCEPTED = "invite.accepted"
    INVITE_WITHDRAWN = "invite.withdrawn"
    LETTER_TESTED = "letter.tested"
    LETTER_QUEUED = "letter.queued"
    LETTER_SENT = "letter.sent"
    LETTER_PASSED_ON = "letter.passed_on"
    LETTER_DEFERRED = "letter.deferred"
    LETTER_FAILED = "letter.failed"
    LETTER_EXPIRED = "letter.expired"
    LETTER_REQUEUED = "letter.requeued"
    SIGNING_KEY_CREATED = "signing_key.created"
    SIGNING_KEY_ROTATED = "signing_key.rotated"
    SIGNING_KEY_DROPPED = "signing_key.dropped"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    BACKUP_MADE = "backup.made"
    BACKUP_FAILED = "backup.failed"
    WEBHOOK_ACCEPTED = "webhook.accepted"
    WEBHOOK_DEFERRED = "webhook.deferred"
    WEBHOOK_DROPPED = "webhook.dropped"


#: Heartbeats, and what would be told of being told: they count in the metrics, but a row for each would bury the audit log.
UNAUDITED = frozenset(
    {
        *(Event.TOKENS_ISSUED, Event.LINK_OPENED, Event.LINK_EXPIRED, Event.LETTER_QUEUED, Event.LETTER_SENT, Event.LETTER_PASSED_ON),
        *(Event.WEBHOOK_ACCEPTED, Event.WEBHOOK_DEFERRED, Event.WEBHOOK_DROPPED),
    }
)


#: What an operator should read in the log without asking.
TROUBLE = frozenset(
    {
        Event.LETTER_PASSED_ON,
        Event.LETTER_DEFERRED,
        Event.LETTER_FAILED,
        Event.LETTER_EXPIRED,
        Event.REFRESH_REUSED,
        Event.PASSKEY_CLONED,
        Event.CODES_SUSPENDED,
        Event.DISOWNED,
        Event.BACKUP_FAILED,
        Event.WEBHOOK_DEFERRED,
        Event.WEBHOOK_DROPPED,
    }
)


class Method(StrEnum):
    """How somebody proved who they are (the `method` label of the metrics)."""

    LINK = "magic_link"
    CODE = "code"
    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"
    HOST_LINK = "host_link"


#: Whoever shows one of these holds the mailbox of the account.
MAILBOX = frozenset({Method.LINK, Method.CODE})


class Reason(StrEnum):
    """Why something ended or failed (the `reason` label of metrics and audit)."""

    NONE = "none"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    WRONG_CODE = "wrong_code"
    WRONG_NUMBER = "wrong_number"
    TOO_MANY_TRIES = "too_many_tries"
    NOT_CONFIRMED = "not_confirmed"
    DIFFERENT_BROWSER = "different_browser"
    DISABLED = "disabled"
    UNVERIFIED = "unverified"
    MAIL_OFF = "mail_off"
    NOT_ENROLLED = "not_enrolled"
    NOT_ALLOWED = "not_allowed"
    REPLAYED = "replayed"
    SUSPENDED = "suspended"
    BAD_ASSERTION = "bad_assertion"
    WRONG_ACCOUNT = "wrong_account"
    CLONED = "cloned"
    LOGOUT = "logout"
    ENDED_BY_USER = "ended_by_user"
    ENDED_BY_ADMIN = "ended_by_admin"
    DELETED = "deleted"
    REVOKED = "revoked"
    REUSE = "reuse"
    STEPPED_UP = "stepped_up"
    DISOWNED = "disowned"


#: Nobody can add to them: they belong to every occurrence without facts.
_NO_FACTS: Mapping[str, str | int | float] = MappingProxyType({})


class Caller(NamedTuple):
    """Who is asking, as far as the network tells; never a proof of anything. Named tuples cost a third of a frozen dataclass."""

    ip: str = "local"
    #: Browser and system in words ("Firefox on Linux"): never the raw header (SEC-58, SEC-73).
    browser: str = "unknown"
    request_id: str = ""


#: Whoever has the command line of the server's own machine.
ON_THE_HOST = Caller(browser="the command line")


class Occurrence(NamedTuple):
    """An event with its facts; `facts` hold only closed words and ids, never a secret."""

    event: Event
    at: float
    caller: Caller = Caller()
    user_id: UUID | None = None
    session_id: UUID | None = None
    method: str = ""
    reason: str = Reason.NONE
    facts: Mapping[str, str | int | float] = _NO_FACTS


def by_hand(event: Event, at: float, **facts: str) -> Occurrence:
    """Return what somebody did on the host, by the command line."""
    return Occurrence(event, at, ON_THE_HOST, facts=dict(facts))
