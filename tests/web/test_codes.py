"""Signing in by the code of the letter."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.people import Person, at_once, statuses, without_id
from tests.server import Letter, Server


def asked(person: Person) -> tuple[str, Letter]:
    """Return a new request's id and its letter."""
    request_id = person.request(person.device())
    return request_id, person.read_letter()


def wrong(code: str) -> str:
    """Return another code."""
    return ("3" if code[0] == "2" else "2") + code[1:]


@pytest.mark.parametrize("spelling", (str.lower, str.upper, lambda code: code.replace("-", ""), lambda code: f" {' '.join(code)} "))
def test_a_code_may_be_typed_as_people_type(alice: Person, spelling: Callable[[str], str]) -> None:
    """Case, spaces and dashes do not matter, and the device need not be the asking one (SEC-16)."""
    request_id, letter = asked(alice)
    answer = alice.device().verify_code(request_id, spelling(letter.code))
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}
    assert alice.device().verify_code(request_id, letter.code).status_code == 401


def test_the_fifth_try_may_still_be_right(alice: Person) -> None:
    """Four slips of the finger are forgiven (SEC-16)."""
    request_id, letter = asked(alice)
    assert [alice.device().verify_code(request_id, wrong(letter.code)).status_code for _ in range(4)] == [401] * 4
    assert alice.device().verify_code(request_id, letter.code).status_code == 200


def test_after_five_wrong_tries_code_and_link_are_dead(alice: Person) -> None:
    """The whole request dies, and other requests of the person do not (SEC-16)."""
    request_id, letter = asked(alice)
    other_id, other = asked(alice)
    assert {alice.device().verify_code(request_id, wrong(letter.code)).status_code for _ in range(5)} == {401}
    assert alice.device().verify_code(request_id, letter.code).status_code == 401
    assert alice.device().verify(letter.token, confirm_other_device=True).status_code == 401
    assert alice.device().verify_code(other_id, other.code).status_code == 200


def test_forty_parallel_guesses_are_compared_five_times(server: Server, alice: Person) -> None:
    """A try is counted before it is compared, so that none slips past (SEC-16)."""
    request_id, letter = asked(alice)
    before = server.metric("auth_attempts_total", reason="wrong_code")
    answers = at_once(*[lambda: alice.device().verify_code(request_id, wrong(letter.code))] * 40)
    assert statuses(answers) == [401] * 40
    assert alice.device().verify_code(request_id, letter.code).status_code == 401
    assert server.metric("auth_attempts_total", reason="wrong_code") - before <= 5
    assert server.sql("SELECT tries FROM magic_links WHERE email = ?", alice.address) == [(5,)]


def test_a_code_belongs_to_its_request(alice: Person) -> None:
    """With another request's id it is wrong, and does not spend the right one (SEC-15)."""
    first_id, first = asked(alice)
    second_id, second = asked(alice)
    assert alice.device().verify_code(first_id, second.code).status_code == 401
    assert alice.device().verify_code(second_id, first.code).status_code == 401
    assert alice.device().verify_code(second_id, second.code).status_code == 200


def test_somebody_elses_code_signs_nobody_in(server: Server, alice: Person) -> None:
    """A right code under a foreign request is as wrong as any (SEC-15)."""
    mallory = Person(server)
    alices_id, _ = asked(alice)
    _, mallorys = asked(mallory)
    assert alice.device().verify_code(alices_id, mallorys.code).status_code == 401


def test_every_wrong_code_is_refused_alike(alice: Person) -> None:
    """Unknown, used, wrong and over cannot be told apart (SEC-33)."""
    request_id, letter = asked(alice)
    refusals = [
        alice.device().verify_code(request_id, wrong(letter.code)),
        alice.device().verify_code(str(uuid4()), letter.code),
        alice.device().verify_code("no id", letter.code),
        alice.device().verify_code(request_id.upper() + " ", letter.code),
    ]
    assert alice.device().verify_code(request_id, letter.code).status_code == 200
    refusals.append(alice.device().verify_code(request_id, letter.code))
    assert len({str(without_id(answer)) for answer in refusals}) == 1
    assert refusals[0].status_code == 401


MALFORMED = ("", "ABCD", "ABCD-EFGHJ", "ABCD-EFG0", "ABCD-EFGI", "\uff21BCD-EFGH", "\u017fBCD-EFGH", 12345678, None, ["ABCD-EFGH"])


@pytest.mark.parametrize("code", MALFORMED)
def test_what_cannot_be_a_code_is_malformed(alice: Person, code: object) -> None:
    """It is 400, counts no try and never breaks anything (SEC-16, SEC-76)."""
    request_id, letter = asked(alice)
    for _ in range(6):
        answer = alice.device().post("/verify/magic/code", json={"request_id": request_id, "code": code})
        assert answer.status_code == 400
    assert alice.device().verify_code(request_id, letter.code).status_code == 200
