"""Shapes of what passkey routes take and give."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pwauth_server.web.schemas import Answer, Body, Change, Email, Moment, Text


def _named(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("name")
    return text.strip()


Name = Annotated[str, AfterValidator(_named), Field(max_length=64, examples=["Blue key on my desk"])]
#: The browser's own object: `credential.toJSON()`. Looked at only once its challenge is used up.
Credential = Annotated[dict[str, Any], Field(description="What `PublicKeyCredential.toJSON()` returns.")]


class PasskeyRequest(Body):
    """Ask for a challenge."""

    email: Annotated[Email | None, Field(description="Whose passkey; without it any that the device knows.")] = None


class PasskeyEnrolment(Body):
    """Ask for a challenge for a new passkey."""

    email: Annotated[Email | None, Field(description="One's own address, if given at all.")] = None


class PasskeyOptions(Answer):
    """A challenge: `publicKey` is what `PublicKeyCredential.parse…OptionsFromJSON` takes."""

    pending_id: str
    publicKey: dict[str, Any]  # noqa: N815 - the browsers' name


class PasskeyAnswer(Body):
    """What an authenticator made of a challenge."""

    pending_id: Text
    response: Credential


class NewPasskey(PasskeyAnswer):
    """The same for a new passkey, which may be named."""

    name: Name | None = None


class PasskeyRenaming(Change):
    """Give a passkey another name."""

    name: Name


class Passkey(Answer):
    """A passkey as its owner sees it."""

    id: Annotated[str, Field(description="Names it in `/webauthn/credentials/{id}`.")]
    credential_id: Annotated[str, Field(description="What the authenticator calls it (base64url).")]
    name: str
    authenticator: Annotated[str, Field(description="What made it, as far as it says.")]
    aaguid: str
    transports: list[str]
    synced: Annotated[bool, Field(description="Whether a provider may copy it to other devices.")]
    backed_up: Annotated[bool, Field(description="Whether one does.")]
    created_at: Moment
    last_used_at: Moment | None
    suspended: Annotated[bool, Field(description="Whether its owner disowned it: it signs nobody in.")]


class NewPasskeyStored(Answer):
    """The passkey that was added or renamed."""

    credential: Passkey


class PasskeyList(Answer):
    """One's passkeys; the whole object is also what `PublicKeyCredential.signalAllAcceptedCredentials()` takes."""

    credentials: list[Passkey]
    rpId: str  # noqa: N815 - the browsers' names
    userId: Annotated[str, Field(description="Empty while no passkey was ever asked for.")]  # noqa: N815
    allAcceptedCredentialIds: list[str]  # noqa: N815


class RelatedOrigins(Answer):
    """Origins whose pages may use passkeys of this domain (WebAuthn L3 section 5.11)."""

    origins: list[str]


class PasskeyEndpoints(Answer):
    """Where people add and manage passkeys (W3C "Passkey endpoints")."""

    enroll: str
    manage: str
