"""One-time passwords over HTTP: shapes, refusals that tell nothing, limits."""

import re
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from tests.people import Device, Person, at_once, statuses, without_id
from tests.server import Server
from tests.totp_app import App
from tests.web.tokens import claims

TOKENS = {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}


def with_app(person: Person, device: Device | None = None) -> tuple[Device, App]:
    """Sign somebody in, enrol an app, confirm it with the code of now and read the notice of it."""
    device = person.sign_in(device)
    app = enrol(device)
    assert confirm(device, app.code()).status_code == 200
    person.read_letter()
    return device, app


def enrol(device: Device) -> App:
    """Ask for a secret and put it into an app."""
    answer = device.post("/totp/enroll", json={}, token=device.tokens["access_token"])
    assert answer.status_code == 200, answer.text
    return App.of(answer.json())


def confirm(device: Device, code: str, **body: str) -> Response:
    """Show a code in the device's session."""
    return device.post("/totp/verify", json={"code": code, **body}, token=device.tokens["access_token"])


def alone(person: Person, code: object) -> Response:
    """Show a code with nothing but an address."""
    return person.device().post("/totp/verify", json={"email": person.address, "code": code})


def test_the_whole_life_of_an_app(server: Server, alice: Person) -> None:
    """Enrol, confirm, sign in with the next code, step up, remove; each answer as the contract has it (SEC-02, SEC-30)."""
    phone = alice.sign_in()
    made = phone.post("/totp/enroll", json={"email": alice.address}, token=phone.tokens["access_token"])
    assert made.status_code == 200
    assert set(made.json()) == {"secret", "otpauth_url", "qr_svg", "expires_in"}
    assert made.json()["expires_in"] == 600
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["qr_svg"].startswith("<svg ")
    assert parse_qs(urlsplit(made.json()["otpauth_url"]).query)["secret"] == [made.json()["secret"]]
    app = App.of(made.json())
    code = app.code()
    kept = confirm(phone, code)
    assert (kept.status_code, set(kept.json())) == (200, TOKENS)
    assert kept.json()["session_id"] == phone.tokens["session_id"]
    assert phone.get("/me", token=kept.json()["access_token"]).json()["factors"]["totp"] is True
    assert phone.refresh(kept.json()["refresh_token"]).status_code == 200
    assert alone(alice, code).status_code == 401
    fresh = app.code(ahead=1)
    signed_in = alone(alice, fresh)
    assert (signed_in.status_code, set(signed_in.json())) == (200, TOKENS)
    said = claims(signed_in.json()["access_token"])
    assert (said["amr"], said["acr"]) == (["otp"], "otp")
    assert alone(alice, fresh).status_code == 401
    notice = alice.read_letter()
    assert "authenticator app" in notice.text
    assert made.json()["secret"] not in notice.text


def test_enrolling_needs_a_session_that_is_fresh_enough(server: Server, alice: Person) -> None:
    """Nobody, somebody else, six digits alone and a mailbox that has an app are refused without a secret (SEC-01, SEC-35)."""
    phone, app = with_app(alice)
    mallory = Person(server).sign_in()
    weak = alone(alice, app.code(ahead=1)).json()["access_token"]
    refusals = [
        (alice.device().post("/totp/enroll", json={"email": alice.address}), 401, "unauthenticated"),
        (mallory.post("/totp/enroll", json={"email": alice.address}, token=mallory.tokens["access_token"]), 403, "identity_mismatch"),
        (phone.post("/totp/enroll", json={}, token=phone.tokens["access_token"]), 401, "insufficient_user_authentication"),
        (phone.post("/totp/enroll", json={}, token=weak), 401, "insufficient_user_authentication"),
        (phone.ask("DELETE", "/totp", token=weak), 401, "insufficient_user_authentication"),
    ]
    for answer, status, word in refusals:
        assert (answer.status_code, answer.json()["error"]) == (status, word)
        assert answer.headers["cache-control"] == "no-store"
        assert "secret" not in answer.text
    server.sql("UPDATE totp SET last_step = 0")
    assert alone(alice, app.code()).status_code == 200


def test_an_app_is_removed_after_stepping_up(server: Server, alice: Person) -> None:
    """A code and the session make a new session that may, and the old one is over (SEC-56, SEC-57)."""
    phone, app = with_app(alice)
    old = phone.tokens["access_token"]
    assert phone.ask("DELETE", "/totp", token=old).status_code == 401
    stepped = confirm(phone, app.code(ahead=1), email=alice.address)
    assert stepped.status_code == 200
    assert stepped.json()["session_id"] != phone.tokens["session_id"]
    assert claims(stepped.json()["access_token"])["amr"] == ["email", "otp", "mfa"]
    assert phone.get("/me").status_code == 401
    assert phone.refresh().status_code == 401
    token = stepped.json()["access_token"]
    assert phone.ask("DELETE", "/totp", token=token).status_code == 204
    assert phone.ask("DELETE", "/totp", token=token).status_code == 404
    assert phone.get("/me", token=token).json()["factors"]["totp"] is False


def test_somebody_elses_address_is_refused_by_bearer(server: Server, alice: Person) -> None:
    """Whose code it is, is settled before it is compared (SEC-33)."""
    phone, _ = with_app(alice)
    bob = Person(server)
    _, bobs = with_app(bob)
    for code in (bobs.code(ahead=1), bobs.wrong()):
        answer = confirm(phone, code, email=bob.address)
        assert (answer.status_code, answer.json()["error"]) == (403, "identity_mismatch")
    assert alone(bob, bobs.code(ahead=1)).status_code == 200
    assert phone.post("/totp/verify", json={"code": "123456"}, token="eyJ.dead.token").status_code == 401


#: Full-width and Arabic digits are digits to Python, and to no app.
ODD = (
    *(" 123456", "123456 ", "123 456", "12345", "1234567", "123456\n", "12345a", "-12345", ""),
    *("\uff11\uff12\uff13\uff14\uff15\uff16", "\u0660\u0661\u0662\u0663\u0664\u0665"),
    *(123456, 12345.6, None, ["123456"], True),
)


@pytest.mark.parametrize("code", ODD)
def test_what_is_no_code_is_malformed(alice: Person, code: object) -> None:
    """Six ASCII digits as a text, and nothing else (SEC-30)."""
    assert alone(alice, code).status_code == 400


def test_a_code_of_nobody_is_malformed(alice: Person) -> None:
    """Without session, address and waiting sign-in there is nothing that a code could be for."""
    answer = alice.device().post("/totp/verify", json={"code": "123456"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "email: is missing.")
    assert alice.device().post("/totp/verify", json={"email": "no address", "code": "123456"}).status_code == 400
    assert alice.device().post("/totp/verify", json={"email": alice.address}).status_code == 400


def test_time_and_window_are_the_servers(server: Server, alice: Person) -> None:
    """A client may say what it likes (SEC-34)."""
    _, app = with_app(alice)
    body = {"email": alice.address, "code": app.code(ahead=9), "time": 9e9, "window": 99, "digits": 8, "period": 900}
    assert alice.device().post("/totp/verify", json=body).status_code == 401


def test_every_refusal_looks_alike(server: Server, alice: Person) -> None:
    """Unknown, without app, wrong, spent, suspended, disabled: the same bytes (SEC-33)."""
    _, app = with_app(alice)
    plain = Person(server)
    plain.sign_in()
    disabled, suspended = Person(server), Person(server)
    codes = {who: with_app(who)[1].code(ahead=1) for who in (disabled, suspended)}
    server.sql("UPDATE users SET disabled_at = 1 WHERE email = ?", disabled.address)
    server.sql("UPDATE users SET code_failures = 20 WHERE email = ?", suspended.address)
    refusals = [
        alone(Person(server), "123456"),
        alone(plain, "123456"),
        alone(alice, app.wrong()),
        alone(alice, app.code()),
        alone(suspended, codes[suspended]),
        alone(disabled, codes[disabled]),
        alice.device().post("/totp/verify", json={"pending_id": "pwp_" + "A" * 64, "code": "123456"}),
        alice.device().post("/totp/verify", json={"pending_id": "", "code": "123456"}),
    ]
    assert {answer.status_code for answer in refusals} == {401}
    assert len({str(without_id(answer)) for answer in refusals}) == 1
    suspended.sign_in()
    assert alone(suspended, codes[suspended]).status_code == 200


def test_a_refusal_takes_as_long_whoever_is_asked_for(server: Server, alice: Person) -> None:
    """For a stranger, without an app, and for a wrong code, then suspended, the medians differ by less than 2 ms (SEC-33)."""
    _, app = with_app(alice)
    plain = Person(server)
    plain.sign_in()
    people = (Person(server), plain, alice)
    # A difference that the server makes is there in every round; one that a busy machine makes is not.
    rounds = (medians(people, app.wrong()) for _ in range(4))
    assert any(max(middles) - min(middles) < max(0.002, 0.1 * min(middles)) for middles in rounds)


def medians(people: Sequence[Person], code: str) -> list[float]:
    """Return how long each of the people is refused, in seconds; each comes first as often as the others."""
    seconds: list[list[float]] = [[] for _ in people]
    for number in range(100 * len(people)):
        which = (number + number // len(people)) % len(people)
        started = perf_counter()
        assert alone(people[which], code).status_code == 401
        seconds[which].append(perf_counter() - started)
    return [median(values) for values in seconds]


def test_thirty_parallel_uses_of_one_code_make_one_session(server: Server, alice: Person) -> None:
    """By HTTP as well (SEC-30)."""
    _, app = with_app(alice)
    code = app.code(ahead=1)
    answers = at_once(*[lambda: alone(alice, code)] * 30)
    assert statuses(answers) == [200] + [401] * 29


def test_no_answer_ever_tells_a_secret_again(server: Server, alice: Person) -> None:
    """It is shown once, and the database knows it only sealed (SEC-36, SEC-71)."""
    phone, app = with_app(alice)
    shown = confirm(phone, app.code(ahead=1)).text
    token = re.search(r'"access_token":"([^"]+)"', shown)
    assert token
    again = phone.post("/totp/enroll", json={}, token=token[1])
    assert again.status_code == 200
    assert App.of(again.json()).secret != app.secret
    stored = server.stored_bytes()
    for spelling in (app.secret, app.secret.hex().encode(), again.json()["secret"].encode()):
        assert spelling not in stored
    assert again.json()["secret"] not in shown + phone.get("/me", token=token[1]).text
