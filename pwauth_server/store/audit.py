"""The audit log: one row for each thing that happened."""

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid
from pwauth_server.store.statements import Sql


class AuditEntry(Model):
    """Who did what, when, from where; facts hold ids and closed words only."""

    id = fields.BigIntField(primary_key=True)
    at = fields.FloatField()
    event = fields.CharField(max_length=40)
    user_id = Uuid(null=True)
    session_id = Uuid(null=True)
    ip = fields.CharField(max_length=45)
    browser = fields.CharField(max_length=60)
    request_id = fields.CharField(max_length=64)
    method = fields.CharField(max_length=20)
    reason = fields.CharField(max_length=20)
    facts = fields.TextField()

    class Meta:
        """Newest rows are read by key, a person's rows by person."""

        table = "audit_log"
        indexes = (("user_id", "id"),)


_INSERT = """INSERT INTO audit_log (at, event, user_id, session_id, ip, browser, request_id, method, reason, facts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_AUDIT = Sql("record", _INSERT)
#: The same where a program is told of events (`store/event_outbox.py`).
INSERT_AUDIT_TO_TELL = Sql("record_to_tell", f"{_INSERT} RETURNING id")
TELL = Sql("tell_event", "INSERT INTO event_outbox (id, attempts, due_at) VALUES (?, 0, ?)")

FIND_AUDIT = Sql("find_event", "SELECT 1 AS one FROM audit_log WHERE user_id = ? AND event = ? AND at > ? ORDER BY id DESC LIMIT 1")

FIND_FIRST_AUDIT = Sql("find_first_event", "SELECT MIN(at) AS at FROM audit_log WHERE user_id = ? AND event = ? AND reason = ? AND at >= ?")

FIND_LAST_AUDIT = Sql("find_last_event", "SELECT MAX(at) AS at FROM audit_log WHERE user_id = ? AND event = ? AND at >= ?")

NEWEST = Sql("newest_audit", "SELECT at FROM audit_log ORDER BY id DESC LIMIT 1")

# Rows come in the order of time, so what is old stands in front: only so many are looked at, not the whole log, while the
# writer has nobody else. What a clock once wrote that was ahead of time is stepped over; it would stand in front for years.
PURGE_AUDIT = Sql(
    "purge_audit",
    "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at <= ? ORDER BY id LIMIT ?) AND at < ?",
)
