"""What operators see in Prometheus: closed label sets, fed by the same events as the audit log (SEC-74)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from pwauth_server import __version__
from pwauth_server.adapters.histograms import LETTER_BOUNDS, Histogram, Tally
from pwauth_server.events import MAILBOX, Event, Method, Occurrence, Reason
from pwauth_server.rules.findings_address import Sighting
from pwauth_server.rules.limits import Limit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LETTER_STATUSES = ("pending", "sending", "sent", "failed", "expired")

_KINDS = (("access",), ("refresh",))
_CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")
_FAILURES = (
    Reason.UNKNOWN,
    Reason.EXPIRED,
    Reason.USED,
    Reason.WRONG_CODE,
    Reason.WRONG_NUMBER,
    Reason.TOO_MANY_TRIES,
    Reason.NOT_CONFIRMED,
    Reason.DIFFERENT_BROWSER,
    Reason.DISABLED,
    Reason.UNVERIFIED,
    Reason.MAIL_OFF,
    Reason.NOT_ENROLLED,
    Reason.NOT_ALLOWED,
    Reason.REPLAYED,
    Reason.SUSPENDED,
    Reason.BAD_ASSERTION,
    Reason.WRONG_ACCOUNT,
    Reason.CLONED,
)
_ENDINGS = (
    Reason.LOGOUT,
    Reason.ENDED_BY_USER,
    Reason.ENDED_BY_ADMIN,
    Reason.DISABLED,
    Reason.DELETED,
    Reason.REVOKED,
    Reason.REUSE,
    Reason.STEPPED_UP,
    Reason.DISOWNED,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Figures that are counted in the database when somebody looks."""

    sessions: int
    letters: Mapping[str, int]
    #: Age in seconds of the oldest letter that waits; 0 if none does.
    oldest_letter: float
    #: When the last backup was made, in Unix seconds; 0 if none was.
    backed_up_at: float = 0.0
    #: Bytes of the database's files: `main`, and `wal` on SQLite.
    sizes: Mapping[str, int] = field(default_factory=dict)


class Children:
    """The children of a library counter: its own search for one takes longer than all the counting of a sign-in."""

    def __init__(self, parent: Counter) -> None:
        """Know none of them yet."""
        self._parent = parent
        self._found: dict[tuple[str, ...], Counter] = {}

    def labels(self, *values: str) -> Counter:
        """Return the counter of these label values."""
        found = self._found.get(values)
        if found is None:
            found = self._found[values] = self._parent.labels(*values) if values else self._parent
        return found

    def collect(self) -> Iterable[Metric]:
        """Return what all of them have counted."""
        return self._parent.collect()


class Metrics:
    """One registry of its own for each application."""

    def __init__(self) -> None:
        """Register everything; known label values start at 0, so that the first event is a rise."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Children:
            return Children(Counter(f"pwauth_{name}", text, labels, registry=registry))

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"pwauth_{name}", text, labels, registry=registry)

        self._attempts = counter("auth_attempts", "Attempts to sign in.", "method", "outcome", "reason")
        self._created = counter("sessions_created", "Sessions begun.", "method")
        self._ended = counter("sessions_ended", "Sessions ended before their time.", "reason")
        self._reuse = counter("refresh_reuse", "Spent refresh tokens presented again: a theft, or a broken client.")
        self._links = counter("magic_links", "Sign-in requests by what became of them.", "event")
        self._deliveries = counter("email_deliveries", "Tries to deliver a letter.", "transport", "outcome")
        self._limited = counter("rate_limited", "Requests refused by a limit.", "limit")
        self._storage_errors = counter("limits_storage_errors", "Questions that the shared storage of limits did not answer.")
        self._alone = gauge("limits_alone", "1 while this node counts limits alone, because their shared storage does not answer.")
        self._sessions = gauge("sessions_active", "Live sessions.")
        self._depth = gauge("email_queue_depth", "Letters in the queue.", "status")
        self._oldest = gauge("email_queue_oldest_seconds", "Age of the oldest letter that waits.")
        self._first_use = gauge("compat_first_use", "1 if anybody may add the first factor of an address that nobody has proven.")
        self._forwarded = counter("forwarded_requests", "Requests with X-Forwarded-For, or from a trusted proxy without it.", "seen")
        self._backups = counter("backups", "Scheduled backups.", "outcome")
        self._webhooks = counter("webhook_deliveries", "Tries to tell a program of an event.", "outcome")
        self._backed_up = gauge("backup_timestamp_seconds", "When the last backup was made; 0 if none was.")
        self._sizes = gauge("database_size_bytes", "Size of the database.", "file")
        self._rows = gauge("database_rows", "Rows of each table, counted by housekeeping.", "table")
        gauge("build_info", "Version of the server.", "version").labels(__version__).set(1)
        self._open_cells()
        self._start_at_zero()

    def _open_cells(self) -> None:
        """Open plain cells for what follows every request, or half of them."""
        self.issued = Tally("pwauth_tokens_issued_total", "Tokens issued.", ("kind",))
        self.requests = Tally("pwauth_http_requests_total", "HTTP requests.", ("method", "route", "status"))
        self.request_seconds = Histogram("pwauth_http_request_duration_seconds", "Duration of HTTP requests.", ("method", "route"))
        self.query_seconds = Histogram("pwauth_db_query_duration_seconds", "Duration of database statements.", ("operation",))
        text = "From queueing a letter to its acceptance."
        self.delivery_seconds = Histogram("pwauth_email_delivery_seconds", text, (), bounds=LETTER_BOUNDS)
        self.lag_seconds = Histogram("pwauth_event_loop_lag_seconds", "How late the event loop rang its timer: what requests waited.", ())

    def _start_at_zero(self) -> None:
        for method in Method:
            self._attempts.labels(method, "success", Reason.NONE)
            self._created.labels(method)
            for reason in _FAILURES:
                self._attempts.labels(method, "failure", reason)
        for reason in _ENDINGS:
            self._ended.labels(reason)
        for event in ("requested", "opened", "consumed", "expired"):
            self._links.labels(event)
        self._forward_counts = {seen: self._forwarded.labels(seen).inc for seen in Sighting}
        for outcome in ("made", "failed"):
            self._backups.labels(outcome)
        for outcome in ("accepted", "deferred", "dropped"):
            self._webhooks.labels(outcome)
        for limit in Limit:
            self._limited.labels(limit)
        for status in LETTER_STATUSES:
            self._depth.labels(status)
        for kind in _KINDS:
            self.issued.start(kind)
        self.delivery_seconds.start(())
        self.lag_seconds.start(())

    def knows_transport(self, name: str) -> None:
        """Start the counters of a mail transport at 0."""
        for outcome in ("sent", "passed_on", "deferred", "failed", "expired"):
            self._deliveries.labels(name, outcome)

    def lets_anybody_enrol(self) -> None:
        """Show that the settings let strangers enrol."""
        self._first_use.set(1)

    def heard(self, occurrence: Occurrence) -> None:
        """Count a committed occurrence."""
        count = _HEARD.get(occurrence.event)
        if count is not None:
            count(self, occurrence)

    def limited(self, limit: Limit) -> None:
        """Count a refusal."""
        self._limited.labels(limit).inc()

    def limits_storage_failed(self) -> None:
        """Count a question that the shared storage of limits did not answer."""
        self._storage_errors.labels().inc()

    def counts_limits_alone(self, *, is_alone: bool) -> None:
        """Show whether this node counts limits without the others."""
        self._alone.set(is_alone)

    def forwarded(self, seen: Sighting) -> None:
        """Count what a request tells of proxies."""
        self._forward_counts[seen]()

    def sightings(self) -> Mapping[str, float]:
        """Return how often each was seen."""
        return {sample.labels["seen"]: sample.value for family in self._forwarded.collect() for sample in family.samples}

    def sign_ins(self) -> Mapping[str, tuple[int, int]]:
        """Return how many attempts succeeded and how many failed, method by method; who was only asked to confirm has not failed."""
        found = {method.value: [0, 0] for method in Method}
        for sample in (sample for family in self._attempts.collect() for sample in family.samples):
            if sample.labels["reason"] == Reason.NOT_CONFIRMED:
                continue
            found[sample.labels["method"]][sample.labels["outcome"] == "failure"] += int(sample.value)
        return {method: (succeeded, failed) for method, (succeeded, failed) in found.items()}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request; ``route`` is the template, ``method`` from a closed list (SEC-74)."""
        self.requests.count((method, route, _CLASSES[status // 100]))
        self.request_seconds.observe((method, route), seconds)

    def query(self, operation: str, seconds: float) -> None:
        """Count a database statement."""
        self.query_seconds.observe((operation,), seconds)

    def lag(self, seconds: float) -> None:
        """Count one beat of the event loop's pulse, and how late it came."""
        self.lag_seconds.observe((), seconds)

    def counted(self, rows: Mapping[str, int]) -> None:
        """Show how many rows each table has."""
        for name, count in rows.items():
            self._rows.labels(name).set(count)

    def render(self, snapshot: Snapshot) -> bytes:
        """Return the whole exposition."""
        self._sessions.set(snapshot.sessions)
        self._oldest.set(snapshot.oldest_letter)
        for status in LETTER_STATUSES:
            self._depth.labels(status).set(snapshot.letters.get(status, 0))
        self._backed_up.set(snapshot.backed_up_at)
        for file, size in snapshot.sizes.items():
            self._sizes.labels(file).set(size)
        own = (self.issued, self.requests, self.request_seconds, self.query_seconds, self.delivery_seconds, self.lag_seconds)
        return generate_latest(self.registry) + "".join(cells.render() for cells in own).encode()

    def _signed_in(self, it: Occurrence) -> None:
        self._attempts.labels(it.method, "success", Reason.NONE).inc()
        self._created.labels(it.method).inc()
        if it.method in MAILBOX:
            self._links.labels("consumed").inc()

    def _failed(self, it: Occurrence) -> None:
        self._attempts.labels(it.method, "failure", it.reason).inc()

    def _session_ended(self, it: Occurrence) -> None:
        self._ended.labels(it.reason).inc()

    def _tokens_issued(self, _: Occurrence) -> None:
        for kind in _KINDS:
            self.issued.count(kind)

    def _reused(self, _: Occurrence) -> None:
        self._reuse.labels().inc()

    def _link(self, it: Occurrence) -> None:
        self._links.labels(it.event.partition(".")[2]).inc(float(it.facts.get("count", 1)))

    def _backup(self, it: Occurrence) -> None:
        self._backups.labels(it.event.partition(".")[2]).inc()

    def _webhook(self, it: Occurrence) -> None:
        self._webhooks.labels(it.event.partition(".")[2]).inc()

    def _letter(self, it: Occurrence) -> None:
        self._deliveries.labels(str(it.facts.get("transport", "none")), it.event.partition(".")[2]).inc()
        if it.event is Event.LETTER_SENT:
            self.delivery_seconds.observe((), float(it.facts["seconds"]))


_HEARD: dict[Event, Callable[[Metrics, Occurrence], None]] = {
    Event.SIGN_IN_SUCCEEDED: Metrics._signed_in,  # noqa: SLF001
    Event.SIGN_IN_FAILED: Metrics._failed,  # noqa: SLF001
    Event.SESSION_ENDED: Metrics._session_ended,  # noqa: SLF001
    Event.TOKENS_ISSUED: Metrics._tokens_issued,  # noqa: SLF001
    Event.REFRESH_REUSED: Metrics._reused,  # noqa: SLF001
    Event.LINK_REQUESTED: Metrics._link,  # noqa: SLF001
    Event.LINK_OPENED: Metrics._link,  # noqa: SLF001
    Event.LINK_EXPIRED: Metrics._link,  # noqa: SLF001
    Event.LETTER_SENT: Metrics._letter,  # noqa: SLF001
    Event.LETTER_PASSED_ON: Metrics._letter,  # noqa: SLF001
    Event.LETTER_DEFERRED: Metrics._letter,  # noqa: SLF001
    Event.LETTER_FAILED: Metrics._letter,  # noqa: SLF001
    Event.LETTER_EXPIRED: Metrics._letter,  # noqa: SLF001
    Event.BACKUP_MADE: Metrics._backup,  # noqa: SLF001
    Event.BACKUP_FAILED: Metrics._backup,  # noqa: SLF001
    Event.WEBHOOK_ACCEPTED: Metrics._webhook,  # noqa: SLF001
    Event.WEBHOOK_DEFERRED: Metrics._webhook,  # noqa: SLF001
    Event.WEBHOOK_DROPPED: Metrics._webhook,  # noqa: SLF001
}
