from prometheus_client.parser import text_string_to_metric_families

from pwauth_server.adapters.metrics import LETTER_STATUSES, Metrics, Snapshot
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.rules.limits import Limit
from tests.fakes import NEW_YEAR

EMPTY = Snapshot(sessions=0, letters={}, oldest_letter=0)


def read(metrics: Metrics, snapshot: Snapshot = EMPTY) -> dict[str, float]:
    """Return every series as Prometheus reads it."""
    found = {}
    for family in text_string_to_metric_families(metrics.render(snapshot).decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def changes(metrics: Metrics, *occurrences: Occurrence) -> dict[str, float]:
    """Return the counters of ours that occurrences move, and by how much."""
    before = read(metrics)
    for occurrence in occurrences:
        metrics.heard(occurrence)
    after = read(metrics)
    return {name: value - before.get(name, 0) for name, value in after.items() if name.startswith("pwauth_") and value != before.get(name)}


def happened(event: Event, *, method: str = "", reason: str = Reason.NONE, **facts: str | float) -> Occurrence:
    """Return an occurrence with a caller whose words must never become labels."""
    return Occurrence(event, NEW_YEAR, Caller("203.0.113.9", "Firefox on Linux", "x@y"), method=method, reason=reason, facts=dict(facts))


def test_counters_move_with_events() -> None:
    """Audit and metrics tell the same story (SEC-74)."""
    metrics = Metrics()
    assert changes(metrics, happened(Event.SIGN_IN_SUCCEEDED, method=Method.LINK)) == {
        "pwauth_auth_attempts_total{method=magic_link,outcome=success,reason=none}": 1,
        "pwauth_sessions_created_total{method=magic_link}": 1,
        "pwauth_magic_links_total{event=consumed}": 1,
    }
    assert changes(metrics, happened(Event.SIGN_IN_FAILED, method=Method.CODE, reason=Reason.WRONG_CODE)) == {
        "pwauth_auth_attempts_total{method=code,outcome=failure,reason=wrong_code}": 1,
    }
    assert changes(metrics, happened(Event.TOKENS_ISSUED)) == {
        "pwauth_tokens_issued_total{kind=access}": 1,
        "pwauth_tokens_issued_total{kind=refresh}": 1,
    }
    assert changes(metrics, happened(Event.REFRESH_REUSED)) == {"pwauth_refresh_reuse_total{}": 1}
    assert changes(metrics, happened(Event.SESSION_ENDED, reason=Reason.LOGOUT)) == {"pwauth_sessions_ended_total{reason=logout}": 1}
    assert changes(metrics, happened(Event.LINK_EXPIRED, count=7)) == {"pwauth_magic_links_total{event=expired}": 7}
    assert changes(metrics, happened(Event.LETTER_DEFERRED, transport="smtp")) == {
        "pwauth_email_deliveries_total{outcome=deferred,transport=smtp}": 1
    }


def test_sign_ins_can_be_read() -> None:
    """Each method with what succeeded and what failed; who was asked to confirm first has not failed."""
    metrics = Metrics()
    assert metrics.sign_ins() == {method.value: (0, 0) for method in Method}
    metrics.heard(happened(Event.SIGN_IN_SUCCEEDED, method=Method.LINK))
    for reason in (Reason.USED, Reason.EXPIRED, Reason.NOT_CONFIRMED):
        metrics.heard(happened(Event.SIGN_IN_FAILED, method=Method.LINK, reason=reason))
    assert metrics.sign_ins() == {method.value: (1, 2) if method is Method.LINK else (0, 0) for method in Method}


def test_a_delivered_letter_is_counted_and_timed() -> None:
    """Operators see how long letters wait."""
    moved = changes(Metrics(), happened(Event.LETTER_SENT, transport="smtp", seconds=0.3))
    assert moved["pwauth_email_deliveries_total{outcome=sent,transport=smtp}"] == 1
    assert moved["pwauth_email_delivery_seconds_count{}"] == 1
    assert moved["pwauth_email_delivery_seconds_sum{}"] == 0.3


def test_every_event_can_be_heard() -> None:
    """No event of the list makes the listener fail: it runs after the commit, where nobody could undo (SEC-74)."""
    metrics = Metrics()
    for event in Event:
        metrics.heard(happened(event, method=Method.LINK, reason=Reason.UNKNOWN, transport="smtp", seconds=1.0))


def test_known_labels_start_at_zero() -> None:
    """The first failure is a rise from 0, so an alarm on `rate()` sees it (SEC-74)."""
    metrics = Metrics()
    metrics.knows_transport("smtp")
    found = read(metrics)
    for method in Method:
        assert found[f"pwauth_auth_attempts_total{{method={method},outcome=success,reason=none}}"] == 0
    for limit in Limit:
        assert found[f"pwauth_rate_limited_total{{limit={limit}}}"] == 0
    assert found["pwauth_email_deliveries_total{outcome=failed,transport=smtp}"] == 0
    assert found["pwauth_email_delivery_seconds_count{}"] == 0
    assert not [name for name in found if name.endswith("_created")]


def test_limits_and_requests_are_counted() -> None:
    """Refusals by limit, requests by template, method and class of status (SEC-64, SEC-74)."""
    metrics = Metrics()
    metrics.limited(Limit.REQUESTS)
    for status in (200, 204, 404, 503):
        metrics.request("GET", "/me", status, 0.002)
    metrics.query("find_session", 0.0001)
    found = read(metrics)
    assert found["pwauth_rate_limited_total{limit=requests}"] == 1
    assert found["pwauth_http_requests_total{method=GET,route=/me,status=2xx}"] == 2
    assert found["pwauth_http_requests_total{method=GET,route=/me,status=5xx}"] == 1
    assert found["pwauth_http_request_duration_seconds_count{method=GET,route=/me}"] == 4
    assert found["pwauth_db_query_duration_seconds_count{operation=find_session}"] == 1


def test_the_snapshot_is_shown_as_it_is() -> None:
    """Gauges are what the database says now; a status that is gone falls back to 0."""
    metrics = Metrics()
    found = read(metrics, Snapshot(sessions=3, letters={"pending": 5, "failed": 1}, oldest_letter=12.5))
    assert found["pwauth_sessions_active{}"] == 3
    assert [found[f"pwauth_email_queue_depth{{status={status}}}"] for status in LETTER_STATUSES] == [5, 0, 0, 1, 0]
    assert found["pwauth_email_queue_oldest_seconds{}"] == 12.5
    assert read(metrics)["pwauth_email_queue_depth{status=pending}"] == 0


def test_no_caller_becomes_a_label() -> None:
    """Five thousand callers add no series, and no address of theirs shows up (SEC-74)."""
    metrics = Metrics()
    first = Occurrence(Event.SIGN_IN_FAILED, NEW_YEAR, method=Method.LINK, reason=Reason.UNKNOWN)
    metrics.heard(first)
    series = len(read(metrics))
    for number in range(5000):
        caller = Caller(f"10.0.{number // 250}.{number % 250}", f"evil-{number}@ex.com", f"id-{number}")
        facts: dict[str, str | int | float] = {"email": f"{number}@ex.com"}
        metrics.heard(Occurrence(Event.SIGN_IN_FAILED, NEW_YEAR, caller, method=Method.LINK, reason=Reason.UNKNOWN, facts=facts))
    exposition = metrics.render(EMPTY)
    assert len(read(metrics)) == series
    assert b"@" not in exposition
    assert b"10.0." not in exposition


def test_two_applications_count_apart() -> None:
    """Each application has a registry of its own, so tests and embedders do not mix."""
    one, other = Metrics(), Metrics()
    one.limited(Limit.REQUESTS)
    assert read(other)["pwauth_rate_limited_total{limit=requests}"] == 0
