"""Passkeys: added, shown, renamed, removed, and used to sign in."""

from typing import Any

from pwauth_server.flows import passkey_sign_in, passkeys
from pwauth_server.flows.passkeys import Listed, Options, Passkey
from pwauth_server.rules import authenticators
from pwauth_server.rules.base64url import encode
from pwauth_server.rules.limits import Limit
from pwauth_server.rules.moments import rfc3339
from pwauth_server.web import arrivals, passkey_schemas, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def register_options(call: Call) -> Reply:
    """Begin to add a passkey."""
    body: passkey_schemas.PasskeyEnrolment = call.body
    return replies.ok(_options(await passkeys.begin(call.deps, call.session, email=body.email, caller=call.caller)))


async def register_complete(call: Call) -> Reply:
    """Add the passkey that an authenticator made."""
    body: passkey_schemas.NewPasskey = call.body
    added = await passkeys.finish(
        call.deps, call.session, pending_id=body.pending_id, response=body.response, name=body.name, caller=call.caller
    )
    return replies.ok({"credential": _passkey(added)})


async def login_options(call: Call) -> Reply:
    """Begin to sign in with a passkey."""
    body: passkey_schemas.PasskeyRequest = call.body
    return replies.ok(_options(await passkey_sign_in.begin(call.deps, email=body.email)))


async def login_complete(call: Call) -> Reply:
    """Sign in with the passkey that an authenticator used."""
    body: passkey_schemas.PasskeyAnswer = call.body
    done = await passkey_sign_in.finish(
        call.deps, pending_id=body.pending_id, response=body.response, caller=call.caller, current=call.current
    )
    return arrivals.by_program(call, done)


async def list_passkeys(call: Call) -> Reply:
    """List one's passkeys."""
    return replies.ok(_listed(await passkeys.listed(call.deps, call.owner)))


async def rename_passkey(call: Call) -> Reply:
    """Give one of one's passkeys another name."""
    body: passkey_schemas.PasskeyRenaming = call.body
    renamed = await passkeys.rename(call.deps, call.owner, call.path["passkey_id"], body.name, call.caller)
    return replies.ok({"credential": _passkey(renamed)})


async def remove_passkey(call: Call) -> Reply:
    """Remove one of one's passkeys, and list the others: the browser wants to know which are left."""
    return replies.ok(_listed(await passkeys.remove(call.deps, call.owner, call.path["passkey_id"], call.caller)))


def _options(options: Options) -> dict[str, Any]:
    return {"pending_id": options.pending_id, "publicKey": options.public_key}


def _passkey(it: Passkey) -> dict[str, Any]:
    return {
        "id": str(it.id),
        "credential_id": encode(it.credential_id),
        "name": it.name,
        "authenticator": authenticators.name_of(it.aaguid),
        "aaguid": str(it.aaguid),
        "transports": it.transports,
        "synced": bool(it.backup_eligible),
        "backed_up": it.backed_up,
        "created_at": rfc3339(it.created_at),
        "last_used_at": None if it.last_used_at is None else rfc3339(it.last_used_at),
        "suspended": it.suspended_at is not None,
    }


def _listed(found: Listed) -> dict[str, Any]:
    return {
        "credentials": [_passkey(it) for it in found.passkeys],
        "rpId": found.rp_id,
        "userId": encode(found.handle or b""),
        "allAcceptedCredentialIds": [encode(it) for it in found.accepted],
    }


_ONE = "/webauthn/credentials/<passkey_id:str>"
_SIGNED_IN = {401: "Not signed in."}
_MINE = {404: "No such passkey of mine."}
_OVER = "Not signed in recently, or the challenge is over."

ROUTES = (
    Route(
        "POST", "/webauthn/register/options", register_options, "Begin to add a passkey", "Passkeys",
        limits=(Limit.REQUESTS, Limit.PASSKEY_CEREMONIES), guard=Guard.ENROL,
        body=passkey_schemas.PasskeyEnrolment, answer=passkey_schemas.PasskeyOptions,
        statuses={403: "Signed in as somebody else than `email`.", 409: "There are twenty passkeys already."},
    ),
    Route(
        "POST", "/webauthn/register/complete", register_complete, "Add the passkey that an authenticator made", "Passkeys",
        guard=Guard.ENROL, body=passkey_schemas.NewPasskey, answer=passkey_schemas.NewPasskeyStored,
        statuses={400: "The answer does not count.", 401: _OVER, 404: "Another session's challenge.", 409: "There are twenty already."},
    ),
    Route(
        "POST", "/webauthn/login/options", login_options, "Begin to sign in with a passkey", "Sign in",
        limits=(Limit.REQUESTS, Limit.PASSKEY_CEREMONIES),
        body=passkey_schemas.PasskeyRequest, answer=passkey_schemas.PasskeyOptions,
    ),
    Route(
        "POST", "/webauthn/login/complete", login_complete, "Sign in with a passkey", "Sign in",
        guard=Guard.ANYBODY, body=passkey_schemas.PasskeyAnswer, answer=schemas.Tokens,
        statuses={401: "The passkey does not sign in, or the challenge is over."},
    ),
    Route(
        "GET", "/webauthn/credentials", list_passkeys, "List my passkeys", "Passkeys",
        guard=Guard.SESSION, answer=passkey_schemas.PasskeyList, statuses=_SIGNED_IN,
    ),
    Route(
        "PATCH", _ONE, rename_passkey, "Rename one of my passkeys", "Passkeys",
        guard=Guard.SESSION, body=passkey_schemas.PasskeyRenaming, answer=passkey_schemas.NewPasskeyStored,
        statuses={**_SIGNED_IN, **_MINE},
    ),
    Route(
        "DELETE", _ONE, remove_passkey, "Remove one of my passkeys", "Passkeys",
        guard=Guard.RECENT, answer=passkey_schemas.PasskeyList,
        statuses={**_MINE, 409: "Nobody could sign in without it, or an administrator would have none."},
    ),
)  # fmt: skip
