"""Forms of our own pages, and from whom they are taken; the edge asks for every one of them (SEC-18, SEC-95)."""

import hmac
from hashlib import sha256

from pwauth_server.deps import Deps
from pwauth_server.errors import CrossOrigin
from pwauth_server.rules import secrets
from pwauth_server.web import guards
from pwauth_server.web.route import Call
from pwauth_server.web.schemas import Form

PURPOSE = "form-nonce"
#: A page may lie open at least this long, in seconds: as long as the longest link lives.
NONCE_LIFE = 900


def nonce(deps: Deps) -> str:
    """Return what a page of ours puts into its forms.

    It tells nothing about a link or a person, so the page of a live link is that of an invented one (SEC-13).
    """
    return _nonces(deps)[0]


def own(call: Call) -> None:
    """Raise CrossOrigin for a form that did not come from a page of ours: another site's, or a saved copy (SEC-18)."""
    guards.same_origin(call.request, call.deps.config)
    form: Form = call.body
    if not any(secrets.same(form.nonce.encode(), known.encode()) for known in _nonces(call.deps)):
        raise CrossOrigin


def _nonces(deps: Deps) -> tuple[str, str]:
    """Return the nonce of now and the one before it."""
    window = int(deps.clock.now() // NONCE_LIFE)
    key = deps.ring.derive(PURPOSE)
    now, before = (hmac.digest(key, str(number).encode(), sha256).hex() for number in (window, window - 1))
    return now, before
