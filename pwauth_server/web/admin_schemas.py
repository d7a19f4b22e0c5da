"""Shapes of administration, and of one's own account as a whole."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pwauth_server.web.schemas import Answer, Change, Email, Moment, Name

#: As `users.roles` holds them.
_MAX_ROLES = 200


def _few(roles: list[str]) -> list[str]:
    if len(" ".join(roles)) > _MAX_ROLES:
        raise ValueError("roles")
    return roles


Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class UserChange(Change):
    """Change a person; what is not named stays."""

    disabled: Annotated[bool | None, Field(description="True ends every session at once and lets nobody in.")] = None
    name: Name | None = None
    roles: Annotated[
        Annotated[list[Role], AfterValidator(_few), Field(max_length=20)] | None,
        Field(description="All roles. `admin` can be left out to take it away; it is given on the host."),
    ] = None


#: How long an invitation counts that nobody says more about, and the longest, in days.
DAYS_INVITED, MOST_DAYS_INVITED = 7, 90


class Invitation(Change):
    """Invite an address."""

    email: Email
    expires_in_days: Annotated[int, Field(ge=1, le=MOST_DAYS_INVITED)] = DAYS_INVITED


class Addressee(Change):
    """Where a test letter goes."""

    email: Email


class AdminUser(Answer):
    """A person in a list."""

    id: str
    email: str
    email_verified: bool
    name: str
    roles: list[str]
    disabled: bool
    mail_sign_in: Annotated[bool, Field(description="Whether sign-in letters are sent.")]
    created_at: Moment
    last_sign_in_at: Moment | None
    disabled_at: Moment | None


class PasskeySummary(Answer):
    """A passkey; its key is shown to nobody."""

    id: str
    name: str
    created_at: Moment
    last_used_at: Moment | None
    backed_up: Annotated[bool, Field(description="Whether a provider synchronises it.")]
    suspended: Annotated[bool, Field(description="Whether its owner disowned it: it then counts for nothing.")]


class AdminUserDetails(AdminUser):
    """A person with what the account has."""

    sessions: Annotated[int, Field(description="Number of live sessions.")]
    passkeys: list[PasskeySummary]
    totp: bool
    recovery_codes: Annotated[int, Field(description="How many are left.")]


class AdminUserList(Answer):
    """A page of people, by address."""

    users: list[AdminUser]
    total: int


class AdminSession(Answer):
    """A session; nothing in it is a credential."""

    id: str
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    ip: str
    browser: str
    amr: list[str]
    acr: str


class AdminSessionList(Answer):
    """Live sessions, newest first."""

    sessions: list[AdminSession]


class LetterSummary(Answer):
    """A letter without what it says."""

    id: str
    kind: str
    to: str
    status: str
    attempts: int
    created_at: Moment
    next_attempt_at: Moment | None
    expires_at: Moment
    finished_at: Moment | None
    reason: Annotated[str | None, Field(description="Why it has not arrived yet, or why not at all.")]
    transport: str | None


class LetterList(Answer):
    """A page of letters, newest first."""

    emails: list[LetterSummary]
    total: int


class LetterQueued(Answer):
    """The letter that was queued."""

    id: str


class InviteSummary(Answer):
    """An open invitation."""

    id: str
    email: str
    invited_by: Annotated[str, Field(description="`user:` or `key:` and an id.")]
    created_at: Moment
    expires_at: Moment


class InviteList(Answer):
    """A page of open invitations, newest first."""

    invites: list[InviteSummary]
    total: int


class ChallengeSummary(Answer):
    """A ceremony that is under way, without its secrets."""

    id: str
    purpose: str
    user_id: str | None
    email: str | None
    expires_at: Moment


class ChallengeList(Answer):
    """Ceremonies that are under way, newest first."""

    challenges: list[ChallengeSummary]


class AuditRow(Answer):
    """Something that happened."""

    id: str
    at: Moment
    event: str
    user_id: str | None
    email: Annotated[str | None, Field(description="The person's present address; null once the account is gone.")]
    session_id: str | None
    ip: str
    browser: str
    request_id: str
    method: str
    reason: str
    facts: dict[str, Any]


class AuditPage(Answer):
    """A page of the audit log, newest first."""

    events: list[AuditRow]
    next: Annotated[str | None, Field(description="`before` of the next page; null on the last one.")]


class OwnEvent(Answer):
    """Something that happened to one's account; where an administrator sits is nobody's business."""

    id: str
    at: Moment
    event: str
    session_id: str | None
    ip: str | None
    browser: str | None
    method: str
    reason: str
    by_administrator: bool


class OwnEvents(Answer):
    """A page of what happened, newest first."""

    events: list[OwnEvent]
    next: Annotated[str | None, Field(description="`before` of the next page; null on the last one.")]


class SignIns(Answer):
    """How many sign-ins there were."""

    outcome: Literal["success", "failure"]
    method: str
    count: int


class Stats(Answer):
    """Figures of this moment."""

    users: dict[str, int]
    sessions: int
    invites: int
    emails: Annotated[dict[str, int], Field(description="Letters by state.")]
    oldest_email_seconds: Annotated[float, Field(description="Age of the oldest letter that waits.")]
    sign_ins: Annotated[list[SignIns], Field(description="Of the last 24 hours.")]


class OwnExport(Answer):
    """Everything that is stored about me, without anything that proves who I am."""

    account: AdminUser
    passkeys: list[PasskeySummary]
    totp: bool
    recovery_codes: int
    sessions: list[dict[str, Any]]
    emails: list[LetterSummary]
    events: list[OwnEvent]
