"""Administration, looking: figures, the audit log, ceremonies that are under way."""

from pwauth_server.errors import Malformed
from pwauth_server.flows import admin_views
from pwauth_server.flows.admin_views import Filter
from pwauth_server.flows.in_turn import in_turn
from pwauth_server.rules import ids, moments, spreadsheet
from pwauth_server.web import admin_answers, queries, replies
from pwauth_server.web import admin_schemas as shapes
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def show_stats(call: Call) -> Reply:
    """Show figures of this moment."""
    return replies.ok(admin_answers.stats(await admin_views.stats(call.deps)))


async def list_audit(call: Call) -> Reply:
    """Show what happened, or hand it out as a table."""
    query: queries.AuditSearch = call.query
    if query.format == "csv" or (query.format is None and "text/csv" in call.request.headers.get("accept", "")):
        entries = await admin_views.audit_table(call.deps, _filter(query), before=query.before, limit=query.limit or queries.MAX_TABLE)
        table = await in_turn(call.deps.exporting, lambda: admin_answers.audit_table(entries))
        return Reply(table, content_type=spreadsheet.MEDIA_TYPE).add("content-disposition", 'attachment; filename="audit.csv"')
    limit = query.limit or 50
    if limit > queries.MAX_PAGE:
        raise Malformed("limit: is not valid.")
    entries = await admin_views.audit(call.deps, _filter(query), before=query.before, limit=limit)
    return replies.ok(admin_answers.log_page(entries, [admin_answers.entry(it) for it in entries], limit))


async def list_challenges(call: Call) -> Reply:
    """Show ceremonies that are under way."""
    query: queries.Paged = call.query
    rows = await admin_views.ceremonies(call.deps, limit=query.limit, offset=query.offset)
    return replies.ok({"challenges": [admin_answers.challenge(row) for row in rows]})


def _filter(query: queries.AuditSearch) -> Filter:
    return Filter(
        event=query.event,
        user_id=ids.parse(query.user_id) if query.user_id else None,
        ip=query.ip,
        since=moments.read_rfc3339(query.since) if query.since else None,
        until=moments.read_rfc3339(query.until) if query.until else None,
    )


ROUTES = (
    Route(
        "GET", "/admin/stats", show_stats, "Figures of this moment", "Administration",
        guard=Guard.ADMIN_READ, answer=shapes.Stats, cors=False,
    ),
    Route(
        "GET", "/admin/audit", list_audit, "What happened; as a table with `format=csv`", "Administration",
        guard=Guard.ADMIN_READ, filters=queries.AuditSearch, answer=shapes.AuditPage, also=("text/csv",), cors=False,
    ),
    Route(
        "GET", "/admin/challenges", list_challenges, "Ceremonies that are under way", "Administration",
        guard=Guard.ADMIN_READ, filters=queries.Paged, answer=shapes.ChallengeList, cors=False,
    ),
)  # fmt: skip
