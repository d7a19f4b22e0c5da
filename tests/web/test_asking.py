"""Asking for a letter."""

import json
from statistics import median
from time import perf_counter

import httpx
import pytest

from tests.people import FIREFOX, Device, Person
from tests.server import Server
from tests.web.raw import request, send

REFUSED = (
    "\u212aim@asking.example",
    "user\uff20asking.example",
    "\u017f@asking.example",
    "a@ask\u00ading.example",
    "a@äsking.example",
    '"a@evil.example x"@asking.example',
    "a@asking.example,b@evil.example",
    "a@asking.example;b@evil.example",
    "a@asking.example\0",
    "a@asking.example\r\nBcc: b@evil.example",
    "a@asking.example\n",
    " a@asking.example",
    "a@asking.example ",
    "a b@asking.example",
    "a@b@asking.example",
    "A <a@asking.example>",
    "<a@asking.example>",
    "a(b)@asking.example",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a@localhost",
    "a@asking.example.",
    "a@.asking.example",
    "a@asking..example",
    ".a@asking.example",
    "a.@asking.example",
    "a..b@asking.example",
    "a\\@b@asking.example",
    "@asking.example",
    "a@",
    "a",
    "",
    "a" * 65 + "@asking.example",
    "a@" + ("b" * 60 + ".") * 5 + "example",
)
ODD = ("a&b'c{}|~@asking.example", "o'neil+tag@asking.example", "a=b?c/d@asking.example", "#!$%*^_`@asking.example", "x@a-b.asking.example")


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_could_be_read_two_ways_is_refused(server: Server, device: Device, address: str) -> None:
    """No look-alike, list, route or injection becomes a letter (SEC-03, SEC-04, SEC-80)."""
    answer = device.post("/request/magic", json={"email": address})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    assert server.mail.letters == []


@pytest.mark.parametrize("address", ODD)
def test_an_odd_address_gets_exactly_one_letter(server: Server, device: Device, address: str) -> None:
    """One envelope recipient, one To, no copies, whatever signs the local part holds (SEC-04, SEC-80)."""
    assert device.post("/request/magic", json={"email": address}).status_code == 200
    letter = server.mail.wait_for(address)
    assert letter.recipients == (address,)
    assert [to.addr_spec for to in letter.message["To"].addresses] == [address]
    assert letter.message["Cc"] is None
    assert letter.message["Bcc"] is None
    assert letter.sender == "pwauth@sender.example"


def test_two_spellings_of_an_address_are_one_person(server: Server) -> None:
    """Case is folded and nothing else: tags and dots are other mailboxes (SEC-03, SEC-05)."""
    people: dict[str, dict[str, str]] = {}
    for spelling in ("User.Name@Spelling.Example", "user.name@spelling.example", "USER.NAME@SPELLING.EXAMPLE"):
        person = Person(server, spelling.lower())
        phone = person.device()
        person._read = len(people)
        assert phone.post("/request/magic", json={"email": spelling}).status_code == 200
        phone.tokens = phone.verify(person.read_letter().token).json()
        people[spelling] = phone.get("/me").json()
    assert len({me["sub"] for me in people.values()}) == 1
    assert {me["email"] for me in people.values()} == {"user.name@spelling.example"}
    tagged = Person(server, "user.name+tag@spelling.example").sign_in().get("/me").json()
    assert tagged["sub"] not in {me["sub"] for me in people.values()}


def test_asking_creates_nobody(server: Server) -> None:
    """An account begins with a proven mailbox, not with a request for one (SEC-05)."""
    before = server.sql("SELECT count(*) FROM users")
    for number in range(50):
        Person(server, f"nobody{number}@asking.example").request(Device(server))
    assert server.sql("SELECT count(*) FROM users") == before


def test_the_answer_is_the_same_for_everybody(server: Server, alice: Person) -> None:
    """Known, unknown and disabled addresses cannot be told apart (SEC-08, SEC-82)."""
    alice.sign_in()
    disabled = Person(server)
    disabled.sign_in()
    server.sql("UPDATE users SET disabled_at = 1 WHERE email = ?", disabled.address)
    shapes = []
    for address in (alice.address, disabled.address, "unknown@asking.example"):
        answer = Device(server).post("/request/magic", json={"email": address})
        assert answer.status_code == 200
        assert set(answer.json()) == {"status", "request_id"}
        assert answer.json()["status"] == "accepted"
        headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "set-cookie"}}
        shapes.append((headers, len(answer.json()["request_id"]), len(answer.headers["set-cookie"])))
    assert shapes[0] == shapes[1] == shapes[2]
    assert len(server.mail.to(disabled.address)) == 1  # the one from before


def test_time_tells_nothing_either(server: Server, alice: Person) -> None:
    """Who has an account is not to be seen on a watch (SEC-33, SEC-82)."""
    alice.sign_in()
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    with httpx.Client(base_url=server.url) as client:
        for number in range(150):
            for kind, address in (("known", alice.address), ("unknown", f"stranger{number}@asking.example")):
                started = perf_counter()
                client.post("/request/magic", json={"email": address})
                seconds[kind].append(perf_counter() - started)
    known, unknown = median(seconds["known"]), median(seconds["unknown"])
    assert abs(known - unknown) < max(0.002, 0.1 * max(known, unknown))


def test_a_link_is_made_of_the_configuration_alone(server: Server, alice: Person) -> None:
    """No header of the request, honest or not, moves the link or the issuer (SEC-14)."""
    poison = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-port": "444"}
    poison |= {"x-forwarded-prefix": "/evil", "forwarded": "host=evil.example;proto=https", "origin": "https://evil.example"}
    poison |= {"referer": "https://evil.example/", "x-original-url": "/evil", "x-host": "evil.example"}
    phone = alice.device()
    for number, (name, value) in enumerate(poison.items()):
        answer = phone.post("/request/magic", json={"email": alice.address}, headers={name: value})
        assert answer.status_code == 200
        letter = server.mail.wait_for(alice.address, number + 1)
        assert letter.link == f"{server.public_url}/verify/magic?token={letter.token}"
        assert b"evil" not in letter.raw
    tokens = phone.verify(server.mail.wait_for(alice.address, len(poison)).token).json()
    assert phone.get("/me", token=tokens["access_token"], headers={"host": "evil.example"}).status_code == 200


def test_an_absolute_target_does_not_move_the_link(server: Server, alice: Person) -> None:
    """The request line is a header in disguise (SEC-14)."""
    body = json.dumps({"email": alice.address}).encode()
    content = request("POST", "http://evil.example/request/magic", body, content_type="application/json", connection="close")
    (answer,) = send(server, content)
    assert answer.status == 200
    assert alice.read_letter().link.startswith(server.public_url + "/")


def test_the_letter_says_who_asked_in_words_of_ours(server: Server, alice: Person) -> None:
    """Time, address and browser are told; not one word of a client's own text is (SEC-58, SEC-80)."""
    phone = alice.device(user_agent=FIREFOX + " Visit http://evil.example now", x_forwarded_for="203.0.113.7")
    letter = alice.link(phone)
    assert "Firefox on Linux" in letter.text
    assert "127.0.0.1" in letter.text
    assert b"evil.example" not in letter.raw
    assert b"203.0.113.7" not in letter.raw
    assert letter.code not in str(letter.message["Subject"])
    assert letter.message.get_content_type() == "multipart/alternative"


def test_tokens_and_codes_are_strong_and_unlike(server: Server) -> None:
    """Every token has 256 bits of its own, every code eight of the unambiguous signs (SEC-11, SEC-16)."""
    people = [Person(server, f"strong{number}@asking.example") for number in range(60)]
    for person in people:
        person.request(Device(server))
    letters = [person.read_letter() for person in people]
    assert len({letter.token for letter in letters}) == len({letter.code for letter in letters}) == 60
    assert all(len(letter.token) >= 43 for letter in letters)
    assert set("".join(letter.code.replace("-", "") for letter in letters)) <= set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")


def test_the_request_cookie_is_for_this_host_and_no_script(device: Device) -> None:
    """The browser that asked is known by a ``__Host-`` cookie (SEC-17, SEC-95)."""
    answer = device.post("/request/magic", json={"email": "cookie@asking.example"})
    name_value, *attributes = answer.headers["set-cookie"].split("; ")
    assert name_value.startswith("__Host-")
    assert set(attributes) == {"Max-Age=900", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"}


@pytest.mark.parametrize(
    "target",
    (
        "https://app.asking.example@evil.example",
        "//evil.example",
        "https:evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https://app.asking.example.evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/ok%0d%0aSet-Cookie:x=y",
        "/ok\r\nSet-Cookie: x=y",
        "https://app.asking.example%2f@evil.example",
        "http://localhost.evil.example/",
        "/" + "x" * 10_000,
        "",
        " /",
    ),
)
def test_a_foreign_end_of_a_sign_in_is_refused(device: Device, target: str) -> None:
    """``return_to`` is a path of ours or nothing, while no app is allowed (SEC-94)."""
    assert device.post("/request/magic", json={"email": "return@asking.example", "return_to": target}).status_code == 400
