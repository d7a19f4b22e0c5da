"""Administration of letters: the queue, test letters, invitations."""

from pwauth_server.flows import admin_mail, admin_views, invites, mail
from pwauth_server.web import admin_answers, queries, replies
from pwauth_server.web import admin_schemas as shapes
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def list_emails(call: Call) -> Reply:
    """Show the mail queue."""
    query: queries.LetterSearch = call.query
    found = await admin_views.letters(
        call.deps, status=query.status, kind=query.kind, recipient=query.to, limit=query.limit, offset=query.offset
    )
    return replies.ok({"emails": [admin_answers.letter(row) for row in found.letters], "total": found.total})


async def requeue_email(call: Call) -> Reply:
    """Let a dead letter be tried again."""
    await mail.requeue(call.deps, call.path["letter_id"], call.caller, by=call.actor)
    return replies.empty()


async def test_email(call: Call) -> Reply:
    """Queue a test letter."""
    return replies.ok({"id": str(await admin_mail.send_test(call.deps, call.actor, call.body.email, call.caller))})


async def invite(call: Call) -> Reply:
    """Invite an address."""
    body: shapes.Invitation = call.body
    made = await invites.invite(call.deps, call.actor, email=body.email, days=body.expires_in_days, caller=call.caller)
    return replies.ok(admin_answers.invite(made))


async def list_invites(call: Call) -> Reply:
    """Show open invitations."""
    found = await invites.listed(call.deps, limit=call.query.limit, offset=call.query.offset)
    return replies.ok({"invites": [admin_answers.invite(it) for it in found.invites], "total": found.total})


async def withdraw_invite(call: Call) -> Reply:
    """Take an invitation back."""
    await invites.withdraw(call.deps, call.actor, call.path["invite_id"], call.caller)
    return replies.empty()


_CAP = {503: "The hourly cap of letters is reached."}

ROUTES = (
    Route(
        "GET", "/admin/emails", list_emails, "The mail queue", "Administration",
        guard=Guard.ADMIN_READ, filters=queries.LetterSearch, answer=shapes.LetterList, cors=False,
    ),
    Route(
        "POST", "/admin/emails/<letter_id:str>/requeue", requeue_email, "Try a dead letter again", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses={204: "It is due now."},
    ),
    Route(
        "POST", "/admin/emails/test", test_email, "Send a test letter", "Administration",
        guard=Guard.ADMIN_WRITE, body=shapes.Addressee, answer=shapes.LetterQueued, cors=False, statuses=_CAP,
    ),
    Route(
        "GET", "/admin/invites", list_invites, "Open invitations", "Administration",
        guard=Guard.ADMIN_READ, filters=queries.Paged, answer=shapes.InviteList, cors=False,
    ),
    Route(
        "POST", "/admin/invites", invite, "Invite an address", "Administration",
        guard=Guard.ADMIN_WRITE, body=shapes.Invitation, answer=shapes.InviteSummary, cors=False,
        statuses={409: "The address has an account.", **_CAP},
    ),
    Route(
        "DELETE", "/admin/invites/<invite_id:str>", withdraw_invite, "Take an invitation back", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses={204: "It no longer counts."},
    ),
)  # fmt: skip
