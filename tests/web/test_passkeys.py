"""Passkeys over HTTP: the calls, their answers, and what strangers are told."""

import random
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.authenticator import Authenticator, decode, new_key
from tests.mutations import damaged
from tests.people import Device, Person, without_id
from tests.server import Server
from tests.web.passkey_holder import add, enter, key_for, options

TOKENS = {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}


@pytest.fixture
def key(server: Server) -> Authenticator:
    """Return an authenticator that knows nobody yet."""
    return key_for(server)


def mine(device: Device) -> dict[str, Any]:
    """Return the list of a person's passkeys."""
    answer = device.get("/webauthn/credentials")
    assert answer.status_code == httpx.codes.OK
    found: dict[str, Any] = answer.json()
    return found


def change(device: Device, method: str, passkey_id: str, **rest: Any) -> httpx.Response:
    """Rename or remove a passkey with the device's session."""
    return device.ask(method, f"/webauthn/credentials/{passkey_id}", token=device.tokens["access_token"], **rest)


def test_the_whole_life_of_a_passkey(alice: Person, key: Authenticator) -> None:
    """Added after a letter, listed, used with and without an address, renamed, removed (SEC-40 to SEC-48, SEC-58)."""
    laptop = alice.sign_in()
    added = add(laptop, key, name="Blue key")
    assert (added.status_code, set(added.json())) == (200, {"credential"})
    shown = added.json()["credential"]
    assert (shown["name"], shown["authenticator"], shown["synced"]) == ("Blue key", "Google Password Manager", False)
    assert (shown["transports"], shown["last_used_at"], shown["suspended"]) == (["hybrid", "internal"], None, False)
    listed = mine(laptop)
    assert listed["credentials"] == [shown]
    assert (listed["rpId"], decode(listed["userId"])) == ("localhost", key.user_handle)
    assert listed["allAcceptedCredentialIds"] == [shown["credential_id"]]

    phone = alice.device()
    for email in (None, alice.address, alice.address.upper()):
        done = enter(phone, key, email=email)
        assert (done.status_code, set(done.json())) == (200, TOKENS)
    me = phone.get("/me").json()
    assert (me["email"], me["amr"], me["acr"]) == (alice.address, ["hwk", "user", "mfa"], "phr")
    assert me["factors"]["passkeys"] == 1

    renamed = change(phone, "PATCH", shown["id"], json={"name": " Red key "})
    assert renamed.json()["credential"]["name"] == "Red key"
    removed = change(phone, "DELETE", shown["id"])
    assert (removed.status_code, removed.json()["allAcceptedCredentialIds"]) == (200, [])
    assert removed.json()["userId"] == listed["userId"]
    assert enter(alice.device(), key).status_code == 401
    said = " ".join(" ".join(alice.read_letter().text.split()) for _ in range(2))
    assert "A passkey was added to your account." in said
    assert "A passkey was removed from your account." in said


def test_enrolling_needs_the_session_of_that_account(server: Server, alice: Person, key: Authenticator) -> None:
    """Without one, or with somebody else's, nothing is told and nothing changes (SEC-01)."""
    laptop, mallory = alice.sign_in(), Person(server).sign_in()
    for body in ({}, {"email": alice.address}, {"email": "nobody@keys.example"}):
        refused = alice.device().post("/webauthn/register/options", json=body)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")
    foreign = mallory.post("/webauthn/register/options", json={"email": alice.address}, token=mallory.tokens["access_token"])
    assert (foreign.status_code, foreign.json()["error"]) == (403, "identity_mismatch")
    asked = options(laptop, "register", laptop.tokens["access_token"], email=alice.address.upper())
    answered = {"pending_id": asked["pending_id"], "response": key.make(asked["publicKey"])}
    assert alice.device().post("/webauthn/register/complete", json=answered).status_code == 401
    stolen = mallory.post("/webauthn/register/complete", json=answered, token=mallory.tokens["access_token"])
    assert (stolen.status_code, stolen.json()["error"]) == (404, "not_found")
    late = laptop.post("/webauthn/register/complete", json=answered, token=laptop.tokens["access_token"])
    assert (late.status_code, late.json()["error"]) == (401, "ceremony_over")
    assert mine(laptop)["credentials"] == mine(mallory)["credentials"] == []


def test_one_ceremony_does_not_stand_in_for_the_other(alice: Person, key: Authenticator) -> None:
    """A challenge for signing in registers nothing, and one for registering signs nobody in (SEC-40)."""
    laptop = alice.sign_in()
    token = laptop.tokens["access_token"]
    assert add(laptop, key).status_code == 200
    login = options(laptop, "login")
    body = {"pending_id": login["pending_id"], "response": key.use(login["publicKey"])}
    assert laptop.post("/webauthn/register/complete", json=body, token=token).status_code == 401
    laptop = Device(alice.server)
    assert enter(laptop, key).status_code == 200
    token = laptop.tokens["access_token"]
    register = options(laptop, "register", token)
    body = {"pending_id": register["pending_id"], "response": key.use(register["publicKey"])}
    assert laptop.post("/webauthn/login/complete", json=body).status_code == 401


def test_with_a_passkey_the_mailbox_alone_changes_nothing(alice: Person, key: Authenticator) -> None:
    """A session of a letter cannot add or remove one any more; the passkey itself steps up (SEC-57; RFC 9470)."""
    laptop = alice.sign_in()
    passkey_id = add(laptop, key).json()["credential"]["id"]
    assert "A passkey was added" in alice.read_letter().text
    again = alice.sign_in()
    for refused in (
        again.post("/webauthn/register/options", json={}, token=again.tokens["access_token"]),
        change(again, "DELETE", passkey_id),
    ):
        assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication")
        assert "max_age=600" in refused.headers["www-authenticate"]
        assert refused.json()["methods"] == ["webauthn"]
    before = again.tokens["access_token"]
    assert enter(again, key, token=before).status_code == 200
    assert again.get("/me", token=before).status_code == 401
    assert again.get("/me").json()["amr"] == ["email", "hwk", "user", "mfa"]
    assert change(again, "DELETE", passkey_id).status_code == 200


def test_what_belongs_to_others_is_missing(server: Server, alice: Person, key: Authenticator) -> None:
    """No path, query or body names an owner but the session (SEC-48)."""
    laptop, mallory = alice.sign_in(), Person(server).sign_in()
    passkey_id = add(laptop, key).json()["credential"]["id"]
    user_id = laptop.get("/me").json()["sub"]
    answers = [
        change(mallory, method, path, json={"name": "mine"} if method == "PATCH" else None)
        for method in ("PATCH", "DELETE")
        for path in (passkey_id, f"{passkey_id}?user_id={user_id}", str(uuid4()), "x", key.credential_id.hex())
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
    assigned = change(laptop, "PATCH", passkey_id, json={"name": "x", "user_id": mallory.get("/me").json()["sub"]})
    assert assigned.status_code == 400
    assert mallory.get(f"/webauthn/credentials?user_id={user_id}").json()["credentials"] == []
    assert enter(alice.device(), key).status_code == 200


@pytest.mark.parametrize("name", ("", "   ", "x" * 65, "a\nb", "a\u202eb", 5, None, ["x"]))
def test_a_name_is_one_line_of_64_signs(alice: Person, key: Authenticator, name: object) -> None:
    """Anything else is malformed, before the challenge is used up (SEC-46)."""
    laptop = alice.sign_in()
    token = laptop.tokens["access_token"]
    passkey_id = add(laptop, key).json()["credential"]["id"]
    assert change(laptop, "PATCH", passkey_id, json={"name": name}).status_code == 400
    assert mine(laptop)["credentials"][0]["name"] == "Google Password Manager"
    if name is not None:
        body = {"pending_id": "pwp_x", "response": {}, "name": name}
        assert laptop.post("/webauthn/register/complete", json=body, token=token).status_code in {400, 401}


@pytest.mark.parametrize("response", ([], "x", None, 5, True, {"a": 1}, {"id": [[]]}))
def test_a_response_that_is_none_is_refused(alice: Person, key: Authenticator, response: object) -> None:
    """Of whatever kind, as malformed or as a failed sign-in, never as a fault (SEC-47)."""
    laptop = alice.sign_in()
    for step, token in (("register", laptop.tokens["access_token"]), ("login", None)):
        asked = options(laptop, step, token)
        body = {"pending_id": asked["pending_id"], "response": response}
        answer = laptop.post(f"/webauthn/{step}/complete", json=body, token=token)
        assert answer.status_code in {400, 401}
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text
    assert mine(laptop)["credentials"] == []


def test_damaged_answers_are_refused_over_http(alice: Person, key: Authenticator) -> None:
    """Three hundred of them: 400 or 401 for each, and nothing is stored (SEC-47)."""
    laptop, chance = alice.sign_in(), random.Random(4)
    assert add(laptop, key).status_code == 200
    assert enter(laptop, key).status_code == 200
    token = laptop.tokens["access_token"]
    for number in range(300):
        step = ("register", "login")[number % 2]
        asked = options(laptop, step, token if step == "register" else None)
        fresh = key_for(alice.server)
        whole = fresh.make(asked["publicKey"], fmt="packed") if step == "register" else key.use(asked["publicKey"], sign_count=900)
        while (broken := damaged(whole, chance))["response"] == whole["response"] or not signed_parts_differ(broken, whole):
            continue
        body = {"pending_id": asked["pending_id"], "response": broken}
        answer = laptop.post(f"/webauthn/{step}/complete", json=body, token=token if step == "register" else None)
        assert answer.status_code in {400, 401}, (step, broken)
    assert len(mine(laptop)["credentials"]) == 1


def signed_parts_differ(broken: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Tell whether the damage is in what an authenticator signs: the rest is the browser's word."""
    inner = broken["response"]
    names = ("clientDataJSON", "attestationObject", "authenticatorData", "signature")
    return not isinstance(inner, dict) or any(inner.get(name) != whole["response"].get(name) for name in names)


def test_nobody_learns_who_has_a_passkey(server: Server, alice: Person, key: Authenticator) -> None:
    """Known, unknown and without passkey: the same shape, stable, in the same time (SEC-33, SEC-41)."""
    assert add(alice.sign_in(), key).status_code == 200
    bare = Person(server)
    bare.sign_in()
    device, addresses = alice.device(), {"owner": alice.address, "bare": bare.address, "unknown": "nobody@keys.example"}
    seconds: dict[str, list[float]] = {kind: [] for kind in addresses}
    told: dict[str, list[dict[str, Any]]] = {kind: [] for kind in addresses}
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for _ in range(100):
            for kind, address in addresses.items():
                started = perf_counter()
                answer = client.post("/webauthn/login/options", json={"email": address})
                seconds[kind].append(perf_counter() - started)
                told[kind].append(answer.json()["publicKey"])
    for answers in told.values():
        assert {tuple(it) for it in answers} == {tuple(told["owner"][0])}
        assert all(it["allowCredentials"] == answers[0]["allowCredentials"] for it in answers)
        assert len({it["challenge"] for it in answers}) == 100
        for named in answers[0]["allowCredentials"]:
            assert set(named) == {"type", "id", "transports"}
            assert len(decode(named["id"])) in {16, 20, 32, 64}
            assert named["transports"]
    for kind in ("bare", "unknown"):
        one, other = median(seconds[kind]), median(seconds["owner"])
        assert abs(one - other) < max(0.002, 0.1 * max(one, other))
    decoy = told["unknown"][0]["allowCredentials"][0]["id"]
    refused = [
        enter(device, key, signer=new_key()),
        enter(device, key_for(server), credential_id=decode(decoy), user_handle=b"x" * 64),
        enter(device, key_for(server), email="nobody@keys.example", credential_id=decode(decoy)),
        enter(device, key, email=bare.address),
    ]
    assert all(without_id(answer) == without_id(refused[0]) for answer in refused)
    assert refused[0].status_code == 401


def test_the_log_says_why_a_passkey_or_a_token_was_refused(server: Server, alice: Person) -> None:
    """The client learns nothing, and an operator whose `webauthn_origin` is wrong learns what to look at (SEC-73)."""
    phone, since = alice.sign_in(), len(server.log)
    elsewhere = Authenticator(origin="https://elsewhere.example", rp_id="localhost")
    answer = add(phone, elsewhere)
    line = server.wait_for_log("refused", since=since, word="passkey_refused", why="origin")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "origin" not in answer.text
    phone.refresh("x.\N{SNOWMAN}.y")
    server.wait_for_log("refused", since=since, word="invalid_grant", why="base64url")
    assert "\N{SNOWMAN}" not in "".join(server.log)
    assert "elsewhere" not in "".join(server.log)


def test_browsers_find_what_they_look_for(server: Server, device: Device) -> None:
    """Related origins, where passkeys are managed, and where a password would be changed (RFC 8615)."""
    origins = device.get("/.well-known/webauthn")
    assert (origins.json(), origins.headers["content-type"]) == ({"origins": [server.public_url]}, "application/json")
    page = f"{server.public_url}/account"
    assert device.get("/.well-known/passkey-endpoints").json() == {"enroll": page, "manage": page}
    changed = device.get("/.well-known/change-password")
    assert (changed.status_code, changed.headers["location"]) == (303, "/account")
