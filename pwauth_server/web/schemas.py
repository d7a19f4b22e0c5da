"""Shapes of bodies and answers; `openapi.yaml` is made of the same classes that validate."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pwauth_server.rules import addresses, codes, recovery, totp

Email = Annotated[
    str,
    AfterValidator(addresses.canonical),
    Field(max_length=254, description="A plain ASCII mail address.", examples=["you@example.com"]),
]
Code = Annotated[
    str,
    AfterValidator(codes.normal),
    Field(max_length=20, description="The code of the letter; case, spaces and dashes do not matter.", examples=["K7QF-2M9X"]),
]
Digits = Annotated[str, Field(pattern=totp.PATTERN, description="What the authenticator app shows now.", examples=["492039"])]
RecoveryCode = Annotated[
    str,
    AfterValidator(recovery.normal),
    Field(max_length=60, description="One of the ten; case, spaces and dashes do not matter.", examples=["2K7QFM-9XHJ4T-R6WBCN"]),
]
Text = Annotated[str, Field(max_length=4096)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


def _printable(text: str) -> str:
    """Return a text without blanks around it; raise ValueError for one that does not print."""
    if not text.isprintable():
        raise ValueError("text")
    return text.strip()


Name = Annotated[str, AfterValidator(_printable), Field(max_length=100)]


def _encodable(text: object) -> object:
    """Return a text without halves of surrogate pairs, which no validator takes."""
    return text.encode(errors="replace").decode() if isinstance(text, str) and not text.isascii() else text


class Body(BaseModel):
    """A body whose unknown fields are ignored: clients of the seed may send more than we read."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Change(BaseModel):
    """A body that changes something: unknown fields are refused, nothing is assigned by accident (SEC-91)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Answer(BaseModel):
    """An answer as `openapi.yaml` describes it; nothing validates it, so nothing is built until somebody asks."""

    model_config = ConfigDict(defer_build=True)


class MagicRequest(Body):
    """Ask for a sign-in letter."""

    email: Email
    return_to: Annotated[str, Field(max_length=2048, description="A path of this server, or a URL of allowed_redirects.")] | None = None


class MagicRequested(Answer):
    """The same for every address."""

    status: Literal["accepted"]
    request_id: Annotated[str, Field(description="Needed to enter the code of the letter.")]


class MagicVerification(Body):
    """Use up a link."""

    token: Text
    confirm_other_device: Annotated[bool, Field(description="Sign in here although another browser asked for the link.")] = False


class Form(Body):
    """A form of a page of ours."""

    nonce: Text


class MagicForm(Form):
    """The same from our own page; with `number` the waiting browser is let in instead."""

    token: Text
    confirm_other_device: Literal["true", "false"] = "false"
    number: Annotated[str, Field(max_length=10)] | None = None


class CodeVerification(Body):
    """Enter the code of a letter."""

    request_id: Text
    code: Code


class TotpEnrolment(Body):
    """Ask for the secret of an authenticator app."""

    email: Annotated[Email | None, Field(description="One's own; needed only without a session, where `enrolment` allows that.")] = None


class TotpSecret(Answer):
    """A secret that counts as soon as a code of it is shown to `POST /totp/verify`; it is never told again."""

    secret: Annotated[str, Field(description="Base32, for typing.")]
    otpauth_url: Annotated[str, Field(description="For the app.")]
    qr_svg: Annotated[str, Field(description="The URL as a QR code (SVG).")]
    expires_in: Annotated[int, Field(description="How long it waits for its first code, in seconds.")]


class TotpVerification(Body):
    """Show a code: to confirm a new secret or step up (with a session), to finish a sign-in (`pending_id`), or alone (`email`)."""

    code: Digits
    email: Email | None = None
    pending_id: Annotated[Text | None, Field(description="Of a sign-in that waits for its second factor.")] = None


class PendingTotpForm(Form):
    """Finish a sign-in from our own page."""

    pending_id: Text
    code: Text


class RecoveryVerification(Body):
    """Show a recovery code: with a session that the mailbox opened, or with the `pending_id` of a sign-in that waits."""

    code: RecoveryCode
    pending_id: Text | None = None


class RecoveryForm(Form):
    """Finish a sign-in from our own page."""

    pending_id: Text
    code: Text


class RecoveryCodes(Answer):
    """Ten codes; nobody can see them again."""

    codes: list[str]


class Disowning(Body):
    """Say that something was not you."""

    token: Annotated[Text, Field(description="Of the link in the notice.")]


class DisownForm(Form):
    """The same from our own page."""

    token: Text
    nonce: Text


class Disowned(Answer):
    """It is taken back; the same if it was before."""

    status: Literal["disowned"]


class RefreshRequest(Body):
    """Exchange a refresh token."""

    refresh_token: Text


class TokenInQuestion(Body):
    """A token to introspect (RFC 7662) or revoke (RFC 7009): any text, for whatever is none of ours is answered alike (SEC-27)."""

    takes_any_text: ClassVar[bool] = True

    token: Annotated[str, BeforeValidator(_encodable)]


class Tokens(Answer):
    """A signed-in session's tokens."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Life of the access token in seconds.")]
    session_id: str
    return_to: Annotated[str, Field(default_factory=str, description="Where the person wanted to go; absent if nowhere.")]


class SecondFactor(Answer):
    """The first factor was right; show a second one with `pending_id`. No token yet."""

    second_factor_required: Literal[True]
    pending_id: str
    methods: Annotated[list[Literal["webauthn", "totp", "recovery_code"]], Field(description="What this account can show.")]


class Introspection(Answer):
    """What a token says; only `active` if it does not count."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    active: bool
    sub: str | None = None
    sid: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    amr: list[str] | None = None
    acr: str | None = None
    auth_time: int | None = None
    exp: int | None = None
    iat: int | None = None
    iss: str | None = None
    aud: str | None = None
    roles: list[str] | None = None


class SessionInfo(Answer):
    """A session as its owner sees it; nothing in it is a credential."""

    id: str
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    ip: str
    browser: str
    amr: list[str]
    current: bool


class SessionList(Answer):
    """Live sessions, newest first."""

    sessions: list[SessionInfo]


class Ended(Answer):
    """How many sessions were ended."""

    ended: int


class Changes(Change):
    """What to change about oneself; what is not named stays."""

    name: Name | None = None
    mail_sign_in: Annotated[bool, Field(description="Whether sign-in letters are sent and their links count.")] | None = None


class Factors(Answer):
    """What an account has besides its mailbox."""

    passkeys: int
    totp: bool
    recovery_codes: Annotated[int, Field(description="How many are left.")]


class Person(Answer):
    """Who is signed in."""

    sub: str
    email: str
    email_verified: bool
    name: str
    roles: list[str]
    created_at: Moment
    session_id: str
    auth_time: Moment
    amr: list[str]
    acr: str
    sessions: Annotated[int, Field(description="Number of live sessions.")]
    mail_sign_in: Annotated[bool, Field(description="Whether sign-in letters are sent.")]
    factors: Factors


class Health(Answer):
    """Whether the server works."""

    status: Literal["ok", "unavailable"]


class Jwks(Answer):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, str]]
