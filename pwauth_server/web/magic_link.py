"""Signing in by mail: ask, open the harmless page, show link or code."""

from collections.abc import Callable
from uuid import UUID

from sanic import Request

from pwauth_server.deps import Deps
from pwauth_server.errors import ConfirmationRequired, Malformed
from pwauth_server.flows import magic_link, waiting
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.rules import ids, policy
from pwauth_server.rules.limits import Limit
from pwauth_server.web import arrivals, bodies, cookies, forms, pages, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def request_magic(call: Call) -> Reply:
    """Queue a letter and remember the browser that asked."""
    body: schemas.MagicRequest = call.body
    request_id, asked = await ask(call, body.email, return_to(call.deps, body.return_to))
    return asked(replies.ok({"status": "accepted", "request_id": str(request_id)}))


async def ask(call: Call, email: str, wanted: str | None) -> tuple[UUID, Callable[[Reply], Reply]]:
    """Queue a letter to a canonical address; return the request's id, and what adds the asking browser's cookie to the answer."""
    value, browser_hash = cookies.binding_of(call.request) or cookies.new_binding(call.deps.entropy.random(32))
    request_id = await magic_link.request(call.deps, email=email, return_to=wanted, browser_hash=browser_hash, caller=call.caller)

    def asked(reply: Reply) -> Reply:
        cookies.put(reply, cookies.REQUEST, value, max_age=cookies.REQUEST_LIFE)
        return reply

    return request_id, asked


async def open_link(call: Call) -> Reply:
    """Show the page to whatever looks like a browser or a mail scanner; let an API client in (SEC-12)."""
    token = call.request.args.get("token", "")
    wants_page = call.deps.config.magic_link_get == "interstitial" or _looks_like_browser(call.request)
    if len(call.request.args.getlist("token", [])) != 1 or len(token) > bodies.MAX_TEXT:
        problem = Malformed("The link is not complete.")
        if wants_page and pages.are_wanted(call.request):
            return pages.refused(call.request, problem)
        raise problem
    if wants_page or call.request.method == "HEAD":
        magic_link.page_opened(call.deps, call.caller)
        return _page(call, token)
    # A client that asked for JSON by name is no mail scanner; `strict` still wants the cookie.
    return arrivals.by_program(call, await _verify(call, token, confirmed=True))


async def verify_link(call: Call) -> Reply:
    """Use a link up: a JSON client gets tokens, our own page a cookie."""
    if isinstance(call.body, schemas.MagicForm):
        return await _verify_form(call, call.body)
    body: schemas.MagicVerification = call.body
    return arrivals.by_program(call, await _verify(call, body.token, confirmed=body.confirm_other_device))


async def verify_code(call: Call) -> Reply:
    """Sign in with the code of one's own request."""
    body: schemas.CodeVerification = call.body
    done = await magic_link.verify_code(
        call.deps,
        request_id=ids.parse(body.request_id),
        code=body.code,
        browser_hash=cookies.browser_hash_of(call.request),
        caller=call.caller,
        current=call.current,
    )
    return arrivals.by_program(call, done)


async def _verify_form(call: Call, form: schemas.MagicForm) -> Reply:
    if form.number is not None:
        is_in = await waiting.approve(call.deps, token=form.token, number=form.number, caller=call.caller)
        return pages.show(call.request, "let_in.html", status=200 if is_in else 403, is_in=is_in)
    try:
        done = await _verify(call, form.token, confirmed=form.confirm_other_device == "true")
    except ConfirmationRequired as asked:
        return _page(call, form.token, asked)
    return arrivals.by_form(call, done)


def _page(call: Call, token: str, asked: ConfirmationRequired | None = None) -> Reply:
    return pages.show(call.request, "verify_magic.html", asked, token=token, nonce=forms.nonce(call.deps), asked=asked)


async def _verify(call: Call, token: str, *, confirmed: bool) -> SignedIn | SecondFactorDue:
    return await magic_link.verify_link(
        call.deps,
        token=token,
        browser_hash=cookies.browser_hash_of(call.request),
        confirmed=confirmed,
        caller=call.caller,
        current=call.current,
    )


def return_to(deps: Deps, wanted: str | None) -> str | None:
    """Return where somebody wants to go if that is a place of ours or an allowed one; raise Malformed otherwise (SEC-94)."""
    if wanted is None:
        return None
    try:
        return policy.safe_return(wanted, [deps.config.public_origin, *deps.config.allowed_redirects])
    except ValueError:
        raise Malformed("return_to: is not valid.") from None


def _looks_like_browser(request: Request) -> bool:
    """Tell whether a person, a prefetch or a scanner asks; when in doubt they do, because a page costs nothing."""

    def said(*names: str) -> str:
        return " ".join(value for name in names for value in request.headers.getall(name, [])).lower()

    accept = said("accept").strip()
    if "text/html" in accept or "application/xhtml+xml" in accept or "navigate" in said("sec-fetch-mode"):
        return True
    if any(hint in said("sec-purpose", "purpose", "x-moz") for hint in ("prefetch", "preview")):
        return True
    if "application/json" in accept and said("sec-fetch-site") != "cross-site":
        return False  # a program, also one in a page of the operator's
    # Programs name JSON, or say nothing of their own ("*/*" and not a word more); scanners and old browsers list pictures.
    return accept not in {"", "*/*"} or bool(said("sec-fetch-mode", "sec-fetch-dest", "sec-fetch-site"))


ROUTES = (
    Route(
        "POST", "/request/magic", request_magic, "Ask for a sign-in letter", "Sign in",
        limits=(Limit.REQUESTS, Limit.MAIL_PER_CLIENT), body=schemas.MagicRequest, answer=schemas.MagicRequested,
        statuses={503: "The hourly cap of letters is reached."},
    ),
    Route(
        "GET", "/verify/magic", open_link, "Open a link: a page for browsers, tokens for API clients", "Sign in",
        guard=Guard.ANYBODY, answer=schemas.Tokens, instead=schemas.SecondFactor, also=("text/html",), query={"token": "The link's token."},
        statuses={401: "The link does not work.", 403: "Another browser asked (`strict`)."},
    ),
    Route(
        "POST", "/verify/magic", verify_link, "Use a link up", "Sign in",
        guard=Guard.ANYBODY, body=schemas.MagicVerification, form=schemas.MagicForm,
        answer=schemas.Tokens, instead=schemas.SecondFactor, also=("text/html",),
        statuses={
            303: "Signed in by form; the session is in a cookie.",
            401: "The link does not work.",
            403: "Another browser asked: confirm, or use that browser.",
        },
    ),
    Route(
        "POST", "/verify/magic/code", verify_code, "Sign in with the code of the letter", "Sign in",
        guard=Guard.ANYBODY, body=schemas.CodeVerification, answer=schemas.Tokens, instead=schemas.SecondFactor,
        statuses={401: "The code does not work.", 403: "Another browser asked (`strict`)."},
    ),
)  # fmt: skip
