"""My account and my sessions."""

from pwauth_server.errors import Malformed, Unauthenticated
from pwauth_server.flows import account, sessions
from pwauth_server.web import answers, bodies, cookies, guards, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def me(call: Call) -> Reply:
    """Tell who is signed in."""
    return Reply(answers.person(await account.me(call.deps, call.owner)))


async def change_me(call: Call) -> Reply:
    """Change one's name, or whether sign-in letters are sent."""
    body: schemas.Changes = call.body
    if body.name is None and body.mail_sign_in is None:
        raise Malformed("There is nothing to change.")
    await account.change(call.deps, call.owner, call.caller, name=body.name, mail_sign_in=body.mail_sign_in)
    return await me(call)


async def list_sessions(call: Call) -> Reply:
    """List one's live sessions."""
    found = await sessions.of_owner(call.deps, call.owner)
    return replies.ok({"sessions": [answers.session(it, call.owner) for it in found]})


async def end_session(call: Call) -> Reply:
    """End one of one's sessions."""
    await sessions.end(call.deps, call.owner, call.path["session_id"], call.caller)
    return replies.empty()


async def end_other_sessions(call: Call) -> Reply:
    """End all of one's sessions but this one."""
    return replies.ok({"ended": await sessions.end_others(call.deps, call.owner, call.caller)})


async def log_out(call: Call) -> Reply:
    """End this session and clear the cookie; a browser whose session is over already is rid of the cookie too."""
    try:
        session = await guards.session(call.request, call.deps)
    except Unauthenticated:
        if cookies.get(call.request, cookies.SESSION) is None:
            raise
    else:
        await sessions.log_out(call.deps, session, call.caller)
    reply = replies.redirect("/") if bodies.is_form(call.request) else replies.empty()
    cookies.drop_session(reply, call.deps.config)
    return reply


_SIGNED_IN = {401: "Not signed in."}

ROUTES = (
    Route("GET", "/me", me, "Who am I", "Account", guard=Guard.SESSION, answer=schemas.Person, statuses=_SIGNED_IN),
    Route(
        "PATCH", "/me", change_me, "Change my name, or switch mail sign-in off or on (after a step-up)", "Account",
        guard=Guard.SESSION, body=schemas.Changes, answer=schemas.Person,
        statuses={
            401: "Not signed in; for `mail_sign_in` also: not recently or strongly enough (`insufficient_user_authentication`).",
            409: "The account has too little besides its mailbox: `last_factor`.",
        },
    ),
    Route(
        "GET", "/sessions", list_sessions, "List my sessions", "Account",
        guard=Guard.SESSION, answer=schemas.SessionList, statuses=_SIGNED_IN,
    ),
    Route(
        "DELETE", "/sessions", end_other_sessions, "End all my other sessions", "Account",
        guard=Guard.RECENT, answer=schemas.Ended,
    ),
    Route(
        "DELETE", "/sessions/<session_id:str>", end_session, "End one of my sessions", "Account",
        guard=Guard.SESSION, statuses={**_SIGNED_IN, 204: "Ended.", 404: "No such session of mine."},
    ),
    Route(
        "POST", "/logout", log_out, "End this session", "Account",
        statuses={**_SIGNED_IN, 204: "Signed out.", 403: "A browser's cookie, sent by another site's page: `cross_origin`."},
    ),
)  # fmt: skip
