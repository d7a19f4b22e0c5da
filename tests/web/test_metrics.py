"""Numbers for Prometheus: right, and of a size that no client decides."""

import re

import httpx

from tests.people import Device, Person
from tests.server import Server
from tests.web.raw import request, stays_open

PROMISED = {
    "auth_attempts_total", "sessions_created_total", "sessions_ended_total", "sessions_active", "tokens_issued_total",
    "refresh_reuse_total",
    "magic_links_total", "email_queue_depth", "email_queue_oldest_seconds", "email_deliveries_total", "email_delivery_seconds",
    "rate_limited_total", "http_requests_total", "http_request_duration_seconds", "db_query_duration_seconds", "build_info",
    "event_loop_lag_seconds", "limits_storage_errors_total", "limits_alone",
}  # fmt: skip


def exposition(server: Server) -> str:
    """Return the metrics as text."""
    answer = httpx.get(f"{server.url}/metrics", headers={"host": "localhost"})
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def series(text: str) -> set[str]:
    """Return every time series without its value."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}


def test_every_promised_metric_is_there(server: Server, alice: Person) -> None:
    """Names of the contract's section 5, for what exists so far, and the process itself."""
    alice.sign_in()
    text = exposition(server)
    named = {line.split()[2].removeprefix("pwauth_") for line in text.splitlines() if line.startswith("# TYPE pwauth_")}
    assert {name.removesuffix("_total") for name in PROMISED} <= {name.removesuffix("_total") for name in named}
    assert "process_resident_memory_bytes" in text
    assert "python_info" in text


def test_what_happens_is_counted(server: Server, alice: Person) -> None:
    """A sign-in by link, one by code, a refresh, an end: each moves its own number by one."""
    numbers = {
        ("auth_attempts_total", "method=magic_link,outcome=success"): 1,
        ("auth_attempts_total", "method=code,outcome=success"): 1,
        ("auth_attempts_total", "method=code,outcome=failure"): 1,
        ("sessions_created_total", ""): 2,
        ("sessions_ended_total", "reason=logout"): 1,
        ("sessions_active", ""): 1,
        ("tokens_issued_total", "kind=refresh"): 3,
        ("magic_links_total", "event=requested"): 2,
        ("magic_links_total", "event=consumed"): 2,
        ("magic_links_total", "event=opened"): 1,
    }

    def now() -> dict[tuple[str, str], float]:
        return {
            (name, labels): server.metric(name, **dict(pair.split("=") for pair in labels.split(",") if pair)) for name, labels in numbers
        }

    before = now()
    phone = alice.sign_in()
    laptop = alice.device()
    request_id = alice.request(laptop)
    letter = alice.read_letter()
    laptop.get(f"/verify/magic?token={letter.token}", headers={"accept": "text/html"})
    laptop.verify_code(request_id, "2222-2222")
    laptop.tokens = laptop.verify_code(request_id, letter.code).json()
    laptop.refresh()
    phone.post("/logout", token=phone.tokens["access_token"])
    assert {key: value - before[key] for key, value in now().items()} == numbers


def test_no_client_grows_the_metrics(server: Server, alice: Person) -> None:
    """Thousands of paths, methods, addresses and agents add at most ten series, and no address (SEC-74)."""
    alice.sign_in()
    device = Device(server)
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT", "PATCH"):
        device.ask(method, "/nowhere")
    stays_open(server, request("BREW", "/nowhere", connection="keep-alive"))
    device.post("/verify/magic", json={"token": "x"})
    device.ask("DELETE", "/sessions/x")
    device.post("/request/magic", json={"email": "first@metrics.example"})
    before = series(exposition(server))
    content = b""
    for number in range(2000):
        content += request("GET", f"/path{number}/@{number}?q={number}", user_agent=f"agent{number}", connection="keep-alive")
        content += request(f"BREW{'X' * (number % 50)}", f"/{number}", connection="keep-alive")
    for number in range(500):
        content += request("DELETE", f"/sessions/{number}", x_request_id=f"id-{number}", connection="keep-alive")
        body = f'{{"email":"n{number}@metrics.example"}}'.encode()
        content += request("POST", "/request/magic", body, content_type="application/json", connection="keep-alive")
    answers = stays_open(server, content)
    assert len(answers) == 5001
    text = exposition(server)
    assert len(series(text) - before) <= 10
    assert "@" not in text
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|path\d|BREW|agent\d", re.sub(r'version="[^"]*"', "", text))
