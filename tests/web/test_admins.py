"""Administrators are made on the host, by command or by configuration, never by a request (SEC-90)."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.people import Device, Person, at_once, statuses
from tests.server import Server, running
from tests.web.test_totp import with_app
from tests.web.tokens import claims

SETTINGS = {"admin_emails": "boss@admins.example", "magic_link_binding": "strict", "enrolment": "first_use"}


def admin(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `pwauth admin` beside the server."""
    return subprocess.run(
        [sys.executable, "-m", "pwauth_server", "admin", *arguments],
        cwd=server.folder, env=server.environment, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


def roles(device: Device) -> list[str]:
    """Return the roles that the access token of a device says."""
    found: list[str] = claims(device.tokens["access_token"])["roles"]
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """Return a server where nobody is an administrator."""
    with running(tmp_path) as started:
        yield started


def test_a_role_is_granted_and_revoked_on_the_host(server: Server, alice: Person) -> None:
    """Sessions know at once, tokens with the next refresh; the owner is told both times (SEC-53, SEC-58)."""
    phone = alice.sign_in()
    assert server.command("admin", "grant", alice.address.upper()) == f"{alice.address} is an administrator"
    assert "already" in server.command("admin", "grant", alice.address)
    assert phone.get("/me").json()["roles"] == ["admin"]
    assert roles(phone) == []
    phone.refresh()
    assert roles(phone) == ["admin"]
    told = alice.told("You were made an administrator")
    assert "the server itself" in told.text
    bob = Person(server)
    bob.sign_in()
    server.command("admin", "grant", bob.address)
    listed = [line.split("\t")[0] for line in server.command("admin", "list").splitlines()]
    assert {alice.address, bob.address} <= set(listed)
    assert listed[0] == "email"
    server.command("admin", "revoke", alice.address)
    assert phone.get("/me").json()["roles"] == []
    phone.refresh()
    assert roles(phone) == []
    alice.told("You are no longer an administrator")
    server.command("key", "create", "--name", "gate", "--scope", "introspect")
    by_hand = "event IN ('user.role_granted', 'user.role_revoked', 'api_key.created') AND ip <> '127.0.0.1'"
    assert server.sql(f"SELECT DISTINCT ip, browser FROM audit_log WHERE {by_hand}") == [("local", "the command line")]
    assert "was no administrator" in server.command("admin", "revoke", alice.address)


def test_a_session_by_six_digits_does_not_carry_the_role(server: Server, alice: Person) -> None:
    """Nor does it get it by a refresh (SEC-35)."""
    phone = alice.sign_in()
    server.command("admin", "grant", alice.address)
    server.sql("UPDATE sessions SET amr = 'otp', acr = 'otp' WHERE id = ?", bytes.fromhex(phone.tokens["session_id"].replace("-", "")))
    phone.refresh()
    assert (roles(phone), phone.get("/me").json()["roles"]) == ([], ["admin"])


def test_the_last_administrator_stays(fresh: Server) -> None:
    """Also when two are revoked at the same moment: one command fails with a sentence (SEC-90)."""
    ann, ben = Person(fresh), Person(fresh)
    for person in (ann, ben):
        person.sign_in()
        fresh.command("admin", "grant", person.address)
    with_one = [
        subprocess.Popen(
            [sys.executable, "-m", "pwauth_server", "admin", "revoke", person.address],
            cwd=fresh.folder, env=fresh.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for person in (ann, ben)
    ]  # fmt: skip
    said = [process.communicate(timeout=20) for process in with_one]
    assert sorted(process.returncode for process in with_one) == [0, 1]
    (sentence,) = [err for _, err in said if err]
    assert re.fullmatch(r"pwauth: \S+ is the last administrator: make another one first\.\n", sentence)
    assert len(fresh.command("admin", "list").splitlines()) == 2


@pytest.mark.parametrize("line", ("grant", "revoke", "login-link"))
def test_nobody_is_made_up(server: Server, line: str) -> None:
    """An address without a proven account is refused with a sentence, and a bad one is wrong usage (SEC-05)."""
    done = admin(server, line, "nobody@people.example")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pwauth: Nobody has an account for nobody@people.example yet: its owner has to sign in by mail first.\n"
    assert admin(server, line, "nobody").returncode == 2
    assert server.sql("SELECT COUNT(*) FROM users WHERE email LIKE 'nobody@%'") == [(0,)]


def test_nobody_is_an_administrator_by_being_first(fresh: Server) -> None:
    """However many come first and at once (SEC-90)."""
    people = [Person(fresh) for _ in range(10)]
    tokens = [person.link(person.device()).token for person in people]
    answers = at_once(*(partial(Device(fresh).verify, token, confirm_other_device=True) for token in tokens))
    assert statuses(answers) == [200] * 10
    assert {tuple(claims(answer.json()["access_token"])["roles"]) for answer in answers} == {()}
    assert fresh.command("admin", "list").splitlines() == ["email\tid\tcreated\tstate"]


def test_the_configured_address_becomes_one_by_its_mailbox(server: Server) -> None:
    """A planted account of that address does not, whatever it has; revoked, it is one again with the next letter (SEC-07, SEC-90)."""
    server.sql("INSERT INTO users (id, email, name, roles, created_at) VALUES (?, 'boss@admins.example', '', '', 1)", bytes(16))
    assert admin(server, "grant", "boss@admins.example").returncode == 1
    boss = Person(server, "boss@admins.example")
    phone = boss.sign_in()
    assert roles(phone) == ["admin"]
    boss.told("You were made an administrator")
    other = Person(server)
    other.sign_in()
    server.command("admin", "grant", other.address)
    assert "with the next sign-in by mail it is one again" in server.command("admin", "revoke", boss.address)
    phone.refresh()
    assert roles(phone) == []
    assert roles(boss.sign_in()) == ["admin"]


def test_a_link_of_the_host_lets_a_locked_out_owner_in(server: Server, alice: Person) -> None:
    """Once, in any browser after it was confirmed, although mail is off and other factors are lost; enough to step up (SEC-90)."""
    with_app(alice)
    server.command("admin", "grant", alice.address)
    server.sql("UPDATE users SET mail_off_at = 1 WHERE email = ?", alice.address)
    link = server.command("admin", "login-link", alice.address)
    assert link.startswith(f"{server.public_url}/verify/magic?token=pwm_")
    token = link.partition("token=")[2]
    alice.told("An administrator made a link on the server")
    browser = alice.device()
    question = browser.press_button(browser.open_link(token))
    assert (question.status_code, "the server itself" in question.text) == (403, True)
    phone = alice.device()
    assert phone.verify(token).json()["error"] == "confirmation_required"
    phone.tokens = phone.verify(token, confirm_other_device=True).json()
    said = claims(phone.tokens["access_token"])
    assert (said["amr"], said["acr"], said["roles"]) == (["host"], "host", ["admin"])
    assert phone.ask("DELETE", "/sessions", token=phone.tokens["access_token"]).status_code == 200
    assert browser.press_button(question).status_code == 401
    assert phone.verify(token, confirm_other_device=True).status_code == 401
    assert server.metric("sessions_created_total", method="host_link") >= 1
    assert token not in "".join(server.log)


def test_a_link_of_the_host_ends(server: Server, alice: Person) -> None:
    """It has no code, lives for ten minutes, and a disabled account gets none (SEC-09, SEC-15)."""
    alice.sign_in()
    token = server.command("admin", "login-link", alice.address).partition("token=")[2]
    (row,) = server.sql("SELECT id, expires_at - created_at, purpose FROM magic_links WHERE purpose = 'host' AND closed_at IS NULL")
    assert row[1:] == (600.0, "host")
    answer = alice.device().verify_code(row[0].hex(), "2222-2222")
    assert answer.status_code == 401
    server.sql("UPDATE magic_links SET expires_at = expires_at - 600 WHERE id = ?", row[0])
    assert alice.device().verify(token, confirm_other_device=True).status_code == 401
    server.sql("UPDATE users SET disabled_at = 1 WHERE email = ?", alice.address)
    done = admin(server, "login-link", alice.address)
    assert (done.returncode, done.stderr) == (1, f"pwauth: The account of {alice.address} is disabled.\n")


def test_strangers_cannot_push_a_link_of_the_host_out(server: Server, alice: Person) -> None:
    """Asking for letters again and again ends only letters (SEC-19)."""
    alice.sign_in()
    token = server.command("admin", "login-link", alice.address).partition("token=")[2]
    server.sql("UPDATE magic_links SET created_at = created_at - 120")
    for _ in range(5):
        alice.request(alice.device())
    assert alice.device().verify(token, confirm_other_device=True).status_code == 200
