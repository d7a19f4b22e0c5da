"""Tokens: refresh, revoke, introspect, public keys."""

from pwauth_server.flows import keys, tokens
from pwauth_server.rules.limits import Limit
from pwauth_server.web import answers, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route

#: All of it, for whatever reason: anything more would tell a scanner what it found (RFC 7662 section 2.2).
_INACTIVE = b'{"active":false}'


async def refresh(call: Call) -> Reply:
    """Exchange a refresh token."""
    return replies.ok(answers.tokens(await tokens.rotate(call.deps, call.body.refresh_token, call.caller)))


async def revoke(call: Call) -> Reply:
    """End the session of a token; the same answer whatever it was (RFC 7009 section 2.2)."""
    await tokens.revoke(call.deps, call.body.token, call.caller)
    return replies.ok({})


async def introspect(call: Call) -> Reply:
    """Tell a program what a token says and whether it counts."""
    proven = await tokens.introspect(call.deps, call.body.token)
    return Reply(_INACTIVE if proven is None else answers.introspection(proven.access, proven.session))


async def jwks(call: Call) -> Reply:
    """Publish the keys that verify access tokens."""
    await keys.fresh(call.deps)
    return replies.ok(keys.public_jwks(call.deps), kind="public")


ROUTES = (
    Route(
        "POST", "/token/refresh", refresh, "Exchange a refresh token for new tokens", "Tokens",
        limits=(Limit.REQUESTS, Limit.REFRESH_PER_CLIENT), body=schemas.RefreshRequest, answer=schemas.Tokens,
        statuses={401: "The token is spent, unknown or over."},
    ),
    Route(
        "POST", "/token/revoke", revoke, "End the session a token belongs to (RFC 7009)", "Tokens",
        body=schemas.TokenInQuestion, form=schemas.TokenInQuestion,
    ),
    Route(
        "POST", "/token/introspect", introspect, "Ask what a token says (RFC 7662)", "Tokens",
        # A program asks for every request of every person behind it; only wrong keys are limited.
        limits=(), guard=Guard.INTROSPECT, cors=False, repeats=True,
        body=schemas.TokenInQuestion, form=schemas.TokenInQuestion, answer=schemas.Introspection,
    ),
    Route("GET", "/.well-known/jwks.json", jwks, "Public keys of access tokens", "Tokens", answer=schemas.Jwks),
)  # fmt: skip
