"""Limits at their defaults, behind a proxy that the server trusts: every test has addresses of its own."""

import re
from functools import partial
from itertools import count

import httpx
import pytest

from tests.people import Device, Person, at_once, statuses
from tests.server import Server

SETTINGS = {"rate_limit_per_minute": "300", "email_rate_limit_per_hour": "5", "trusted_proxies": "127.0.0.1/32"}
_networks = count(1)


@pytest.fixture
def network() -> str:
    """Return the first two numbers of addresses that no other test uses."""
    return f"10.{next(_networks)}"


def from_(server: Server, *addresses: str, **headers: str) -> Device:
    """Return a device whose requests come from an address, by one hop each."""
    return Device(server, {"x-forwarded-for": ", ".join(addresses), **headers})


def ask(device: Device, address: str) -> httpx.Response:
    """Ask for a letter."""
    return device.post("/request/magic", json={"email": address})


def check_refusal(answer: httpx.Response) -> None:
    """Look at the form of a refusal."""
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "r=0" in answer.headers["ratelimit"]
    assert "q=" in answer.headers["ratelimit-policy"]
    assert answer.json()["error"] == "rate_limited"
    ((number, unit),) = re.findall(r"^Too many requests; try again in (\d+) (second|minute)s?\.$", answer.json()["detail"])
    assert 0 <= int(number) * {"second": 1, "minute": 60}[unit] - int(answer.headers["retry-after"]) < 60


def test_ten_clicks_send_one_letter(server: Server, network: str) -> None:
    """A second request within the minute is answered like the first, and the code of the letter works with it (SEC-66)."""
    alice, phone = Person(server), from_(server, f"{network}.0.1")
    answers = [ask(phone, alice.address) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    assert phone.verify_code(answers[9].json()["request_id"], alice.read_letter().code).status_code == 200
    assert len(server.mail.to(alice.address)) == 1


def test_a_tag_is_no_new_mailbox(server: Server, network: str) -> None:
    """Plus-tags share the quota of their mailbox (SEC-63)."""
    answers = [ask(from_(server, f"{network}.0.{number}"), f"victim+{number}@limits.example") for number in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    check_refusal(answers[-1])
    again = ask(from_(server, f"{network}.1.1"), "VICTIM@LIMITS.example")
    assert again.status_code == 429


def test_one_address_gets_twenty_letters_out(server: Server, network: str) -> None:
    """Who asks for many mailboxes is stopped, and others are not (SEC-66)."""
    mallory = from_(server, f"{network}.0.1")
    answers = [ask(mallory, f"someone{number}@{network}.limits.example") for number in range(22)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
    check_refusal(answers[-1])
    assert ask(from_(server, f"{network}.0.2"), "other@limits.example").status_code == 200


def test_guessing_is_stopped_and_holding_is_not(server: Server, network: str) -> None:
    """Thirty invented links are enough; a used real one costs nothing (SEC-16, SEC-32)."""
    alice, phone = Person(server), from_(server, f"{network}.0.1")
    ask(phone, alice.address)
    token = alice.read_letter().token
    assert phone.verify(token).status_code == 200
    assert {phone.verify(token).status_code for _ in range(35)} == {401}
    mallory = from_(server, f"{network}.0.2")
    answers = at_once(*[partial(mallory.verify, "pwm_" + "x" * 64)] * 40)
    assert statuses(answers) == [401] * 30 + [429] * 10
    check_refusal(next(answer for answer in answers if answer.status_code == 429))
    assert mallory.verify_code(str(number := 1), "ABCD-EFGH").status_code == 429
    assert number == 1


def test_refreshing_is_limited_for_a_client(server: Server, network: str) -> None:
    """A hundred and twenty a minute, good or bad (SEC-64)."""
    mallory = from_(server, f"{network}.0.1")
    answers = at_once(*[partial(mallory.refresh, "x")] * 125)
    assert statuses(answers) == [401] * 120 + [429] * 5


def test_wrong_api_keys_are_limited(server: Server, network: str) -> None:
    """Ten in a quarter of an hour (SEC-90)."""
    mallory = from_(server, f"{network}.0.1")
    answers = [mallory.post("/token/introspect", json={"token": "x"}, token="pwk_" + "x" * 64) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2


def test_guessing_at_the_administration_is_limited(server: Server, network: str) -> None:
    """Ten tokens of whatever kind that do not count in a quarter of an hour; the right key always passes (SEC-90)."""
    key = server.command("key", "create", "--name", "reader", "--scope", "admin:read")
    device = from_(server, f"{network}.0.1")
    wrong = ["pwk_" + "A" * 64, "nonsense", "pwk_x"]
    answers = [device.get("/admin/users", token=wrong[number % 3]) for number in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert device.get("/admin/users", token=key).status_code == 200


def test_exports_are_limited(server: Server, network: str) -> None:
    """Ten an hour for each account: they are the largest answers there are."""
    person = Person(server)
    device = person.sign_in(from_(server, f"{network}.0.1"))
    assert [device.get("/me/export").status_code for _ in range(11)] == [200] * 10 + [429]
    assert device.get("/me/events").status_code == 200


def test_parallel_requests_do_not_slip_past(server: Server, network: str) -> None:
    """Exactly as many as the quota has places, health probes apart (SEC-64)."""
    phone = from_(server, f"{network}.0.1")
    with httpx.Client(base_url=server.url, headers=phone.headers) as client:
        first = [client.get("/me").status_code for _ in range(260)]
    rest = at_once(*[partial(phone.get, "/me")] * 60)
    assert first == [401] * 260
    assert statuses(rest) == [401] * 40 + [429] * 20
    assert phone.get("/health").status_code == 200
    for method, path in (("HEAD", "/me"), ("GET", "/sessions"), ("POST", "/token/revoke")):
        assert phone.ask(method, path).status_code == 429


def test_challenges_for_passkeys_are_limited(server: Server, network: str) -> None:
    """Sixty in ten minutes from one client, whoever is named, and every other client has its own (SEC-41, SEC-64)."""

    def ask_for_passkey(address: str, number: int) -> httpx.Response:
        body = {"email": f"key{number}@limits.example"} if number % 2 else {}
        return from_(server, address).post("/webauthn/login/options", json=body)

    answers = [ask_for_passkey(f"{network}.0.1", number) for number in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    check_refusal(answers[-1])
    assert ask_for_passkey(f"{network}.0.2", 0).status_code == 200


CHAINS = {
    "the last hop counts": ("SPOOFED, IP", None),
    "garbage before it": ("garbage, IP", None),
    "two lines are one list": ("SPOOFED", "IP"),
    "with blanks": ("SPOOFED ,  IP", None),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_only_what_the_proxy_saw_counts(server: Server, network: str, chain: tuple[str, str | None]) -> None:
    """What a client writes before it moves nobody into another bucket (SEC-60, SEC-61)."""
    answers = []
    for number in range(22):
        lines = [line.replace("SPOOFED", f"198.18.0.{number}").replace("IP", f"{network}.0.7") for line in chain if line]
        headers = [("x-forwarded-for", line) for line in lines]
        content = {"email": f"chain{number}@{network}.limits.example"}
        answers.append(httpx.post(f"{server.url}/request/magic", json=content, headers=headers).status_code)
    assert answers == [200] * 20 + [429] * 2
    (row,) = server.sql("SELECT DISTINCT ip FROM magic_links WHERE email LIKE ?", f"%@{network}.limits.example")
    assert row == (f"{network}.0.7",)


def test_garbage_never_skips_a_limit(server: Server) -> None:
    """What is no address leaves the last trustworthy hop: here the proxy, whose one bucket fills up (SEC-61)."""
    garbage = ("a", "", ",", "1.2.3.4:99", "[::1]", "0x7f.1", "127.1", "1.2.3.4,", "1.2.3.4, x", "::1%eth0, x", "x" * 9000)
    answers = [Device(server, {"x-forwarded-for": text}).verify("pwm_" + "x" * 64).status_code for _ in range(3) for text in garbage]
    assert answers == [401] * 30 + [429] * 3
    many = Device(server, {"x-forwarded-for": ", ".join(["127.0.0.1"] * 1200)})
    assert many.verify("pwm_" + "x" * 64).status_code == 429


def test_a_network_of_version_six_is_one_client(server: Server) -> None:
    """A /64 shares a bucket in every spelling, its neighbour has its own, mapped addresses are version four (SEC-62)."""

    def spend(address: str, number: int) -> list[int]:
        return [from_(server, address).verify("pwm_" + "x" * 64).status_code for _ in range(number)]

    assert [spend(f"2001:db8::{number:x}", 1) for number in range(1, 31)] == [[401]] * 30
    assert spend("2001:db8::ff", 1) == spend("2001:DB8:0::1", 1) == [429]
    assert spend("2001:db8:0:1::1", 1) == [401]
    assert spend("::ffff:203.0.113.4", 30) == [401] * 30
    assert spend("203.0.113.4", 1) == [429]
    assert spend("::ffff:203.0.113.5", 1) == [401]


def test_metrics_are_not_shown_to_the_proxys_clients(server: Server, network: str) -> None:
    """The proxy is on this machine, its clients are not (SEC-74)."""
    assert Device(server).get("/metrics", headers={"host": "localhost"}).status_code == 200
    assert from_(server, f"{network}.0.1").get("/metrics", headers={"host": "localhost"}).status_code == 404
