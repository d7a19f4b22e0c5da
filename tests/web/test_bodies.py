import gzip
import json
from time import perf_counter

import pytest

from tests.people import Device, Person
from tests.server import Server
from tests.web.raw import stays_open

BOM = b"\xef\xbb\xbf"
GOOD = b'{"email":"somebody@bodies.example"}'

HOSTILE = {
    "empty": b"",
    "a list": b"[]",
    "a text": b'"email"',
    "a number": b"1",
    "null": b"null",
    "no JSON": b"email=a@bodies.example",
    "two objects": GOOD + GOOD,
    "a comment": b'{"email":"a@bodies.example"/**/}',
    "single quotes": b"{'email':'a@bodies.example'}",
    "byte order mark": BOM + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "not UTF-8": b'{"email":"a\xff@bodies.example"}',
    "a duplicate field": b'{"email":"a@bodies.example","email":"b@bodies.example"}',
    "a duplicate field in depth": b'{"email":"a@bodies.example","x":{"y":1,"y":2}}',
    "a duplicate by escape": b'{"email":"a@bodies.example","\\u0065mail":"b@bodies.example"}',
    "NaN": b'{"email":"a@bodies.example","x":NaN}',
    "Infinity": b'{"email":"a@bodies.example","x":-Infinity}',
    "a number beyond all floats": b'{"email":"a@bodies.example","x":1e999}',
    "a number beyond all integers": b'{"email":"a@bodies.example","x":' + b"9" * 5000 + b"}",
    "a number beyond 64 bits": b'{"email":"a@bodies.example","x":9223372036854775808}',
    "NUL in a text": b'{"email":"a@bodies.example","x":"\\u0000"}',
    "NUL in a name": b'{"email":"a@bodies.example","\\u0000":1}',
    "half a surrogate pair": b'{"email":"\\ud800@bodies.example"}',
    "half a surrogate pair elsewhere": b'{"email":"a@bodies.example","x":["\\udfff"]}',
    "half a surrogate pair as a name": b'{"email":"a@bodies.example","\\ud800":1}',
    "deep lists": b'{"email":"a@bodies.example","x":' + b"[" * 40 + b"]" * 40 + b"}",
    "very deep lists": b"[" * 60_000,
    "very deep objects": b'{"a":' * 12_000,
    "a long text": json.dumps({"email": "a" * 50_000}).encode(),
    "a long name": json.dumps({"email": "a@bodies.example", "x" * 5000: 1}).encode(),
    "a number as address": b'{"email":1}',
    "a list of addresses": b'{"email":["a@bodies.example","b@bodies.example"]}',
    "an object as address": b'{"email":{"$ne":""}}',
    "null as address": b'{"email":null}',
    "true as address": b'{"email":true}',
    "no address": b'{"mail":"a@bodies.example"}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_at_once(server: Server, device: Device, content: bytes) -> None:
    """One spelling, one meaning, or a 400 that echoes nothing and costs nothing (SEC-03, SEC-75, SEC-76)."""
    started = perf_counter()
    answer = device.post("/request/magic", body=content, headers={"content-type": "application/json"})
    assert perf_counter() - started < 1.0  # a generous hundred milliseconds: two cores run many tests
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "bodies.example" not in answer.text
    assert server.mail.letters == []


def test_a_body_of_which_nothing_is_needed_may_be_left_out(alice: Person) -> None:
    """No content and no type are no fields; what calls itself JSON must be JSON (SEC-76)."""
    laptop = alice.sign_in()
    token = laptop.tokens["access_token"]
    for path in ("/totp/enroll", "/webauthn/register/options", "/webauthn/login/options"):
        assert laptop.post(path, token=token).status_code == 200
        assert laptop.post(path, token=token, body=b"", headers={"content-type": "application/json"}).status_code == 400
    for path in ("/request/magic", "/verify/magic", "/totp/verify", "/token/revoke"):
        assert laptop.post(path).json()["detail"] == "The body is missing."


def test_the_largest_body_is_64_kib(device: Device) -> None:
    """One byte more than the limit is 413, whatever it holds (SEC-76)."""
    headers = {"content-type": "application/json"}
    assert device.post("/request/magic", body=b" " * 65_536, headers=headers).status_code == 400
    assert device.post("/request/magic", body=b" " * 65_537, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "media_type",
    ("text/plain", "text/json", "application/jsonp", "multipart/form-data; boundary=x", "application/json, text/plain", "", "json", "*/*"),
)
def test_only_json_is_json(device: Device, media_type: str) -> None:
    """A type that a foreign page may send without asking is 415, for valid JSON as well (SEC-18, SEC-76)."""
    for path, content in (("/request/magic", GOOD), ("/verify/magic", b'{"token":"x"}'), ("/token/refresh", b'{"refresh_token":"x"}')):
        answer = device.post(path, body=content, headers={"content-type": media_type})
        assert answer.status_code == 415, (path, answer.text)
        assert answer.json()["error"] == "unsupported_media_type"


def test_forms_are_taken_only_where_pages_and_standards_need_them(device: Device) -> None:
    """Every other address refuses a form, which a foreign page could send (SEC-18)."""
    for path in ("/request/magic", "/verify/magic/code", "/token/refresh"):
        assert device.post(path, form={"email": "a@bodies.example"}).status_code == 415


def test_a_compressed_body_is_refused(device: Device) -> None:
    """Nothing is unpacked: a kilobyte could become a gigabyte (SEC-76)."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert device.post("/request/magic", body=gzip.compress(GOOD), headers=headers).status_code == 415


def test_the_type_may_name_its_charset(alice: Person) -> None:
    """``application/json; charset=utf-8`` is what many clients send."""
    body = json.dumps({"email": alice.address}).encode()
    for media_type in ("application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"):
        assert alice.device().post("/request/magic", body=body, headers={"content-type": media_type}).status_code == 200


def test_unknown_fields_change_nothing(alice: Person) -> None:
    """Nobody assigns himself a role, a session or an account by naming it (SEC-15, SEC-91)."""
    extra = {"role": "admin", "roles": ["admin"], "email_verified": True, "sub": "x", "user_id": "x", "is_admin": True, "session_id": "x"}
    phone = alice.device()
    answer = phone.post("/request/magic", json={"email": alice.address, **extra})
    assert answer.status_code == 200
    answer = phone.verify(alice.read_letter().token, **extra, email="admin@bodies.example")
    assert answer.status_code == 200
    phone.tokens = answer.json()
    me = phone.get("/me").json()
    assert (me["email"], me["roles"]) == (alice.address, [])
    assert me["session_id"] == phone.tokens["session_id"] != "x"
    refused = phone.ask("PATCH", "/me", json={"name": "Alice", **extra}, token=phone.tokens["access_token"])
    assert refused.status_code == 400
    assert phone.get("/me").json() == me


@pytest.mark.parametrize("name", (1, None, ["x"], "x" * 101, "a\nb", "a\x1b[31mb", "\u202egnp.exe"))
def test_a_name_is_one_printable_line(alice: Person, name: object) -> None:
    """A name that could disguise itself or break a line is refused and changes nothing (SEC-73, SEC-76)."""
    laptop = alice.sign_in()
    answer = laptop.ask("PATCH", "/me", json={"name": name}, token=laptop.tokens["access_token"])
    assert answer.status_code == 400
    assert laptop.get("/me").json()["name"] == ""


def test_people_choose_their_name(alice: Person) -> None:
    """Names of all the world are kept as they are written."""
    laptop = alice.sign_in()
    for name in ("Zoë Łukasz 山田", "O'Neil <b>", ""):
        answer = laptop.ask("PATCH", "/me", json={"name": name}, token=laptop.tokens["access_token"])
        assert (answer.status_code, answer.json()["name"], laptop.get("/me").json()["name"]) == (200, name, name)


@pytest.mark.parametrize("second", ("application/json", "text/plain", ""))
def test_a_body_has_one_type(server: Server, second: str) -> None:
    """Of two lines a proxy may have gone by the other one: 415, in either order and even if they agree (SEC-76)."""
    for types in ("application/json", second), (second, "application/json"):
        head = "".join(f"Content-Type: {given}\r\n" for given in types)
        content = f"POST /token/revoke HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 13\r\n\r\n".encode() + b'{"token":"x"}'
        first, last = stays_open(server, content)
        assert (first.status, last.status) == (415, 200)
        assert json.loads(first.body)["error"] == "unsupported_media_type"
