"""Forms of the sign-in page, of the account page and of the administration."""

from typing import Annotated

from pydantic import Field

from pwauth_server.web import passkey_schemas
from pwauth_server.web.schemas import Form, Name, Text

__all__ = ["Form"]

Address = Annotated[str, Field(max_length=300)]
ReturnTo = Annotated[str, Field(max_length=2048)]
#: What somebody typed; the handler says on the page what is wrong with it.
Typed = Annotated[str, Field(max_length=40)]


class SignInForm(Form):
    """Ask for a letter."""

    email: Address
    return_to: ReturnTo = ""


class CodeForm(Form):
    """Type the code of one's letter, or of one's app."""

    code: Typed


class TotpForm(CodeForm):
    """Sign in by a code of one's app."""

    email: Address
    return_to: ReturnTo = ""


class PasskeyAnswerForm(Form):
    """A passkey's answer to a challenge: in a form, so that the session lands in a cookie."""

    pending_id: Text
    response: Annotated[Text, Field(description="`PublicKeyCredential.toJSON()` as JSON.")]
    return_to: ReturnTo = ""


class TestLetterForm(Form):
    """Send a test letter."""

    email: Address


class NameForm(Form):
    """Change one's name."""

    name: Name


class PasskeyForm(Form):
    """Give a passkey another name."""

    name: passkey_schemas.Name


class InvitationForm(Form):
    """Invite an address until a day."""

    email: Address
    until: Typed


class ConfirmForm(CodeForm):
    """Confirm who one is by a code of the app, or by a recovery code."""

    return_to: ReturnTo = ""
