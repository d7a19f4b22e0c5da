"""The sign-in page: ask for a letter, wait for it, type its code, be let in from another device."""

import math
from typing import Any

from pwauth_server.errors import Malformed, Missing, PwauthError, SignInFailed
from pwauth_server.flows import magic_link, totp, waiting
from pwauth_server.flows.waiting import Waiting
from pwauth_server.rules import addresses, codes, ids
from pwauth_server.rules.limits import Limit
from pwauth_server.web import arrivals, cookies, forms, page_forms, pages, replies, words
from pwauth_server.web.magic_link import ask, return_to
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route
from pwauth_server.web.totp import six_digits

SENT = "/signin/sent"


async def page(call: Call) -> Reply:
    """Ask who wants to sign in; where to afterwards is kept only if it is a place of ours."""
    wanted = _query(call, "return_to")
    try:
        return_to(call.deps, wanted or None)
    except Malformed:
        wanted = ""
    return _page(call, return_to=wanted)


async def send(call: Call) -> Reply:
    """Queue a letter; the browser then waits for it."""
    form: page_forms.SignInForm = call.body
    try:
        email = addresses.canonical(form.email.strip())
    except ValueError:
        return _page(call, status=400, return_to=form.return_to, email=form.email, slip="bad_address")
    request_id, asked = await ask(call, email, return_to(call.deps, form.return_to or None))
    reply = asked(replies.redirect(SENT))
    cookies.put(reply, cookies.WAITING, str(request_id), max_age=cookies.REQUEST_LIFE)
    return reply


async def sent(call: Call) -> Reply:
    """Tell a browser what became of its letter, and take the code."""
    return await _sent(call)


async def state(call: Call) -> Reply:
    """Tell a waiting page what changed."""
    found = await _look(call)
    if found is None or not found.is_live:
        return replies.ok({"is_live": False})
    text = words.of(call.request.headers.get("accept-language", ""))(f"sent.state_{found.letter}")
    return replies.ok({"is_live": True, "letter": found.letter, "text": text, "is_approved": found.is_approved})


async def code(call: Call) -> Reply:
    """Sign in with the code of the letter that this browser asked for."""
    form: page_forms.CodeForm = call.body
    if await _look(call) is None:
        return replies.redirect("/signin")
    try:
        done = await magic_link.verify_code(
            call.deps,
            request_id=_request_id(call),
            code=codes.normal(form.code),
            browser_hash=cookies.browser_hash_of(call.request),
            caller=call.caller,
            current=call.current,
        )
    except (SignInFailed, ValueError):
        return await _sent(call, status=401, slip="wrong_code")
    return arrivals.by_form(call, done)


async def enter(call: Call) -> Reply:
    """Come in after the link's reader said so."""
    done = await waiting.enter(call.deps, _request_id(call), cookies.browser_hash_of(call.request), call.caller, current=call.current)
    return arrivals.by_form(call, done)


async def totp_page(call: Call) -> Reply:
    """Ask for an address and a code of its app."""
    return _totp_page(call, return_to=_query(call, "return_to"))


async def by_totp(call: Call) -> Reply:
    """Sign in by a code of one's app, where that is enough (SEC-35)."""
    form: page_forms.TotpForm = call.body
    wanted = return_to(call.deps, form.return_to or None)
    try:
        email = addresses.canonical(form.email.strip())
        done = await totp.verify_alone(call.deps, email=email, code=six_digits(form.code), caller=call.caller, current=call.current)
    except ValueError:
        return _totp_page(call, slip="bad_address", email=form.email, return_to=form.return_to)
    except PwauthError as problem:
        return _totp_page(call, problem, email=form.email, return_to=form.return_to)
    return arrivals.by_form(call, done, default=wanted or "/")


def _totp_page(call: Call, problem: PwauthError | None = None, *, email: str = "", return_to: str = "", slip: str | None = None) -> Reply:
    if call.deps.config.totp_mode == "second_factor":  # alone it signs nobody in
        raise Missing
    facts: dict[str, Any] = {"return_to": return_to, "email": email, "slip": slip, "nonce": forms.nonce(call.deps)}
    return pages.show(call.request, "signin_totp.html", problem, status=400 if slip else 200, **facts)


def _page(call: Call, *, status: int = 200, return_to: str = "", email: str = "", slip: str | None = None) -> Reply:
    app_codes = call.deps.config.totp_mode != "second_factor"
    facts: dict[str, Any] = {"return_to": return_to, "email": email, "slip": slip, "nonce": forms.nonce(call.deps)}
    return pages.show(call.request, "signin.html", status=status, current=call.current, app_codes=app_codes, **facts)


async def _sent(call: Call, *, status: int = 200, slip: str | None = None) -> Reply:
    found = await _look(call)
    if found is None:
        return replies.redirect("/signin")
    wait = math.ceil(found.asked_at + call.deps.limiter.window(Limit.MAIL_COOLDOWN) - call.deps.clock.now())
    return pages.show(call.request, "sent.html", status=status, it=found, slip=slip, wait=wait, nonce=forms.nonce(call.deps))


async def _look(call: Call) -> Waiting | None:
    return await waiting.look(call.deps, _request_id(call), cookies.browser_hash_of(call.request))


def _request_id(call: Call) -> Any:
    value = cookies.get(call.request, cookies.WAITING)
    return ids.parse(value) if value else None



def _query(call: Call, name: str) -> str:
    values = call.request.args.getlist(name, [])
    return str(values[0]) if len(values) == 1 else ""


_PAGE: dict[str, Any] = {"cors": False, "media_type": "text/html", "guard": Guard.ANYBODY}

ROUTES = (
    Route("GET", "/signin", page, "The sign-in page", "Pages", **_PAGE),
    Route(
        "POST", "/signin", send, "Ask for a letter by form", "Pages",
        limits=(Limit.REQUESTS, Limit.MAIL_PER_CLIENT), form=page_forms.SignInForm, **_PAGE,
    ),
    Route("GET", SENT, sent, "Wait for one's letter", "Pages", **_PAGE),
    Route("GET", "/signin/state", state, "What became of one's letter", "Pages", limits=(Limit.PAGE_POLLS,), cors=False),
    Route("POST", "/signin/code", code, "Type the code of one's letter", "Pages", form=page_forms.CodeForm, **_PAGE),
    Route("GET", "/signin/totp", totp_page, "Sign in by an authenticator app", "Pages", **_PAGE),
    Route("POST", "/signin/totp", by_totp, "Show its code", "Pages", form=page_forms.TotpForm, **_PAGE),
    Route("POST", "/signin/enter", enter, "Come in after another device said so", "Pages", form=page_forms.Form, **_PAGE),
)  # fmt: skip
