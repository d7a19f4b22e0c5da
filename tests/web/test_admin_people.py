"""People under administration, from outside: pages, changes, and what is dead afterwards."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from tests.people import Device, Person, at_once, statuses, without_id
from tests.server import Server
from tests.web.admin import become, fill

INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """Return a key that may do everything here, and introspect."""
    scopes = [word for scope in ("admin:read", "admin:write", "introspect") for word in ("--scope", scope)]
    return server.command("key", "create", "--name", "admin", *scopes)


@pytest.fixture
def admin(server: Server, key: str) -> Callable[..., httpx.Response]:
    """Return a function that asks with that key."""

    def ask(method: str, path: str, **rest: object) -> httpx.Response:
        return Device(server).ask(method, path, token=key, **rest)  # type: ignore[arg-type]

    return ask


Ask = Callable[..., httpx.Response]


def test_people_come_in_pages(server: Server, admin: Ask) -> None:
    """By address, with the number of all (SEC-78)."""
    for number in range(5):
        Person(server, f"page{number}@pages.example").sign_in()
    seen: list[str] = []
    for offset in (0, 2, 4, 6):
        page = admin("GET", f"/admin/users?q=@pages.example&limit=2&offset={offset}").json()
        assert page["total"] == 5
        seen += [it["email"] for it in page["users"]]
    assert seen == [f"page{number}@pages.example" for number in range(5)]
    first = admin("GET", "/admin/users?q=page0@PAGES").json()["users"][0]
    assert (first["email_verified"], first["disabled"], first["roles"], first["name"]) == (True, False, [], "")
    assert first["last_sign_in_at"].endswith("Z")


@pytest.mark.parametrize(
    "query",
    (
        "limit=0",
        "limit=-1",
        "limit=1e9",
        "limit=101",
        "limit=abc",
        "limit=",
        "limit=%D9%A1",
        "limit=+1",
        "limit=1&limit=2",
        "limit=99999999999999999999",
        "offset=-1",
        "offset=1.5",
        "offset=1000001",
        "sort=totp_secret",
        "sort=email",
        "q=%00",
        "q=%FF",
        "q=%ED%A0%80",
        f"q={'a' * 255}",
        "q",
        "=x",
    ),
)
@pytest.mark.parametrize("path", ("/admin/users", "/admin/audit", "/admin/emails", "/admin/challenges", "/admin/invites"))
def test_odd_queries_are_refused(admin: Ask, path: str, query: str) -> None:
    """Numbers are plain digits in range, and a parameter that does not exist filters nothing (SEC-76, SEC-78)."""
    answer = admin("GET", f"{path}?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed_request")


def test_wildcards_find_nobody(admin: Ask) -> None:
    """Neither everybody nor an error (SEC-78)."""
    for q in ("%25", "_", "%27--", "%5C", "!", "%25%25", "%27%20OR%201=1"):
        answer = admin("GET", f"/admin/users?q={q}")
        assert (answer.status_code, answer.json()) == (200, {"users": [], "total": 0}), q


def test_a_disabled_person_is_dead_on_every_path(server: Server, alice: Person, key: str, admin: Ask) -> None:
    """One live artefact of each kind, and none works any more, nor comes back with the account (SEC-09)."""
    device, browser, waiting = alice.sign_in(), alice.device(), alice.device()
    browser.press_button(browser.open_link(alice.link(browser).token))
    request_id = alice.request(waiting)
    code = alice.read_letter().code
    link = alice.link(waiting).token
    sub = device.get("/me").json()["sub"]
    assert browser.get("/me").status_code == 200

    def dead() -> None:
        assert device.get("/me").status_code == 401
        assert browser.get("/me").status_code == 401
        assert device.refresh().status_code == 401
        assert device.post("/token/introspect", json={"token": device.tokens["access_token"]}, token=key).content == INACTIVE
        for answer in (waiting.verify(link), waiting.verify_code(request_id, code)):
            assert without_id(answer) == without_id(waiting.verify("x"))

    assert admin("PATCH", f"/admin/users/{sub}", json={"disabled": True}).json()["disabled"] is True
    dead()
    alice.request(alice.device())  # the same answer, and no letter
    assert server.metric("sessions_ended_total", reason="disabled") >= 2
    assert admin("PATCH", f"/admin/users/{sub}", json={"disabled": False}).json()["disabled"] is False
    dead()
    assert alice.sign_in().get("/me").json()["sub"] == sub


def test_a_new_account_of_an_old_address_is_somebody_else(server: Server, alice: Person, key: str, admin: Ask) -> None:
    """Deleted means another id, and nothing old opens the new one (SEC-09)."""
    device, waiting = alice.sign_in(), alice.device()
    link = alice.link(waiting).token
    sub = device.get("/me").json()["sub"]
    assert admin("DELETE", f"/admin/users/{sub}").status_code == 204
    assert admin("GET", f"/admin/users/{sub}").status_code == 404
    assert server.mail.wait_for(alice.address, 3).message["subject"] == "Your account was deleted"
    alice.read_letter()
    assert server.sql("SELECT COUNT(*) FROM sessions WHERE user_id = ?", UUID(sub).bytes) == [(0,)]
    assert waiting.verify(link).status_code == 401
    again = alice.sign_in()
    assert again.get("/me").json()["sub"] != sub
    assert device.get("/me").status_code == device.refresh().status_code == 401
    assert device.post("/token/introspect", json={"token": device.tokens["access_token"]}, token=key).content == INACTIVE
    assert admin("DELETE", f"/admin/users/{sub}").status_code == 404


def test_sessions_are_seen_and_ended(server: Server, alice: Person, admin: Ask) -> None:
    """One of them, or all; what is over is missing (SEC-54, SEC-55)."""
    devices = [alice.sign_in() for _ in range(3)]
    sub = devices[0].get("/me").json()["sub"]
    listed = admin("GET", f"/admin/users/{sub}/sessions").json()["sessions"]
    assert [it["id"] for it in listed] == [device.tokens["session_id"] for device in reversed(devices)]
    assert admin("DELETE", f"/admin/sessions/{listed[0]['id']}").status_code == 204
    assert admin("DELETE", f"/admin/sessions/{listed[0]['id']}").status_code == 404
    assert [device.get("/me").status_code for device in devices] == [200, 200, 401]
    assert admin("DELETE", f"/admin/users/{sub}/sessions").json() == {"ended": 2}
    assert admin("DELETE", f"/admin/users/{sub}/sessions").json() == {"ended": 0}
    assert [device.refresh().status_code for device in devices] == [401] * 3
    assert server.metric("sessions_ended_total", reason="ended_by_admin") >= 3


def test_nothing_that_administration_shows_is_a_credential(server: Server, alice: Person, key: str, admin: Ask) -> None:
    """Every list and every view, searched for whatever was handed out and for every hash that is kept (SEC-92)."""
    device, browser = alice.sign_in(), alice.device()
    letter = alice.link(browser)
    page = browser.open_link(letter.token)
    browser.press_button(page)
    admin("PATCH", f"/admin/users/{device.get('/me').json()['sub']}", json={"name": "Ann"})
    sub = device.get("/me").json()["sub"]
    secrets = [device.tokens["access_token"], device.tokens["refresh_token"], letter.token, letter.code, letter.code.replace("-", ""), key]
    secrets += [cookie.rpartition(".")[2] for cookie in browser.cookies.values()]
    columns = (("magic_links", "token_hash"), ("magic_links", "code_mac"), ("magic_links", "browser_hash"), ("api_keys", "secret_hash"))
    for table, column in columns:
        secrets += [value for (text,) in server.sql(f"SELECT hex({column}) FROM {table}") for value in (text, text.lower())]
    seen = "".join(admin(method, path).text for method, path in fill(sub) if method == "GET")
    seen += admin("GET", "/admin/audit?format=csv").text + device.get("/me/export").text + device.get("/me/events").text
    assert sub in seen
    assert [secret for secret in secrets if secret and secret in seen] == []


def test_two_administrators_cannot_shut_each_other_out(server: Server) -> None:
    """In parallel, by their own sessions: one of them stays (SEC-59, SEC-91)."""
    people = [Person(server) for _ in range(2)]
    server.sql("UPDATE users SET roles = ''")
    admins = [become(server, person.sign_in(), acr="phr", amr="hwk user mfa") for person in people]
    subs = [device.get("/me").json()["sub"] for device in admins]

    def shut(device: Device, sub: str) -> httpx.Response:
        return device.ask("PATCH", f"/admin/users/{sub}", json={"disabled": True}, token=device.tokens["access_token"])

    answers = at_once(lambda: shut(admins[0], subs[1]), lambda: shut(admins[1], subs[0]))
    assert statuses(answers)[0] == 200
    assert statuses(answers)[1] in {401, 403, 409}
    assert server.sql("SELECT COUNT(*) FROM users WHERE roles = 'admin' AND disabled_at IS NULL") == [(1,)]


@pytest.mark.parametrize(
    "body",
    (
        {},
        {"disabled": "yes"},
        {"disabled": 1},
        {"name": 7},
        {"name": "a\nb"},
        {"name": "a" * 101},
        {"roles": "admin"},
        {"roles": ["a b"]},
        {"roles": ["Admin"]},
        {"roles": ["admin\n"]},
        {"roles": ["a" * 33]},
        {"roles": ["a"] * 21},
        {"roles": ["x" * 30 + str(number) for number in range(10)]},
        {"email": "x@ex.com"},
        {"name": "x", "verified_at": 1},
    ),
)
def test_a_change_names_what_exists(alice: Person, admin: Ask, body: object) -> None:
    """Anything else is refused whole (SEC-91)."""
    sub = alice.sign_in().get("/me").json()["sub"]
    before = admin("GET", f"/admin/users/{sub}").json()
    assert admin("PATCH", f"/admin/users/{sub}", json=body).status_code == 400
    assert admin("GET", f"/admin/users/{sub}").json() == before


def test_roles_are_given_and_cleaned(alice: Person, admin: Ask) -> None:
    """Each once and in order, and they count at once for whoever asks us (SEC-91)."""
    device = alice.sign_in()
    sub = device.get("/me").json()["sub"]
    changed = admin("PATCH", f"/admin/users/{sub}", json={"roles": ["staff", "audit", "staff"], "name": " Ann "}).json()
    assert (changed["roles"], changed["name"]) == (["audit", "staff"], "Ann")
    assert device.get("/me").json()["roles"] == ["audit", "staff"]
