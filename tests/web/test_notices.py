"""Letters about what happens to an account: they say what, when and from where, and nothing of a client's own (SEC-58)."""

import re
from functools import partial

from jinja2 import Environment, PackageLoader

from tests.people import Device, Person, at_once
from tests.server import Letter, Server

NASTY = 'Visit http://evil.example now <a href="http://evil.example">Firefox</a> on Linux'


def make(device: Device) -> list[str]:
    """Make recovery codes."""
    answer = device.post("/recovery-codes", token=device.tokens["access_token"])
    assert answer.status_code == 200, answer.text
    codes: list[str] = answer.json()["codes"]
    return codes


def html_of(letter: Letter) -> str:
    """Return the HTML part of a letter."""
    body = letter.message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_a_notice_says_what_when_and_from_where(server: Server, alice: Person) -> None:
    """In closed words, in both parts, with the one link of our own (SEC-58, SEC-80)."""
    phone = alice.sign_in(alice.device(user_agent=NASTY))
    codes = make(phone)
    letter = alice.told("New recovery codes were made")
    html = html_of(letter)
    for part in (letter.text, html):
        assert "evil" not in part
        assert "Visit" not in part
        assert re.search(r"\d+ \w+ 20\d\d, \d\d:\d\d UTC", part)
        for fact in ("127.0.0.1", "Firefox on Linux"):
            assert fact in part
        targets = set(re.findall(r"https?://[^\s\"<]+", part))
        assert {target.partition("?")[0] for target in targets} == {f"{server.public_url}/not-me"}
        assert not any(code in part for code in codes)
        assert "verify/magic" not in part
    assert letter.recipients == (alice.address,)
    assert alice.address not in letter.text


def test_a_series_is_one_letter(server: Server, alice: Person) -> None:
    """One for each kind of event in ten minutes, however often it happens and however fast (SEC-58)."""
    phone = alice.sign_in()
    sheet = make(phone)
    phone.tokens = phone.post("/recovery-codes/verify", json={"code": sheet[0]}, token=phone.tokens["access_token"]).json()
    at_once(*[partial(phone.post, "/recovery-codes", token=phone.tokens["access_token"])] * 4)
    alice.told("A recovery code of your account was used")
    alice.sign_in()  # the sign-in letter is posted after all of them, so they are there by now
    letters = [letter.text for letter in server.mail.to(alice.address) if "not-me" in letter.text]
    assert sorted("made" in text for text in letters) == [False, True]
    of_alice = "user_id = (SELECT id FROM users WHERE email = ?)"
    assert len(server.sql(f"SELECT id FROM audit_log WHERE event = 'recovery_codes.made' AND {of_alice}", alice.address)) == 5


def test_every_notice_has_its_words() -> None:
    """Each kind of event that is told has one sentence that ends (SEC-58)."""
    words = Environment(loader=PackageLoader("pwauth_server", "letters"), autoescape=True).get_template("notice/words.txt").module
    said: dict[str, str] = words.said  # type: ignore[attr-defined]
    assert len(said) >= 13
    assert all(sentence.endswith(".") and "http" not in sentence for sentence in said.values())
