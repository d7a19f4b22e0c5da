"""Signing in by link."""

import pytest

from tests.people import NAVIGATION, Device, Person, at_once, statuses, without_id
from tests.server import Server
from tests.web.raw import request, send

LOOKS = {
    "Chrome": NAVIGATION,
    "an HTML reader": {"accept": "text/html"},
    "an XHTML reader": {"accept": "application/xhtml+xml"},
    "shouting": {"accept": "TEXT/HTML"},
    "JSON and HTML": {"accept": "application/json, text/html;q=0.1"},
    "navigation that takes anything": {"accept": "*/*", "sec-fetch-mode": "navigate"},
    "navigation that takes JSON": {"accept": "application/json", "sec-fetch-mode": "navigate"},
    "a subresource": {"accept": "*/*", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty"},
    "an image": {"accept": "image/avif,image/webp"},
    "an old browser": {"accept": "image/gif, image/jpeg, application/x-ms-application, */*"},
    "a stylesheet": {"accept": "text/css,*/*;q=0.1"},
    "a preview robot": {"accept": "*/*;q=0.5", "user-agent": "Slackbot-LinkExpanding 1.0"},
    "a script of another site": {"accept": "application/json", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "Sec-Purpose": {"accept": "application/json", "sec-purpose": "prefetch"},
    "Sec-Purpose with more": {"accept": "application/json", "sec-purpose": "prefetch;prerender"},
    "Purpose": {"accept": "application/json", "purpose": "prefetch"},
    "X-Moz": {"accept": "application/json", "x-moz": "Prefetch"},
    "X-Purpose preview": {"accept": "application/json", "purpose": "preview"},
}


def test_a_link_signs_in_once(alice: Person) -> None:
    """The second use is refused in the same words as an invented link (SEC-10, SEC-33)."""
    phone = alice.device()
    token = alice.link(phone).token
    answer = phone.verify(token)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 900
    used = without_id(phone.verify(token))
    assert used[0] == 401
    assert used == without_id(phone.verify("pwm_" + "x" * 64)) == without_id(phone.verify("nonsense"))


def test_fifty_links_and_codes_at_once_make_one_session(server: Server, alice: Person) -> None:
    """Link and code share one row, and one of all tries wins it (SEC-10)."""
    phone = alice.device()
    request_id = alice.request(phone)
    letter = alice.read_letter()
    links = [lambda: phone.verify(letter.token, confirm_other_device=True)] * 50
    answers = at_once(*links, *[lambda: phone.verify_code(request_id, letter.code)] * 25)
    assert statuses(answers) == [200] + [401] * 74
    assert server.sql("SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ?", alice.address) == [(1,)]


def test_two_links_of_a_new_address_make_one_person(server: Server, alice: Person) -> None:
    """Parallel first sign-ins end in one account (SEC-05); one of them may come too late (SEC-19)."""
    phone = alice.device()
    first, second = alice.link(phone), alice.link(phone)
    answers = at_once(lambda: phone.verify(first.token), lambda: phone.verify(second.token))
    assert 200 in statuses(answers)
    assert set(statuses(answers)) <= {200, 401}
    assert server.sql("SELECT count(*) FROM users WHERE email = ?", alice.address) == [(1,)]


@pytest.mark.parametrize("headers", LOOKS.values(), ids=LOOKS.keys())
def test_a_scanner_neither_burns_a_link_nor_gets_a_session(alice: Person, headers: dict[str, str]) -> None:
    """Whatever looks like a browser, a prefetch or a preview gets the harmless page (SEC-12)."""
    phone = alice.device()
    token = alice.link(phone).token
    for _ in range(3):
        seen = alice.device().get(f"/verify/magic?token={token}", headers=headers)
        assert seen.status_code == 200
        assert seen.headers["content-type"] == "text/html; charset=utf-8"
        assert "access_token" not in seen.text
    assert phone.verify(token).status_code == 200


def test_looking_without_getting_burns_nothing(alice: Person) -> None:
    """HEAD and OPTIONS never consume, even from a JSON client (SEC-12)."""
    phone = alice.device()
    token = alice.link(phone).token
    for method in ("HEAD", "OPTIONS", "HEAD"):
        answer = alice.device().ask(method, f"/verify/magic?token={token}", headers={"accept": "application/json"})
        assert answer.status_code in {200, 204}
        assert answer.content == b""
    assert phone.verify(token).status_code == 200


@pytest.mark.parametrize("accept", ("application/json", "*/*", "application/json, */*;q=0.5"))
def test_a_json_client_may_use_a_link_by_get(alice: Person, accept: str) -> None:
    """The seed's clients get tokens once, from any device (SEC-12, contract section 3)."""
    path = f"/verify/magic?token={alice.link(alice.device()).token}"
    answer = alice.device().get(path, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.json()["access_token"]
    assert answer.headers["cache-control"] == "no-store"
    assert alice.device().get(path, headers={"accept": accept}).status_code == 401


def test_a_script_of_a_page_of_ours_is_a_json_client(alice: Person) -> None:
    """The marks that browsers put on every request of a script make no page of what asks for JSON (SEC-12)."""
    path = f"/verify/magic?token={alice.link(alice.device()).token}"
    marks = {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty", "sec-fetch-site": "same-origin"}
    assert "access_token" in alice.device().get(path, headers={"accept": "application/json", **marks}).json()


def test_a_client_without_accept_is_a_json_client(server: Server, alice: Person) -> None:
    """A bare request, as old programs send it, gets JSON (SEC-12)."""
    token = alice.link(alice.device()).token
    (answer,) = send(server, request("GET", f"/verify/magic?token={token}", connection="close"))
    assert answer.status == 200
    assert b"access_token" in answer.body


def test_an_incomplete_link_is_told_so(device: Device) -> None:
    """No token, an empty one, two of them or a huge one are 400, for people and programs."""
    for query in ("", "?token=", "?token=a&token=b", "?token=" + "x" * 5000, "?Token=a"):
        for headers in (NAVIGATION, {"accept": "application/json"}):
            assert device.get(f"/verify/magic{query}", headers=headers).status_code == 400


def test_another_device_must_confirm_and_is_told_who_asked(alice: Person) -> None:
    """Without the asking browser's cookie the flag decides, and a refusal spends nothing (SEC-17)."""
    laptop, phone = alice.device(user_agent="Mozilla/5.0 (Windows NT 10.0) Edg/120"), alice.device()
    token = alice.link(laptop).token
    for body in ({}, {"confirm_other_device": False}):
        refused = phone.verify(token, **body)
        assert refused.status_code == 403
        assert refused.json()["error"] == "confirmation_required"
        assert refused.json()["asked_with"] == "Edge on Windows"
        assert refused.json()["asked_from"] == "127.0.0.1"
    for wrong in ("true", 1, None):
        assert phone.verify(token, confirm_other_device=wrong).status_code == 400
    phone.tokens = phone.verify(token, confirm_other_device=True).json()
    assert phone.get("/me").status_code == 200
    assert laptop.verify(token).status_code == 401  # tokens go only to the poster


def test_a_stranger_cannot_kill_a_link_by_asking_again(alice: Person) -> None:
    """Three requests live side by side; a sign-in ends all of them (SEC-19)."""
    mine = alice.link(alice.device()).token
    others = [alice.link(alice.device()).token for _ in range(2)]
    assert alice.device().verify(mine, confirm_other_device=True).status_code == 200
    assert [alice.device().verify(token, confirm_other_device=True).status_code for token in others] == [401, 401]


def test_only_three_links_live_and_young_ones_stay(server: Server, alice: Person) -> None:
    """The oldest gives way only when it has had its minute (SEC-19)."""
    tokens = [alice.link(alice.device()).token for _ in range(4)]
    server.sql("UPDATE magic_links SET created_at = created_at - 61 WHERE email = ?", alice.address)
    tokens.append(alice.link(alice.device()).token)
    answers = [alice.device().verify(token).status_code for token in tokens]  # 403: alive, but not confirmed
    assert answers == [401, 401, 403, 403, 403]


def test_a_link_of_another_purpose_or_time_does_not_sign_in(server: Server, alice: Person) -> None:
    """Each condition counts alone: purpose, time, use, tries (SEC-11, SEC-15)."""
    for change in ("purpose = 'invite'", "expires_at = 1", "closed_at = 1", "tries = 5"):
        phone = alice.device()
        request_id = alice.request(phone)
        letter = alice.read_letter()
        server.sql(f"UPDATE magic_links SET {change} WHERE email = ?", alice.address)
        assert phone.verify(letter.token, confirm_other_device=True).status_code == 401
        assert phone.verify_code(request_id, letter.code).status_code == 401


def test_a_disabled_person_cannot_sign_in_and_is_not_told(server: Server, alice: Person) -> None:
    """Link, code, refresh and access die together, in the words of a wrong link (SEC-09)."""
    laptop = alice.sign_in()
    phone = alice.device()
    link = alice.link(phone)
    second_id = alice.request(phone)
    second = alice.read_letter()
    server.sql("UPDATE users SET disabled_at = 1 WHERE email = ?", alice.address)
    assert without_id(phone.verify_code(second_id, second.code)) == without_id(phone.verify("nonsense"))
    assert without_id(phone.verify(link.token)) == without_id(phone.verify("nonsense"))
    assert laptop.get("/me").status_code == 401
    assert laptop.refresh().status_code == 401
    server.sql("DELETE FROM sessions")
    server.sql("DELETE FROM users WHERE email = ?", alice.address)
    assert laptop.get("/me").status_code == 401
    assert alice.sign_in().get("/me").json()["sub"] != laptop.tokens["access_token"]
