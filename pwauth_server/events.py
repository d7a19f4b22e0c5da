"""The name of everything that can happen; audit, metrics and notices read this one list."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """One thing that can happen, named `subject.action`."""

    LINK_REQUESTED = "link.requested"
    LINK_OPENED = "link.opened"
    LINK_EXPIRED = "link.expired"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    USER_CREATED = "user.created"
    SESSION_ENDED = "session.ended"
    TOKENS_ISSUED = "tokens.issued"
    REFRESH_REUSED = "refresh.reused"
    LETTER_QUEUED = "letter.queued"
    LETTER_SENT = "letter.sent"
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


#: Heartbeats: they count in the metrics, but a row for each would bury the audit log.
UNAUDITED = frozenset({Event.TOKENS_ISSUED, Event.LINK_OPENED, Event.LINK_EXPIRED, Event.LETTER_QUEUED, Event.LETTER_SENT})


#: What an operator should read in the log without asking.
TROUBLE = frozenset({Event.LETTER_DEFERRED, Event.LETTER_FAILED, Event.LETTER_EXPIRED, Event.REFRESH_REUSED, Event.BACKUP_FAILED})


class Method(StrEnum):
    """How somebody proved who they are (the `method` label of the metrics)."""

    LINK = "magic_link"
    CODE = "code"


class Reason(StrEnum):
    """Why something ended or failed (the `reason` label of metrics and audit)."""

    NONE = "none"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    WRONG_CODE = "wrong_code"
    TOO_MANY_TRIES = "too_many_tries"
    NOT_CONFIRMED = "not_confirmed"
    DIFFERENT_BROWSER = "different_browser"
    DISABLED = "disabled"
    LOGOUT = "logout"
    ENDED_BY_USER = "ended_by_user"
    REVOKED = "revoked"
    REUSE = "reuse"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as far as the network tells; never a proof of anything."""

    ip: str = "local"
    #: Browser and system in words ("Firefox on Linux"): never the raw header (SEC-58, SEC-73).
    browser: str = "unknown"
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event with its facts; `facts` hold only closed words and ids, never a secret."""

    event: Event
    at: float
    caller: Caller = field(default_factory=Caller)
    user_id: UUID | None = None
    session_id: UUID | None = None
    method: str = ""
    reason: str = Reason.NONE
    facts: dict[str, str | int | float] = field(default_factory=dict)


def by_hand(event: Event, at: float, **facts: str) -> Occurrence:
    """Return what somebody did on the host, by the command line."""
    return Occurrence(event, at, Caller(browser="command line"), facts=dict(facts))
