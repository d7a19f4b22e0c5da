"""The frame of the administration's pages: its tabs, what was just done, and how they become routes (SEC-90)."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from pwauth_server.errors import PwauthError
from pwauth_server.web import forms, pages, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route

#: Name (a key of `admin.tabs`) and path of each tab, in order.
TABS = (
    *(("overview", "/admin"), ("people", "/admin/people"), ("sessions", "/admin/sessions"), ("invitations", "/admin/invitations")),
    *(("mail", "/admin/mail"), ("events", "/admin/events"), ("ceremonies", "/admin/ceremonies"), ("doctor", "/admin/doctor")),
)
#: What a page may be told to say after something was done: keys of `admin.said`.
SAID = frozenset(
    {"disable", "enable", "end_sessions", "delete", "removed", "lifted", "ended", "invited", "withdrawn", "requeued", "tested"}
)


def page(call: Call, template: str, problem: PwauthError | None = None, *, tab: str, status: int = 200, **facts: Any) -> Reply:
    """Answer with a page of the administration below a ``tab``, which tells of a ``problem`` if there was one."""
    said = call.request.args.get("said", "")
    frame = {"tabs": TABS, "tab": tab, "at": call.request.path, "said": said if said in SAID else None}
    known = frame | {"here": "admin", "is_admin": True, "nonce": forms.nonce(call.deps)}
    return pages.show(call.request, template, problem, status=status, **known, **facts)


def done(path: str, said: str) -> Reply:
    """Go back to a page, which says what was done."""
    return replies.redirect(f"{path}?said={said}")


def shows(path: str, handler: Callable[[Call], Awaitable[Reply]], summary: str, filters: type[BaseModel] | None = None) -> Route:
    """Return the route of a page: for every administrator."""
    return Route("GET", path, handler, summary, "Pages", guard=Guard.ADMIN_READ, filters=filters, cors=False, media_type="text/html")


def does(
    path: str, handler: Callable[[Call], Awaitable[Reply]], summary: str, *, page: str, form: type[schemas.Form] = schemas.Form
) -> Route:
    """Return the route of a form that stands on ``page``: for administrators who have just shown a passkey."""
    return Route(
        "POST", path, handler, summary, "Pages", guard=Guard.ADMIN_WRITE, form=form, page=page, cors=False, media_type="text/html"
    )
