"""Recovery codes: made once, used once, and only on top of the mailbox (SEC-39)."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.people import OWN_FORM, Device, Person, at_once, statuses, without_id
from tests.server import Server, running
from tests.web.tokens import claims

SHAPE = re.compile(r"[2-9A-Z]{6}-[2-9A-Z]{6}-[2-9A-Z]{6}")
WRONG = "2" + "A" * 17


def make(device: Device) -> list[str]:
    """Make ten codes."""
    answer = device.post("/recovery-codes", token=device.tokens["access_token"])
    assert answer.status_code == 200, answer.text
    codes: list[str] = answer.json()["codes"]
    return codes


def show(device: Device, code: str) -> httpx.Response:
    """Show a code with the session of a device."""
    return device.post("/recovery-codes/verify", json={"code": code}, token=device.tokens["access_token"])


def end_others(device: Device) -> httpx.Response:
    """Do something that wants a step-up."""
    return device.ask("DELETE", "/sessions", token=device.tokens["access_token"])


@pytest.fixture
def sheet(alice: Person) -> list[str]:
    """Return the ten codes of alice."""
    return make(alice.sign_in())


def test_ten_codes_are_shown_once(alice: Person) -> None:
    """They are told to whoever makes them, and nowhere else: no list, no letter, no database has them (SEC-39, SEC-70)."""
    phone = alice.sign_in()
    codes = make(phone)
    assert len(set(codes)) == 10
    assert all(SHAPE.fullmatch(code) for code in codes)
    assert "".join(code[0] for code in codes) == "23456789AB"
    assert phone.get("/me").json()["factors"]["recovery_codes"] == 10
    assert phone.get("/recovery-codes").status_code == 405
    assert not SHAPE.search(alice.told("New recovery codes were made").text)
    stored = alice.server.stored_bytes()
    for code in codes:
        for spelling in (code, code.replace("-", ""), code.replace("-", "")[1:], code.lower()):
            assert spelling.encode() not in stored


def test_a_code_steps_up(alice: Person, sheet: list[str]) -> None:
    """A new session takes the place of the one by mail, and may do what that one may not (SEC-39, SEC-56, SEC-57)."""
    phone = alice.sign_in()
    refused = end_others(phone)
    assert (refused.status_code, refused.json()["methods"]) == (401, ["recovery_code"])
    before = dict(phone.tokens)
    phone.tokens = show(phone, sheet[7]).json()
    said = claims(phone.tokens["access_token"])
    assert (said["amr"], said["acr"]) == (["email", "recovery", "mfa"], "mfa")
    assert phone.tokens["session_id"] != before["session_id"]
    assert phone.get("/me", token=before["access_token"]).status_code == 401
    assert phone.refresh(before["refresh_token"]).status_code == 401
    assert end_others(phone).status_code == 200
    assert phone.get("/me").json()["factors"]["recovery_codes"] == 9
    alice.told("A recovery code of your account was used")


def test_a_code_works_once(alice: Person, sheet: list[str]) -> None:
    """Used is used, however it is typed; the next one works (SEC-39)."""
    phone, laptop = alice.sign_in(), alice.sign_in()
    assert show(phone, sheet[0].lower().replace("-", "  ")).status_code == 200
    assert show(laptop, sheet[0]).status_code == 401
    assert show(laptop, sheet[1]).status_code == 200


def test_new_codes_void_the_old_ones(alice: Person, sheet: list[str]) -> None:
    """A sheet that was lost is worth nothing once there is another, and only who steps up can make it (SEC-39, SEC-57)."""
    phone, laptop = alice.sign_in(), alice.sign_in()
    assert phone.post("/recovery-codes", token=phone.tokens["access_token"]).status_code == 401
    phone.tokens = show(phone, sheet[0]).json()
    new = make(phone)
    assert show(laptop, sheet[3]).status_code == 401
    assert show(laptop, new[3]).status_code == 200


def test_one_code_at_once_is_one_step_up(alice: Person, sheet: list[str]) -> None:
    """Of twenty sessions that show one code at the same moment one gets through (SEC-39)."""
    devices = [alice.sign_in() for _ in range(20)]
    assert statuses(at_once(*(partial(show, device, sheet[4]) for device in devices))) == [200] + [401] * 19
    assert alice.sign_in().get("/me").json()["factors"]["recovery_codes"] == 9


def test_a_code_alone_is_nothing(alice: Person, sheet: list[str]) -> None:
    """Without a session, or with one that the mailbox did not open, it signs nobody in and stays good (SEC-39)."""
    device = alice.device()
    for body in ({"code": sheet[0]}, {"code": sheet[0], "email": alice.address}, {"code": sheet[0], "pending_id": "pwp_" + "A" * 64}):
        answer = device.post("/recovery-codes/verify", json=body)
        assert answer.status_code == 401
        assert "access_token" not in answer.text
    phone = alice.sign_in()
    for amr, acr in (("otp", "otp"), ("swk user mfa", "phr"), ("host", "host")):
        alice.server.sql("UPDATE sessions SET amr = ?, acr = ? WHERE id = ?", amr, acr, session_id(phone))
        assert show(phone, sheet[0]).status_code == 401
    alice.server.sql("UPDATE sessions SET amr = 'email', acr = 'email' WHERE id = ?", session_id(phone))
    assert show(phone, sheet[0]).status_code == 200


def session_id(device: Device) -> bytes:
    """Return the id of a device's session as it is stored."""
    return bytes.fromhex(device.tokens["session_id"].replace("-", ""))


def test_somebody_elses_codes_are_no_codes(server: Server, alice: Person, sheet: list[str]) -> None:
    """They count for the session's own account only (SEC-48)."""
    mallory = Person(server).sign_in()
    assert show(mallory, sheet[0]).status_code == 401
    make(mallory)
    assert show(mallory, sheet[0]).status_code == 401
    assert show(alice.sign_in(), sheet[0]).status_code == 200


@pytest.mark.parametrize("code", ("", "5", "0" * 18, "2" * 17, "\uff12" + "2" * 17, "2" * 17 + "\u017f", 5, None, ["2" * 18], "2 " * 40))
def test_what_cannot_be_a_code_is_malformed(alice: Person, code: object) -> None:
    """Another alphabet, length or type is a 400, and no try (SEC-03, SEC-76)."""
    phone = alice.sign_in()
    assert phone.post("/recovery-codes/verify", json={"code": code}, token=phone.tokens["access_token"]).status_code == 400
    assert failures(alice) == 0


def failures(person: Person) -> int:
    """Return how many codes in a row were wrong."""
    return int(person.server.sql("SELECT code_failures FROM users WHERE email = ?", person.address)[0][0])


def test_every_refusal_reads_the_same(alice: Person, sheet: list[str]) -> None:
    """Wrong, used, at a place where no code is, from a session of another kind: the same words (SEC-33)."""
    phone = alice.sign_in()
    phone.tokens = show(phone, sheet[0]).json()
    answers = [show(phone, code) for code in (WRONG, sheet[0], sheet[1][0] + sheet[2][1:], "Z" + "2" * 17)]
    alice.server.sql("UPDATE sessions SET amr = 'otp' WHERE id = ?", session_id(phone))
    answers.append(show(phone, sheet[1]))
    assert {answer.status_code for answer in answers} == {401}
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)


def test_after_twenty_wrong_codes_none_is_taken(alice: Person, sheet: list[str]) -> None:
    """The right one is refused as well and the owner is told, until another way of signing in worked (SEC-31, SEC-39)."""
    phone = alice.sign_in()
    for _ in range(21):
        assert show(phone, WRONG).status_code == 401
    assert show(phone, sheet[0]).status_code == 401
    alice.told("Somebody typed too many wrong one-time passwords or recovery codes")
    metric = partial(alice.server.metric, "auth_attempts_total", method="recovery_code", outcome="failure")
    assert metric(reason="suspended") >= 2
    assert metric(reason="wrong_code") >= 20
    assert show(alice.sign_in(), sheet[0]).status_code == 200
    assert failures(alice) == 0


def test_a_browser_steps_up_by_cookie_for_our_own_pages_only(alice: Person, sheet: list[str]) -> None:
    """Another site's page cannot spend a code with it (SEC-18)."""
    browser = alice.device()
    browser.press_button(browser.open_link(alice.link(browser).token))
    own = {"origin": alice.server.public_url}
    body = {"code": sheet[0]}
    assert browser.post("/recovery-codes/verify", json=body, headers={"origin": "https://evil.example"}).status_code == 401
    assert browser.post("/recovery-codes/verify", json=body).status_code == 401
    assert browser.post("/recovery-codes/verify", json=body, headers=own).status_code == 200


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that asks for a second factor after the mailbox."""
    folder: Path = tmp_path_factory.mktemp("strict")
    with running(folder, {"totp_mode": "second_factor"}) as started:
        yield started


@pytest.fixture
def bob(strict: Server) -> tuple[Person, list[str]]:
    """Return somebody with one-time passwords, and ten codes."""
    person = Person(strict)
    codes = make(person.sign_in())
    strict.sql("INSERT INTO totp (user_id, sealed_secret, confirmed_at) SELECT id, 'x', 1 FROM users WHERE email = ?", person.address)
    return person, codes


def test_a_code_is_a_second_factor(bob: tuple[Person, list[str]]) -> None:
    """It finishes a sign-in that the mailbox began, once; a wrong one leaves it open (SEC-39, SEC-40)."""
    person, codes = bob
    device = person.device()
    waits = device.verify(person.link(device).token).json()
    assert waits["second_factor_required"] is True
    assert "recovery_code" in waits["methods"]
    wrong = device.post("/recovery-codes/verify", json={"pending_id": waits["pending_id"], "code": WRONG})
    assert wrong.status_code == 401
    body = {"pending_id": waits["pending_id"], "code": codes[1]}
    answers = at_once(*[partial(device.post, "/recovery-codes/verify", json=body)] * 10)
    assert statuses(answers) == [200] + [401] * 9
    tokens = next(answer.json() for answer in answers if answer.status_code == 200)
    assert claims(tokens["access_token"])["amr"] == ["email", "recovery", "mfa"]
    again = {"pending_id": waits["pending_id"], "code": codes[2]}
    assert device.post("/recovery-codes/verify", json=again).status_code == 401
    assert person.server.sql("SELECT COUNT(*) FROM recovery_codes WHERE used_at IS NOT NULL AND position = 2")[0][0] == 0


def test_the_form_of_our_page_takes_a_code(bob: tuple[Person, list[str]]) -> None:
    """The cookie is set, no token is shown, and only our own form counts (SEC-18)."""
    person, codes = bob
    browser = person.device()
    page = browser.press_button(browser.open_link(person.link(browser).token))
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)) | {"code": codes[5]}
    assert browser.post("/recovery-codes/verify", form=fields | {"nonce": "0" * 64}, headers=OWN_FORM).status_code == 403
    assert browser.post("/recovery-codes/verify", form=fields, headers={"origin": "https://evil.example"}).status_code == 403
    for code, status in ((WRONG, 401), ("nonsense", 400)):
        again = browser.post("/recovery-codes/verify", form=fields | {"code": code}, headers=OWN_FORM)
        assert (again.status_code, again.headers["content-type"].partition(";")[0]) == (status, "text/html")
        assert fields["pending_id"] in again.text
    done = browser.post("/recovery-codes/verify", form=fields, headers=OWN_FORM)
    assert done.status_code == 303
    assert browser.get("/me").json()["acr"] == "mfa"
