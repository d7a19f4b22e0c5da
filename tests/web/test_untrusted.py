"""The same limits without a proxy, and the cap on all mail."""

from itertools import count

from tests.people import Device
from tests.server import Server
from tests.web.raw import send

SETTINGS = {"rate_limit_per_minute": "300", "email_rate_limit_per_hour": "5"}
HEADERS = ("x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "cf-connecting-ip", "x-client-ip", "x-cluster-client-ip")


def test_no_header_moves_a_direct_client(server: Server) -> None:
    """Without trusted proxies the TCP peer is the client, loopback too (SEC-60, SEC-61)."""
    numbers = count()
    answers = [
        Device(server, {name: f"198.51.100.{next(numbers) % 250}"}).verify("pwm_" + "x" * 64).status_code
        for _ in range(5)
        for name in HEADERS
    ]
    assert answers == [401] * 30 + [429] * 5
    assert server.sql("SELECT DISTINCT ip FROM audit_log WHERE event = 'sign_in.failed'") == [("127.0.0.1",)]


def test_metrics_answer_this_machine_under_its_own_names(server: Server) -> None:
    """A page that resolves its name to us gets 421, whatever else it says (SEC-74, SEC-96)."""
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]:3000", "[::1]", "LOCALHOST:1"):
        assert Device(server).get("/metrics", headers={"host": host}).status_code == 200, host
    for host in ("evil.example", "localhost.evil.example", "evil.example:3000", "localhost:80@evil.example", "127.0.0.1.evil.example"):
        assert Device(server).get("/metrics", headers={"host": host}).status_code == 421, host


def test_every_name_that_a_request_gives_must_be_ours(server: Server) -> None:
    """Two lines or a whole URL may show other programs another name than the one we would look at; none is no name (SEC-77, SEC-96)."""
    evil, ours = b"Host: evil.example\r\n", b"Host: localhost\r\n"
    for target, hosts, status in (
        (b"/metrics", ours + ours, 200),
        (b"http://localhost:3000/metrics", ours, 200),
        (b"/metrics", ours + evil, 421),
        (b"/metrics", evil + ours, 421),
        (b"/metrics", ours + b"Host:\r\n", 421),
        (b"/metrics", b"", 421),
        (b"http://evil.example/metrics", ours, 421),
        (b"https://evil.example:80/metrics?localhost", ours, 421),
        (b"http://localhost/metrics", evil, 421),
        (b"http://localhost/metrics", b"", 421),
        (b"http://evil.example/liveness", ours + evil, 200),
    ):
        (answer,) = send(server, b"GET " + target + b" HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n")
        assert answer.status == status, (target, hosts)


def test_metrics_are_not_shown_through_a_proxy_that_nobody_told_us_of(server: Server) -> None:
    """It is on this machine, but whom it asks for is not; whichever header says so is enough (SEC-74)."""
    for name in ("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via"):
        assert Device(server).get("/metrics", headers={"host": "localhost", name: "127.0.0.1"}).status_code == 404, name
