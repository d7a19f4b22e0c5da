"""Addresses that browsers and password managers know by heart (RFC 8615)."""

from pwauth_server.web import passkey_schemas, replies
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route

#: The page where people manage their account.
ACCOUNT = "/account"


async def related_origins(call: Call) -> Reply:
    """Tell browsers which origins may use passkeys of this domain (WebAuthn L3 section 5.11.1)."""
    return replies.ok({"origins": call.deps.config.passkey_origins}, kind="public")


async def passkey_endpoints(call: Call) -> Reply:
    """Tell password managers where passkeys are added and managed."""
    page = f"{call.deps.config.public_url}{ACCOUNT}"
    return replies.ok({"enroll": page, "manage": page}, kind="public")


async def change_password(_: Call) -> Reply:
    """Lead whoever looks for a password to change to the account, where the factors are."""
    return replies.redirect(ACCOUNT)


ROUTES = (
    Route(
        "GET", "/.well-known/webauthn", related_origins, "Origins that may use passkeys of this domain", "Passkeys",
        answer=passkey_schemas.RelatedOrigins,
    ),
    Route(
        "GET", "/.well-known/passkey-endpoints", passkey_endpoints, "Where passkeys are added and managed", "Passkeys",
        answer=passkey_schemas.PasskeyEndpoints,
    ),
    Route(
        "GET", "/.well-known/change-password", change_password, "Where the account is managed", "Account",
        cors=False, statuses={303: "To the account's page."},
    ),
)  # fmt: skip
