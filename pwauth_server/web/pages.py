"""Pages for people, rendered on the server; nothing in them comes from another host."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pwauth_server.errors import PwauthError
from pwauth_server.rules.moments import in_words
from pwauth_server.web import replies
from pwauth_server.web.replies import Reply

_environment = Environment(
    loader=PackageLoader("pwauth_server.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters["moment"] = in_words

STYLESHEET = files("pwauth_server.web").joinpath("static/pwauth.css").read_bytes()


def render(template: str, **facts: Any) -> str:
    """Return a page; every fact is escaped."""
    return _environment.get_template(template).render(**facts)


def refused(error: PwauthError) -> Reply:
    """Answer a person with the public sentence of an error."""
    return refusing(render("refused.html", error=error), error)


def refusing(html: str, error: PwauthError) -> Reply:
    """Answer with a page that tells of an error, under its status and with its headers."""
    reply = replies.page(html, status=error.status)
    for name, value in error.headers.items():
        reply.add(name, value)
    return reply
