"""One-time passwords: enrol, show a code, remove."""

import re

from pwauth_server.errors import Malformed, NotACode, PwauthError
from pwauth_server.flows import totp
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.rules.totp import PATTERN
from pwauth_server.web import answers, arrivals, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def enroll(call: Call) -> Reply:
    """Show a new secret, once."""
    made = await totp.enrol(call.deps, session=call.session, email=call.body.email, caller=call.caller)
    return replies.ok(answers.enrolment(made))


async def verify(call: Call) -> Reply:
    """Take a code, wherever it belongs."""
    if isinstance(call.body, schemas.PendingTotpForm):
        return await _verify_form(call, call.body)
    return arrivals.by_program(call, await _verify(call, call.body))


async def remove(call: Call) -> Reply:
    """Remove one's one-time passwords."""
    await totp.remove(call.deps, call.owner, call.caller)
    return replies.empty()


async def _verify(call: Call, body: schemas.TotpVerification) -> SignedIn | SecondFactorDue:
    if body.pending_id is not None:
        return await totp.verify_second(call.deps, pending_id=body.pending_id, code=body.code, caller=call.caller, current=call.current)
    if call.current and totp.is_meant(call.current, body.email):
        return await totp.verify_for(call.deps, current=call.current, code=body.code, caller=call.caller)
    if body.email is None:
        raise Malformed("email: is missing.")
    return await totp.verify_alone(call.deps, email=body.email, code=body.code, caller=call.caller, current=call.current)


async def _verify_form(call: Call, form: schemas.PendingTotpForm) -> Reply:
    try:
        code = six_digits(form.code)
        done = await totp.verify_second(call.deps, pending_id=form.pending_id, code=code, caller=call.caller, current=call.current)
    except PwauthError as problem:
        return await arrivals.second_factor_refused(call, form.pending_id, problem)
    return arrivals.by_form(call, done)


def six_digits(typed: str) -> str:
    """Return what somebody typed into a page as a code of an app; raise NotACode if it cannot be one."""
    if not re.fullmatch(PATTERN, typed.strip(), re.ASCII):
        raise NotACode
    return typed.strip()


ROUTES = (
    Route(
        "POST", "/totp/enroll", enroll, "Ask for the secret of an authenticator app", "One-time passwords",
        guard=Guard.ENROL, body=schemas.TotpEnrolment, answer=schemas.TotpSecret,
        statuses={403: "That is somebody else's address."},
    ),
    Route(
        "POST", "/totp/verify", verify, "Show a code: confirm a secret, sign in, finish a sign-in, or step up", "One-time passwords",
        guard=Guard.ANYBODY, body=schemas.TotpVerification, form=schemas.PendingTotpForm, answer=schemas.Tokens,
        statuses={
            303: "Signed in by form; the session is in a cookie.",
            401: "The code does not work.",
            403: "Signed in as somebody else, or a form that is not ours.",
        },
    ),
    Route(
        "DELETE", "/totp", remove, "Remove my one-time passwords", "One-time passwords",
        guard=Guard.RECENT, statuses={204: "Removed.", 404: "There are none.", 409: "Nothing else would be left: `last_factor`."},
    ),
)  # fmt: skip
