"""Pages on which administrators watch: letters, events, what is under way, the last hour, the doctor."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copy
from uuid import UUID, uuid4

import httpx
import pytest

from pwauth_server.web import admin_doctor, admin_events, admin_letters, admin_live
from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server, running
from tests.web.admin import become
from tests.web.test_account_page import by_link, page
from tests.web.test_signin_page import GERMAN, fill, hidden_nonce

ROUTES = (*admin_letters.ROUTES, *admin_events.ROUTES, *admin_live.ROUTES, *admin_doctor.ROUTES)
PAGES = ("/admin", *(route.path for route in ROUTES if route.method == "GET"))
SECRETS = {
    "metrics_token": "metrics-token-zq2zq2",
    "webhook_secret": "webhook-secret-zq3",
    "backup_passphrase": "backup-passphrase-zq4zq4zq4zq4zq4zq4",
    "smtp_username": "pwauth",
    "smtp_password": "smtp-password-zq1",
}


@pytest.fixture(scope="module")
def boss(server: Server) -> Device:
    """Return the browser of an administrator who has just shown a passkey."""
    return enter(server)


def enter(server: Server, acr: str = "phr", amr: str = "hwk user mfa") -> Device:
    """Sign an administrator in."""
    person = Person(server)
    return become(server, by_link(person), acr=acr, amr=amr, address=person.address)


def kill(server: Server, person: Person) -> str:
    """Let the newest letter to somebody be dead; return its id."""
    person.link(person.device())
    died = "status = 'failed', last_error = 'smtp_550', transport = 'smtp', body = x'00'"
    server.sql(f"UPDATE email_queue SET {died} WHERE recipient = ?", person.address)
    (row,) = server.sql("SELECT lower(hex(id)) FROM email_queue WHERE recipient = ?", person.address)
    return str(UUID(row[0]))


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_code_and_load_nothing_foreign(boss: Device, path: str) -> None:
    """Strict policy, every address our own, one heading at most; in German as well (SEC-13, SEC-95)."""
    for headers in (NAVIGATION, GERMAN):
        shown = boss.get(path, headers=headers)
        assert shown.status_code == 200
        assert "unsafe" not in shown.headers["content-security-policy"]
        assert shown.headers["cache-control"] == "no-store"
        assert not re.search(r"""\son\w+=|\sstyle=|http-equiv|<style|<script(?! type="module" src="/static/)""", shown.text)
        assert all(re.match(r"/(?!/)|#", target) for target in re.findall(r'(?:src|href|action)="([^"]*)"', shown.text))
        assert shown.text.count("<h1>") == (0 if path == "/admin/live" else 1)
        assert len(shown.content) < 40_000


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_administrators(server: Server, boss: Device, path: str) -> None:
    """A stranger signs in first, everybody else is refused, a key that may read sees them too (SEC-90)."""
    key = server.command("key", "create", "--name", "reader", "--scope", "admin:read")
    stranger, someone = Device(server), by_link(Person(server))
    assert stranger.get(path, headers=NAVIGATION).headers["location"] == f"/signin?return_to={path}"
    assert someone.get(path, headers=NAVIGATION).status_code == 403
    assert stranger.get(path, headers=NAVIGATION, token=key).status_code == 200


def test_a_dead_letter_is_tried_again(server: Server, boss: Device, alice: Person) -> None:
    """The page tells why it died and until when it is worth a try; the log tells who wanted one (SEC-84, SEC-91)."""
    letter = kill(server, alice)
    shown = page(boss, f"/admin/mail?status=failed&to={alice.address}")
    assert "the mail server said 550" in shown.text
    assert "by smtp" in shown.text
    assert "worth sending until" in shown.text
    done = fill(boss, shown, f"/admin/mail/{letter}/requeue")
    assert (done.status_code, done.headers["location"]) == (303, "/admin/mail?said=requeued")
    assert "The email is tried again now." in page(boss, done.headers["location"]).text
    (facts,) = server.sql("SELECT facts FROM audit_log WHERE event = 'letter.requeued'")
    assert json.loads(facts[0])["letter"] == letter
    assert json.loads(facts[0])["by"].startswith("user:")
    nonce = hidden_nonce(shown)
    for missing in (str(uuid4()), "x"):
        again = boss.post(f"/admin/mail/{missing}/requeue", form={"nonce": nonce}, headers=OWN_FORM)
        assert (again.status_code, "There is no dead letter" in again.text) == (404, True)


def test_letters_are_filtered_and_paged(server: Server, boss: Device, alice: Person) -> None:
    """By state and recipient, newest first, without what they say (SEC-92)."""
    letter = alice.link(alice.device())
    assert alice.address in page(boss, "/admin/mail?status=&to=").text
    shown = page(boss, f"/admin/mail?to={alice.address.upper()}").text
    assert "1\u20131 of 1" in shown
    assert letter.token not in shown
    assert letter.code not in shown
    for query in ("status=failed", "status=expired"):
        assert "There is no such email." in page(boss, f"/admin/mail?to={alice.address}&{query}").text
    assert "There is no such email." in page(boss, "/admin/mail?to=%3Cscript%3E").text
    Person(server).link(Device(server))
    first = page(boss, "/admin/mail?limit=1&status=sent").text
    (following,) = re.findall(r'<a href="([^"]*)" rel="next">', first)
    assert following == "/admin/mail?status=sent&amp;offset=1"
    assert 'rel="prev"' in page(boss, following.replace("&amp;", "&")).text
    for wrong in ("status=nonsense", "limit=0", "offset=x", "nonsense=1"):
        assert boss.get(f"/admin/mail?{wrong}", headers=NAVIGATION).status_code == 400


def test_a_test_letter_is_sent(boss: Device, alice: Person) -> None:
    """It arrives; what is no address is told beside the field, which keeps it (SEC-04)."""
    shown = page(boss, "/admin/mail")
    done = fill(boss, shown, "/admin/mail/test", email=f" {alice.address.upper()}".strip())
    assert (done.status_code, done.headers["location"]) == (303, "/admin/mail?said=tested")
    assert "test" in str(alice.read_letter().message["subject"]).lower()
    for slip in ("nobody", "a@ex.com,b@ex.com", '"><script>'):
        again = fill(boss, shown, "/admin/mail/test", email=slip)
        assert (again.status_code, 'aria-describedby="problem"' in again.text, "<script>" in again.text) == (400, True, False)


@pytest.mark.parametrize("path", ("/admin/mail/test", f"/admin/mail/{UUID(int=0)}/requeue"))
def test_forms_are_taken_from_administrators_on_our_own_page(server: Server, boss: Device, alice: Person, path: str) -> None:
    """Not from another site, not without its nonce, and not from one who has shown no passkey lately (SEC-18, SEC-57, SEC-90)."""
    nonce, typed = hidden_nonce(page(boss, "/admin/mail")), {"email": alice.address} if path.endswith("test") else {}
    foreign = {**OWN_FORM, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert boss.post(path, form=typed | {"nonce": nonce}, headers=foreign).status_code == 403
    assert boss.post(path, form=typed | {"nonce": "0" * 64}, headers=OWN_FORM).status_code == 403
    weak = enter(server, "email", "email").post(path, form=typed | {"nonce": nonce}, headers=OWN_FORM)
    assert (weak.status_code, weak.headers["location"]) == (303, "/account/confirm?return_to=/admin/mail")
    assert by_link(alice).post(path, form=typed | {"nonce": nonce}, headers=OWN_FORM).status_code == 403
    assert server.sql("SELECT count(*) FROM email_queue WHERE recipient = ? AND kind = 'test'", alice.address) == [(0,)]


def rows(shown: httpx.Response) -> list[str]:
    """Return the rows of a page's table as text."""
    return [re.sub(r"<[^>]*>|\s+", " ", row) for row in re.findall(r"<tr>\n<td.*?</tr>", shown.text, re.DOTALL)]


def test_events_are_filtered_and_exported(boss: Device, alice: Person) -> None:
    """By what, whom and when; the link below leads to the same as a table (SEC-74)."""
    sub = by_link(alice).get("/me").json()["sub"]
    shown = page(boss, f"/admin/events?event=sign_in.succeeded&person={alice.address}")
    (row,) = rows(shown)
    assert "Signed in" in row
    assert alice.address in row
    assert len(rows(page(boss, f"/admin/events?person={sub}&event=&since=2026-01-01T00:00"))) >= 2
    assert rows(page(boss, f"/admin/events?person={sub}&until=2026-01-01T00:00")) == []
    assert "Nobody has that address." in page(boss, "/admin/events?person=nobody@people.example").text
    (link,) = re.findall(r'href="(/admin/audit[^"]*)" download', shown.text)
    table = boss.get(link.replace("&amp;", "&"), headers=NAVIGATION)
    assert table.headers["content-type"].startswith("text/csv")
    head, line = table.text.splitlines()
    assert (head.startswith('"id"'), alice.address in line, "sign_in.succeeded" in line) == (True, True, True)
    for wrong in ("event=nonsense", "since=yesterday", "until=2026-02-30", "before=0", "nonsense=1"):
        assert boss.get(f"/admin/events?{wrong}", headers=NAVIGATION).status_code == 400


def test_events_come_page_by_page(boss: Device, alice: Person) -> None:
    """From the newest to the oldest, none twice and none left out."""
    sub = by_link(alice).get("/me").json()["sub"]
    whole, at, seen = rows(page(boss, f"/admin/events?person={sub}")), f"/admin/events?limit=1&person={sub}", []
    while at:
        shown = page(boss, at)
        seen += rows(shown)
        older = re.search(r'href="([^"]*)" rel="next"', shown.text)
        at = older[1].replace("&amp;", "&") + "&limit=1" if older else ""
    assert seen == whole
    assert len(whole) >= 2
    assert ">Newest</a>" in shown.text


def test_what_is_under_way_shows_no_secret(server: Server, boss: Device, alice: Person) -> None:
    """Purpose, person and end (SEC-40, SEC-92)."""
    sub = by_link(alice).get("/me").json()["sub"]
    assert "Nothing is under way." in page(boss, "/admin/ceremonies").text
    server.sql(
        "INSERT INTO challenges (id, purpose, secret_hash, challenge, user_id, is_named, amr, expires_at)"
        " VALUES (?, 'second_factor', ?, ?, ?, 1, '', ?), (?, 'passkey_sign_in', ?, ?, NULL, 0, '', ?)",
        *(uuid4().bytes, b"h" * 32, b"c" * 32, UUID(sub).bytes, time.time() + 300),
        *(uuid4().bytes, b"h" * 32, b"c" * 32, time.time() + 300),
    )
    shown = page(boss, "/admin/ceremonies").text
    for said in (alice.address, "A second step is asked for", "A passkey is asked for", "somebody who is not known yet"):
        assert said in shown
    assert "hhhh" not in shown
    first = page(boss, "/admin/ceremonies?limit=1").text
    assert 'rel="next"' in first
    assert 'rel="prev"' in page(boss, "/admin/ceremonies?limit=1&offset=1").text


def test_the_last_hour_is_told_in_pictures_and_in_numbers(server: Server, boss: Device) -> None:
    """What has just happened is there; every picture has a title and a text, and a table says the same (SEC-74)."""

    def counts() -> list[int]:
        (row,) = re.findall(r'<th scope="row">Link</th><td class="count">(\d+)</td><td class="count">(\d+)</td>', shown.text)
        return [int(count) for count in row]

    shown = page(boss, "/admin")
    before = counts()
    by_link(Person(server))
    Device(server).verify("x")
    shown = page(boss, "/admin/live")
    assert [now - then for then, now in zip(before, counts(), strict=True)] == [1, 1]
    assert shown.text.count("<svg") == shown.text.count("<title ") == shown.text.count("<desc ") == 3
    assert shown.text.count('role="img"') == 3
    for labels in re.findall(r'aria-labelledby="([^"]*)"', shown.text):
        assert all(f'id="{label}"' in shown.text for label in labels.split())


@pytest.fixture
def deaf(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[Server]:
    """Return a server full of secrets that waits so many seconds for a mail server which never says a word."""
    copy(sqlite_template, tmp_path / "auth.db")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        with running(tmp_path, {**SECRETS, "smtp_port": port, "smtp_timeout_seconds": request.param}) as started:
            yield started


@pytest.mark.parametrize("deaf", ("100",), indirect=True)
def test_a_look_that_lasts_holds_up_neither_page_nor_end(deaf: Server) -> None:
    """The page says that the doctor still looks, and SIGTERM is obeyed in time all the same (SEC-84)."""
    key = deaf.command("key", "create", "--name", "reader", "--scope", "admin:read")
    began = time.perf_counter()
    shown = Device(deaf).get("/admin/doctor", headers=NAVIGATION, token=key).text
    assert "The doctor is still looking." in shown
    assert time.perf_counter() - began < 10
    assert deaf.stop() == 0
    assert not [line for line in deaf.log if "Traceback" in line or "was destroyed" in line]


@pytest.mark.parametrize("deaf", ("1",), indirect=True)
def test_the_doctor_tells_no_secret_and_stalls_nobody(deaf: Server) -> None:
    """Ten pages wait for one look; everybody else is answered meanwhile, and the look ends (SEC-25, SEC-73)."""
    key = deaf.command("key", "create", "--name", "reader", "--scope", "admin:read")
    device = Device(deaf)
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(device.get, "/admin/doctor", headers=NAVIGATION, token=key) for _ in range(10)]
        waits = []
        while not all(it.done() for it in asked):
            began = time.perf_counter()
            assert device.get("/liveness").status_code == 200
            waits.append(time.perf_counter() - began)
    assert len(waits) >= 3
    assert sorted(waits)[len(waits) // 2] < 0.5
    pages = [it.result() for it in asked]
    assert {it.status_code for it in pages} == {200}
    shown = pages[0].text
    assert "cannot be used: it does not answer in time" in shown
    assert "Look at the network and the firewall in between." in shown
    assert shown.index("To mend") < shown.index("To look at") < shown.index("In order")
    assert not [secret for name, secret in SECRETS.items() if name != "smtp_username" and secret in shown]
    assert deaf.folder.joinpath("secrets/secret_key").read_text().strip() not in shown
    german = device.get("/admin/doctor", headers=GERMAN, token=key).text
    assert "Zu beheben" in german
    assert "ist nicht zu gebrauchen: er antwortet nicht rechtzeitig." in german
