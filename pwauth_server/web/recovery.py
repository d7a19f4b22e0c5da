"""Recovery codes: made by a session that has stepped up, shown on top of the mailbox."""

from pwauth_server.errors import NotACode, PwauthError
from pwauth_server.flows import recovery
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.rules.recovery import normal
from pwauth_server.web import arrivals, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def make_recovery_codes(call: Call) -> Reply:
    """Make ten codes and show them, this once."""
    return replies.ok({"codes": await recovery.make(call.deps, call.owner, call.caller)})


async def verify_recovery_code(call: Call) -> Reply:
    """Step up, or finish a sign-in; our own page gets a cookie."""
    if isinstance(call.body, schemas.RecoveryForm):
        return await _verify_form(call, call.body)
    body: schemas.RecoveryVerification = call.body
    if body.pending_id is not None:
        return arrivals.by_program(call, await _finish(call, body.pending_id, body.code))
    done = await recovery.step_up_with(call.deps, code=body.code, caller=call.caller, current=call.current)
    return arrivals.by_program(call, done)


async def _verify_form(call: Call, form: schemas.RecoveryForm) -> Reply:
    try:
        done = await _finish(call, form.pending_id, recovery_code(form.code))
    except PwauthError as problem:
        return await arrivals.second_factor_refused(call, form.pending_id, problem)
    return arrivals.by_form(call, done)


async def _finish(call: Call, pending_id: str, code: str) -> SignedIn | SecondFactorDue:
    return await recovery.finish_with(call.deps, pending_id=pending_id, code=code, caller=call.caller, current=call.current)


def recovery_code(typed: str) -> str:
    """Return what somebody typed into a page as a recovery code; raise NotACode if it cannot be one."""
    try:
        return normal(typed)
    except ValueError as cause:
        raise NotACode from cause


ROUTES = (
    Route(
        "POST", "/recovery-codes", make_recovery_codes, "Make ten new recovery codes; all earlier ones are void", "Account",
        guard=Guard.RECENT, answer=schemas.RecoveryCodes,
    ),
    Route(
        "POST", "/recovery-codes/verify", verify_recovery_code, "Show a recovery code on top of the mailbox", "Sign in",
        guard=Guard.ANYBODY, body=schemas.RecoveryVerification, form=schemas.RecoveryForm, answer=schemas.Tokens,
        statuses={303: "Signed in by form; the session is in a cookie.", 401: "The code does not work here.",
                  403: "You are signed in as somebody else."},
    ),
)  # fmt: skip
