"""One tree of errors: `Refused` (we say no) and `Fault` (we could not).

The first line of a class's docstring is the sentence a client reads, so an error cannot lack one.
A cause that must stay private is chained with ``raise … from cause`` and reaches the log only: that of a refusal if its
text is a word of ours, that of a fault by its kind and place.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

#: Seconds from which on a wait is told in minutes.
_MINUTES_FROM = 120


class PwauthError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    word: ClassVar[str] = "internal_error"

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        """Keep the public ``detail`` (default: the class's own sentence) and extra reply headers."""
        self.detail = detail or self.sentence()
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    @classmethod
    def sentence(cls) -> str:
        """Return the public sentence: the first line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]


class Refused(PwauthError):  # noqa: N818 - the name says who decided
    """The request was refused."""

    status = 400
    word = "refused"


class Malformed(Refused):
    """The request could not be understood."""

    word = "malformed_request"


class NotACode(Refused):
    """That is not a code: an app shows six digits, and a recovery code has three groups of six."""

    word = "not_a_code"


class PasskeyRefused(Refused):
    """This passkey cannot be added; try again, or use another authenticator."""

    word = "passkey_refused"


class Unauthenticated(Refused):
    """Sign in first."""

    status = 401
    word = "unauthenticated"


class SignInFailed(Refused):
    """This sign-in did not work; try again, or sign in another way."""

    status = 401
    word = "sign_in_failed"


class CeremonyOver(Refused):
    """This took too long or was answered already; begin again."""

    status = 401
    word = "ceremony_over"


#: Said instead of "sign in once more" where that would not help (`rules.assurance.FROZEN`).
_FROZEN = "What this account had was taken back lately; for three days only an administrator can change it."


class StepUpRequired(Refused):
    """Sign in once more, with what this account has, before you change this."""

    status = 401
    word = "insufficient_user_authentication"

    def __init__(self, *, methods: Sequence[str], max_age: int) -> None:
        """Carry with what the person can do so, and how long it will count in seconds (RFC 9470 section 3)."""
        challenge = f'Bearer error="insufficient_user_authentication", error_description="sign in once more", max_age={max_age}'
        super().__init__(None if methods else _FROZEN, headers={"www-authenticate": challenge})
        self.methods = tuple(methods)


class InvalidGrant(Refused):
    """This refresh token is no longer valid; sign in again."""

    status = 401
    word = "invalid_grant"


class Forbidden(Refused):
    """You may not do this."""

    status = 403
    word = "forbidden"


class IdentityMismatch(Refused):
    """You are signed in as somebody else."""

    status = 403
    word = "identity_mismatch"


class CrossOrigin(Refused):
    """This form was not sent from our own page."""

    status = 403
    word = "cross_origin"


class ConfirmationRequired(Refused):
    """This link was asked for in another browser; confirm that you want to sign in here."""

    status = 403
    word = "confirmation_required"

    def __init__(self, *, asked_at: float, asked_from: str, asked_with: str) -> None:
        """Carry what the person needs to decide: Unix seconds, address and browser of the request."""
        super().__init__()
        self.asked_at = asked_at
        self.asked_from = asked_from
        self.asked_with = asked_with


class DifferentBrowser(Refused):
    """This link only works in the browser that asked for it."""

    status = 403
    word = "different_browser"


class Missing(Refused):
    """There is no such thing here."""

    status = 404
    word = "not_found"


class MethodNotAllowed(Refused):
    """This address does not take that method."""

    status = 405
    word = "method_not_allowed"


class Conflict(Refused):
    """This contradicts the present state."""

    status = 409
    word = "conflict"


class LastFactor(Conflict):
    """Without this nobody could sign in to the account any more; add another way first."""

    word = "last_factor"


class LengthRequired(Refused):
    """Send the body with a Content-Length."""

    status = 411
    word = "length_required"


class TooLarge(Refused):
    """The request is too large."""

    status = 413
    word = "too_large"


class UnsupportedMediaType(Refused):
    """Send the body as application/json."""

    status = 415
    word = "unsupported_media_type"


class Misdirected(Refused):
    """This server does not answer for that host name."""

    status = 421
    word = "misdirected_request"


class RateLimited(Refused):
    """Too many requests; wait and try again."""

    status = 429
    word = "rate_limited"
    #: How long, in the unit that people count in: seconds, or minutes from two of them on.
    number, unit = 0, ""

    def __init__(self, *, seconds: int, headers: Mapping[str, str]) -> None:
        """Say how long to wait, as ``Retry-After`` among the headers says it to programs."""
        self.number, self.unit = (seconds, "second") if seconds < _MINUTES_FROM else (-(-seconds // 60), "minute")
        plural = "" if self.number == 1 else "s"
        super().__init__(f"Too many requests; try again in {self.number} {self.unit}{plural}.", headers=headers)


class Fault(PwauthError):  # noqa: N818 - see Refused
    """The server could not do this; try again later."""


class Unavailable(Fault):
    """The server cannot do this at the moment; try again later."""

    status = 503
    word = "unavailable"

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        """Name a moment after which to try again, unless ``headers`` know better (RFC 9110 section 10.2.3)."""
        super().__init__(detail, headers={"retry-after": "5"} | dict(headers or {}))


class MailCapReached(Unavailable):
    """No more mail can be sent at the moment; use another way to sign in or try again later."""

    word = "mail_cap_reached"


class ConfigError(Fault):
    """The configuration is unsafe or incomplete."""

    word = "bad_configuration"

    def __init__(self, problems: list[str]) -> None:
        """Keep every problem, one line each; no line holds a secret."""
        super().__init__("\n".join(problems))
        self.problems = problems
