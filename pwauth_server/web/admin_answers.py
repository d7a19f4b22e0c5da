"""What administration and one's own data return, as the JSON that `admin_schemas` describe."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pwauth_server.flows.admin_users import Details, PasskeyInfo, Profile
from pwauth_server.flows.admin_views import Entry, Stats
from pwauth_server.flows.exports import Export
from pwauth_server.flows.invites import Invite
from pwauth_server.flows.sessions import Session
from pwauth_server.rules import compact_json, spreadsheet
from pwauth_server.rules.ids import shown
from pwauth_server.rules.moments import rfc3339

_COLUMNS = ("id", "at", "event", "user_id", "email", "session_id", "ip", "browser", "request_id", "method", "reason", "facts")


def user(it: Profile) -> dict[str, Any]:
    """Return `admin_schemas.AdminUser`."""
    return {
        "id": str(it.user.id),
        "email": it.user.email,
        "email_verified": it.user.verified,
        "name": it.user.name,
        "roles": it.user.roles,
        "disabled": it.user.disabled,
        "mail_sign_in": it.user.mail_sign_in,
        "created_at": rfc3339(it.user.created_at),
        "last_sign_in_at": _moment(it.last_sign_in_at),
        "disabled_at": _moment(it.disabled_at),
    }


def details(it: Details) -> dict[str, Any]:
    """Return `admin_schemas.AdminUserDetails`."""
    return user(it.profile) | {
        "sessions": it.sessions,
        "passkeys": [passkey(one) for one in it.passkeys],
        "totp": it.owned.totp,
        "recovery_codes": it.owned.recovery_codes,
    }


def passkey(it: PasskeyInfo) -> dict[str, Any]:
    """Return `admin_schemas.PasskeySummary`."""
    return {
        "id": str(it.id),
        "name": it.name,
        "created_at": rfc3339(it.created_at),
        "last_used_at": _moment(it.last_used_at),
        "backed_up": it.backed_up,
        "suspended": it.suspended,
    }


def session(it: Session) -> dict[str, Any]:
    """Return `admin_schemas.AdminSession`."""
    return {
        "id": str(it.id),
        "created_at": rfc3339(it.created_at),
        "last_used_at": rfc3339(it.last_used_at),
        "expires_at": rfc3339(it.expires_at),
        "ip": it.ip,
        "browser": it.browser,
        "amr": it.amr,
        "acr": it.acr,
    }


def letter(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `admin_schemas.LetterSummary`."""
    return {
        "id": shown(row["id"]),
        "kind": row["kind"],
        "to": row["recipient"],
        "status": row["status"],
        "attempts": row["attempts"],
        "created_at": rfc3339(row["created_at"]),
        "next_attempt_at": rfc3339(row["next_attempt_at"]) if row["status"] == "pending" else None,
        "expires_at": rfc3339(row["expires_at"]),
        "finished_at": _moment(row["finished_at"]),
        "reason": row["last_error"],
        "transport": row["transport"],
    }


def invite(it: Invite) -> dict[str, Any]:
    """Return `admin_schemas.InviteSummary`."""
    return {
        "id": str(it.id),
        "email": it.email,
        "invited_by": it.invited_by,
        "created_at": rfc3339(it.created_at),
        "expires_at": rfc3339(it.expires_at),
    }


def challenge(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `admin_schemas.ChallengeSummary`."""
    return {
        "id": shown(row["id"]),
        "purpose": row["purpose"],
        "user_id": shown(row["user_id"]),
        "email": row["email"],
        "expires_at": rfc3339(row["expires_at"]),
    }


def stats(it: Stats) -> dict[str, Any]:
    """Return `admin_schemas.Stats`."""
    outcomes = {"sign_in.succeeded": "success", "sign_in.failed": "failure"}
    return {
        "users": it.users,
        "sessions": it.sessions,
        "invites": it.invites,
        "emails": it.letters,
        "oldest_email_seconds": it.oldest_letter,
        "sign_ins": [{"outcome": outcomes[event], "method": method, "count": n} for event, method, n in it.sign_ins],
    }


def entry(it: Entry) -> dict[str, Any]:
    """Return `admin_schemas.AuditRow`."""
    return it.told()


def own_event(it: Entry) -> dict[str, Any]:
    """Return `admin_schemas.OwnEvent`."""
    it = it.for_owner()
    return {
        "id": str(it.id),
        "at": rfc3339(it.at),
        "event": it.event,
        "session_id": str(it.session_id) if it.session_id else None,
        "ip": it.ip or None,
        "browser": it.browser or None,
        "method": it.method,
        "reason": it.reason,
        "by_administrator": it.by_administrator,
    }


def log_page(entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """Return a page of a log with the way to the next one."""
    return {"events": rows, "next": str(entries[-1].id) if len(entries) == limit else None}


def audit_table(entries: Sequence[Entry]) -> str:
    """Return audit rows as a table for a spreadsheet."""
    rows = ({**entry(it), "facts": "; ".join(f"{name}={value}" for name, value in it.facts.items())} for it in entries)
    return spreadsheet.table(_COLUMNS, ([row[name] for name in _COLUMNS] for row in rows))


def export(it: Export) -> dict[str, Any]:
    """Return `admin_schemas.OwnExport`."""
    return {
        "account": user(it.profile),
        "passkeys": [passkey(one) for one in it.passkeys],
        "totp": it.owned.totp,
        "recovery_codes": it.owned.recovery_codes,
        "sessions": [_past_session(row) for row in it.sessions],
        "emails": [letter(row) for row in it.letters],
        "events": [own_event(one) for one in it.events],
    }


def export_text(it: Export) -> str:
    """Return `export` as JSON.

    Written row by row: one call for thousands of them would not let anybody else have the interpreter before its end.
    """
    head = compact_json.encode(export(replace(it, events=())))
    events = ",".join(compact_json.encode(own_event(one)) for one in it.events)
    return f"{head.removesuffix(']}')}{events}]}}"


def _past_session(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": shown(row["id"]),
        "created_at": rfc3339(row["created_at"]),
        "last_used_at": rfc3339(row["last_used_at"]),
        "expires_at": rfc3339(row["expires_at"]),
        "ended_at": _moment(row["ended_at"]),
        "end_reason": row["end_reason"],
        "ip": row["ip"],
        "browser": row["browser"],
        "amr": row["amr"].split(),
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
