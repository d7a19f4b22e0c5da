"""Disowning ("this wasn't me"): a harmless page behind the link of a notice, and the button on it."""

from pwauth_server.errors import Malformed
from pwauth_server.flows import disown
from pwauth_server.web import bodies, forms, pages, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route


async def open_not_me(call: Call) -> Reply:
    """Show the page: the same for every link, and nothing is read or written, whoever opens it (SEC-12)."""
    token = call.request.args.get("token", "")
    if len(call.request.args.getlist("token", [])) != 1 or len(token) > bodies.MAX_TEXT:
        raise Malformed("The link is not complete.")
    return pages.show(call.request, "not_me.html", token=token, nonce=forms.nonce(call.deps))


async def not_me(call: Call) -> Reply:
    """Take back what happened since the letter."""
    await disown.disown(call.deps, call.body.token, call.caller)
    if isinstance(call.body, schemas.DisownForm):
        return pages.show(call.request, "not_me_done.html")
    return replies.ok({"status": "disowned"})


ROUTES = (
    Route(
        "GET", "/not-me", open_not_me, "Open the link of a notice: a page that does nothing", "Account",
        query={"token": "The link's token."}, media_type="text/html",
    ),
    Route(
        "POST", "/not-me", not_me, "This wasn't me: end all sessions, suspend what was added since, tell the administrators", "Account",
        body=schemas.Disowning, form=schemas.DisownForm, answer=schemas.Disowned, also=("text/html",),
        statuses={403: "A form that is not ours.", 404: "The link is too old, or not ours."},
    ),
)  # fmt: skip
