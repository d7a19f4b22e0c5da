"""The pages of the administration: each form does what the API does, for administrators with a passkey, from our own page only."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import pytest

from pwauth_server.web import admin_invitations, admin_overview, admin_people, admin_selection
from pwauth_server.web.route import Route
from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server
from tests.web.admin import become
from tests.web.passkey_holder import add, key_for
from tests.web.test_account_page import by_link, page
from tests.web.test_signin_page import GERMAN, fill, hidden_nonce

OWN: tuple[Route, ...] = (*admin_overview.ROUTES, *admin_people.ROUTES, *admin_selection.ROUTES, *admin_invitations.ROUTES)
FORMS = tuple(route for route in OWN if route.method == "POST")
#: The administration is there before anybody administers.
SETTINGS = {"signup": "invite", "admin_emails": '["first@corp.example"]'}


def place(route: Route) -> str:
    """Return a path of a route, about nobody."""
    return re.sub("<.*?>", lambda _: str(uuid4()), route.path)


def newcomer(server: Server, address: str | None = None) -> Person:
    """Return somebody who may sign up."""
    person = Person(server, address)
    server.sql("INSERT INTO invites VALUES (?, ?, 'key:test', 1, 9e9)", uuid4().bytes, person.address)
    return person


@pytest.fixture
def bob(server: Server) -> Device:
    """Return the signed-in phone of somebody who is administered."""
    return newcomer(server).sign_in()


@pytest.fixture
def boss(server: Server) -> Device:
    """Return the browser of the only administrator, who has just shown a passkey."""
    server.sql("UPDATE users SET roles = ''")
    person = newcomer(server)
    return become(server, by_link(person), acr="phr", amr="hwk user mfa", address=person.address)


def id_of(device: Device) -> str:
    """Return the id of the person who holds a device."""
    return str(device.get("/me").json()["sub"])


def answer(boss: Device, question: str) -> httpx.Response:
    """Press the button of a page that asks."""
    return boss.post(question, form={"nonce": hidden_nonce(page(boss, question))}, headers=OWN_FORM)


def test_people_are_found_page_by_page(server: Server, boss: Device) -> None:
    """By address or name, a page at a time; what they call themselves stays text (SEC-78)."""
    for number in range(3):
        newcomer(server, f"found{number}@find.example").sign_in()
    server.sql("UPDATE users SET name = '<b>Ann & Co' WHERE email = 'found1@find.example'")
    first = page(boss, "/admin/people?q=@find.example&limit=2").text
    assert re.findall(r">(found\d)@find.example</a>", first) == ["found0", "found1"]
    assert "2 of 3" in first
    assert "&lt;b&gt;Ann &amp; Co" in first
    (following,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = page(boss, following.replace("&amp;", "&")).text
    assert re.findall(r">(found\d)@find.example</a>", second) == ["found2"]
    assert 'rel="next"' not in second
    assert "Nobody is found." in page(boss, "/admin/people?q=%25").text
    assert boss.get("/admin/people?limit=41", headers=NAVIGATION).status_code == 400


def test_a_person_is_disabled_and_enabled(boss: Device, bob: Device) -> None:
    """The next request of whoever is disabled fails, and the page says so."""
    path = f"/admin/people/{id_of(bob)}"
    done = fill(boss, page(boss, path), f"{path}/disable")
    assert (done.status_code, done.headers["location"]) == (303, f"{path}?said=disable")
    assert bob.get("/me").status_code == 401
    shown = page(boss, done.headers["location"])
    assert "Disabled. All sessions have ended." in shown.text
    assert fill(boss, shown, f"{path}/enable").headers["location"] == f"{path}?said=enable"
    assert 'class="tag bad"' not in page(boss, path).text


def test_sessions_are_ended(server: Server, boss: Device) -> None:
    """One on the person's page, one on the page of all, and the rest at once."""
    person = newcomer(server)
    phone, tablet, desk = (person.sign_in() for _ in range(3))
    path = f"/admin/people/{id_of(phone)}"
    assert fill(boss, page(boss, path), f"{path}/sessions/{phone.tokens['session_id']}/end").headers["location"] == f"{path}?said=ended"
    assert [it.get("/me").status_code for it in (phone, tablet, desk)] == [401, 200, 200]
    newest = page(boss, "/admin/sessions")
    assert person.address in newest.text
    fill(boss, newest, f"/admin/sessions/{tablet.tokens['session_id']}/end")
    assert [it.get("/me").status_code for it in (tablet, desk)] == [401, 200]
    fill(boss, page(boss, path), f"{path}/end-sessions")
    assert desk.get("/me").status_code == 401
    assert "Nobody is signed in" in page(boss, path).text


def test_factors_are_taken_away(server: Server, boss: Device, bob: Device) -> None:
    """Passkey and app, each told to its owner by the flow (SEC-59)."""
    assert add(bob, key_for(server)).status_code == 200
    server.sql("INSERT INTO totp (user_id, sealed_secret, confirmed_at) SELECT user_id, x'00', 1 FROM passkeys")
    path = f"/admin/people/{id_of(bob)}"
    (passkey,) = re.findall(rf'action="{path}/passkeys/([0-9a-f-]+)/remove"', page(boss, path).text)
    for action in (f"passkeys/{passkey}", "totp"):
        assert fill(boss, page(boss, path), f"{path}/{action}/remove").headers["location"] == f"{path}?said=removed"
    assert (bob.get("/me").json()["factors"]["passkeys"], bob.get("/me").json()["factors"]["totp"]) == (0, False)
    assert "/remove" not in page(boss, path).text


@pytest.mark.parametrize(("action", "status"), (("disable", 401), ("end_sessions", 401), ("delete", 401), ("enable", 200)))
def test_several_people_are_asked_about_first(server: Server, boss: Device, action: str, status: int) -> None:
    """The question names them and does nothing; the answer does it to all of them."""
    people = [newcomer(server).sign_in() for _ in range(2)]
    question = f"/admin/selection?do={action}&" + "&".join(f"id={id_of(it)}" for it in people)
    asked = page(boss, question).text
    assert all(it.get("/me").json()["email"] in asked for it in people)
    done = answer(boss, question)
    assert (done.status_code, done.headers["location"]) == (303, f"/admin/people?said={action}")
    assert 'role="status"' in page(boss, done.headers["location"]).text
    assert [it.get("/me").status_code for it in people] == [status, status]


@pytest.mark.parametrize("action", ("disable", "delete"))
def test_the_last_administrator_stays_and_the_others_do_not(boss: Device, bob: Device, action: str) -> None:
    """Whoever could not be disabled is named with the reason; it happened to everybody else (SEC-91)."""
    question = f"/admin/selection?do={action}&id={id_of(boss)}&id={id_of(bob)}&id={uuid4()}"
    assert "You are one of them." in page(boss, question).text
    refused = answer(boss, question)
    assert refused.status_code == 409
    assert "This is the last administrator." in refused.text
    assert "It worked with 1 other person." in refused.text
    assert (boss.get("/me").status_code, bob.get("/me").status_code) == (200, 401)


def test_a_refusal_is_a_sentence_with_a_way_back(boss: Device) -> None:
    """In the reader's language, with the status of the API (SEC-91)."""
    path = f"/admin/people/{id_of(boss)}"
    nonce = hidden_nonce(page(boss, path))
    refused = boss.post(f"{path}/disable", form={"nonce": nonce}, headers=OWN_FORM)
    assert (refused.status_code, "This is the last administrator." in refused.text) == (409, True)
    assert f'href="{path}"' in refused.text
    german = boss.post(f"{path}/disable", form={"nonce": nonce}, headers=GERMAN | OWN_FORM)
    assert "Das ist der letzte Administrator." in german.text


@pytest.mark.parametrize("query", ("", "?do=nothing", "?do=delete&" + "&".join(["id=x"] * 41), "?id=x"))
def test_a_selection_that_is_none_is_refused(boss: Device, query: str) -> None:
    """Only what the page offers, to as many as it shows."""
    assert boss.get(f"/admin/selection{query}", headers=NAVIGATION).status_code == 400
    assert "Nobody is selected" in page(boss, "/admin/selection?do=delete&id=x").text


def test_people_are_invited_until_a_day(server: Server, boss: Device) -> None:
    """The letter goes out, the invitation is listed, withdrawn, and slips are told on the page."""
    path, day = "/admin/invitations", (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    done = fill(boss, page(boss, path), path, email=" Kate@Invited.example ", until=day)
    assert (done.status_code, done.headers["location"]) == (303, f"{path}?said=invited")
    assert "invited" in server.mail.wait_for("kate@invited.example").text
    shown = page(boss, path)
    assert "kate@invited.example" in shown.text
    (invitation,) = re.findall(r'<strong>kate@.*?action="([^"]+/withdraw)"', shown.text, re.DOTALL)
    for email, until, words in (
        ("nobody", day, "This is not an address"),
        ("b@invited.example", "2020-01-01", "Choose a day"),
        ("b@invited.example", "soon", "Choose a day"),
        (boss.get("/me").json()["email"], day, "This address has an account already."),
    ):
        slip = fill(boss, shown, path, email=email, until=until)
        assert (slip.status_code in {400, 409}, words in slip.text, f'value="{email}"' in slip.text) == (True, True, True)
    assert fill(boss, shown, invitation).headers["location"] == f"{path}?said=withdrawn"
    assert "kate@invited.example" not in page(boss, path).text


def test_the_start_page_lists_what_is_unset(boss: Device, bob: Device, server: Server) -> None:
    """What a server like this one lacks, and what it has (the account page leads there)."""
    assert 'href="/admin"' in page(boss, "/account").text
    assert 'href="/admin"' not in page(by_link(newcomer(server))).text
    shown = page(boss, "/admin").text
    to_do, well = shown.split("<details>", 1)
    for words in ("An administrator has no passkey", "only one administrator", "this machine only", "no recent backup"):
        assert words in to_do
    assert "Emails go to a mail server." in well
    assert add(bob, key_for(server)).status_code == 200
    become(server, bob, acr="phr", amr="hwk user mfa")
    columns = "public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name, created_at"
    copied = f"INSERT INTO passkeys (id, user_id, credential_id, {columns}) SELECT ?, ?, ?, {columns} FROM passkeys LIMIT 1"
    server.sql(copied, uuid4().bytes, bytes.fromhex(id_of(boss).replace("-", "")), uuid4().bytes)
    to_do, well = page(boss, "/admin").text.split("<details>", 1)
    assert "Every administrator has a passkey." in well
    assert "There is more than one administrator." in well


@pytest.mark.parametrize("route", FORMS, ids=lambda route: route.path)
def test_whoever_has_shown_no_passkey_lately_does_so_and_comes_back(server: Server, boss: Device, route: Route) -> None:
    """Each form leads to the question and from there to the page that it stands on; nothing else will do (SEC-57, SEC-90)."""
    server.sql("UPDATE sessions SET auth_time = auth_time - 3600")
    path, typed = place(route), {"email": "x@invited.example", "until": "2099-01-01"}
    query = "?do=disable&id=" + str(uuid4()) if path == "/admin/selection" else ""
    sent = boss.post(path + query, form=typed | {"nonce": hidden_nonce(page(boss, "/admin/invitations"))}, headers=OWN_FORM)
    where = urlsplit(sent.headers["location"])
    stands_on = path + query if query else re.match(r"/admin/people/[^/]+|/admin/\w+", path)[0]  # type: ignore[index]
    assert (sent.status_code, where.path, where.query) == (303, "/account/confirm", f"return_to={quote(stands_on)}")
    confirm = page(boss, sent.headers["location"]).text
    assert "Add one on your account page" in confirm
    assert f'href="{stands_on.replace("&", "&amp;")}"' in confirm
    assert 'name="code"' not in confirm


@pytest.mark.parametrize("route", FORMS, ids=lambda route: route.path)
def test_a_form_of_another_site_does_nothing(boss: Device, route: Route) -> None:
    """Another origin, a forged nonce, none at all (SEC-18, SEC-95)."""
    nonce, typed = hidden_nonce(page(boss, "/admin/invitations")), {"email": "x@invited.example", "until": "2099-01-01"}
    foreign = {**OWN_FORM, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert boss.post(place(route), form=typed | {"nonce": nonce}, headers=foreign).status_code == 403
    assert boss.post(place(route), form=typed | {"nonce": "0" * 64}, headers=OWN_FORM).status_code == 403
    assert boss.post(place(route), form=typed, headers=OWN_FORM).status_code == 400


@pytest.mark.parametrize("route", OWN, ids=lambda route: f"{route.method} {route.path}")
def test_nobody_else_gets_in(bob: Device, device: Device, route: Route) -> None:
    """A stranger is led to the sign-in; whoever is no administrator reads that they may not (SEC-90)."""
    form = {"nonce": "x"} if route.method == "POST" else None
    stranger = device.ask(route.method, place(route), form=form, headers=OWN_FORM)
    assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (303, "/signin")
    refused = bob.ask(route.method, place(route), form=form, headers=OWN_FORM, token=bob.tokens["access_token"])
    assert (refused.status_code, "You may not do this." in refused.text) == (403, True)


def test_who_is_not_there_is_a_page_that_says_so(boss: Device) -> None:
    """An unknown person, and forms about one."""
    for path in (f"/admin/people/{uuid4()}", "/admin/people/x"):
        missing = boss.get(path, headers=NAVIGATION)
        assert (missing.status_code, "Nothing is here" in missing.text) == (404, True)
        gone = boss.post(f"{path}/disable", form={"nonce": hidden_nonce(page(boss, "/admin/invitations"))}, headers=OWN_FORM)
        assert (gone.status_code, "That did not work" in gone.text) == (404, True)


def test_the_pages_speak_german(boss: Device, bob: Device) -> None:
    """Tabs, lists and questions."""
    for path, words in (
        ("/admin", "noch zu erledigen"),
        ("/admin/people", "Mit den Ausgewählten"),
        (f"/admin/people/{id_of(bob)}", "Wege der Anmeldung"),
        ("/admin/sessions", "Sitzungen"),
        (f"/admin/selection?do=delete&id={id_of(bob)}", "1 Person löschen?"),
        ("/admin/invitations", "Jemanden einladen"),
    ):
        assert words in boss.get(path, headers=GERMAN).text, path
