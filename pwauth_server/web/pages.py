"""Pages for people, rendered on the server in their language; nothing in them comes from another host."""

from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from sanic import Request

from pwauth_server.errors import Missing, PwauthError, StepUpRequired, Unauthenticated
from pwauth_server.web import replies, words
from pwauth_server.web.replies import Reply

_environment = Environment(
    loader=PackageLoader("pwauth_server.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

#: Everything below `/static/`, with its media type.
STATIC = {
    file.name: (_TYPES[file.name.rpartition(".")[2]], file.read_bytes())
    for file in files("pwauth_server.web").joinpath("static").iterdir()
    if file.is_file()
}


def show(request: Request, template: str, problem: PwauthError | None = None, *, status: int = 200, **facts: Any) -> Reply:
    """Answer with a page in the reader's language; every fact is escaped.

    A page that tells of a ``problem`` has its status and its headers.
    """
    t = words.of(request.headers.get("accept-language", ""))
    html = _environment.get_template(template).render(t=t, product=request.app.ctx.product, problem=problem, **facts)
    reply = replies.page(html, status=problem.status if problem else status)
    for name, value in problem.headers.items() if problem else ():
        reply.add(name, value)
    return reply.add("content-language", t.language).add("vary", "accept-language")


def are_wanted(request: Request) -> bool:
    """Tell whether a browser asks, for somebody who reads."""
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and "json" not in accepted


def refused(request: Request, error: PwauthError, *, page: str = "/") -> Reply:
    """Answer a person whom a page cannot serve: by signing in first or once more, or with the error's public sentence.

    A form cannot be gone back to: what follows is the ``page`` that it stands on.
    """
    is_form = request.method not in {"GET", "HEAD"}
    here = quote(page if is_form else request.path)
    if isinstance(error, Unauthenticated):
        return replies.redirect(f"/signin?return_to={here}")
    if isinstance(error, StepUpRequired):
        return replies.redirect(f"/account/confirm?return_to={here}")
    is_nowhere = isinstance(error, Missing) and not is_form
    return show(request, "refused.html", error, is_nowhere=is_nowhere, back=page if is_form else "/")
