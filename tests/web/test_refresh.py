"""Refreshing: one successor, a short grace, and the end of a stolen family."""

from functools import partial

from tests.people import Device, Person, at_once, statuses, without_id
from tests.server import Server
from tests.web.tokens import claims, unsigned


def later(device: Device, seconds: float) -> None:
    """Let time pass for a session: its last rotation is so many seconds older now."""
    device.server.sql("UPDATE sessions SET rotated_at = rotated_at - ? WHERE hex(id) = ?", seconds, key(device))


def key(device: Device) -> str:
    """Return the id of a device's session as the database shows it."""
    return str(device.tokens["session_id"]).replace("-", "").upper()


def is_dead(device: Device) -> bool:
    """Tell whether neither token of a device counts."""
    return {device.get("/me").status_code, device.refresh(device.tokens["refresh_token"]).status_code} == {401}


def test_every_use_gives_a_new_token_and_spends_the_old(alice: Person) -> None:
    """Rotation: new pair, same session, same person, same moment of signing in (SEC-50, SEC-53)."""
    phone = alice.sign_in()
    first = phone.tokens
    assert phone.refresh().status_code == 200
    second = phone.tokens
    assert first["refresh_token"] != second["refresh_token"]
    assert first["access_token"] != second["access_token"]
    assert first["session_id"] == second["session_id"]
    old, new = claims(first["access_token"]), claims(second["access_token"])
    assert all(old[name] == new[name] for name in ("sub", "sid", "auth_time", "amr", "acr", "email", "iss", "aud"))
    assert old["jti"] != new["jti"]
    assert phone.get("/me").status_code == 200


def test_a_lost_answer_is_given_again(alice: Person) -> None:
    """Within the grace the same token gives the same successor, byte for byte (SEC-51)."""
    phone = alice.sign_in()
    spent = phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200
    for seconds in (2, 7):
        later(phone, seconds)
        again = phone.refresh(spent)
        assert again.status_code == 200
        assert again.json()["refresh_token"] != phone.tokens["refresh_token"] or seconds == 2
        later(phone, -seconds)
    assert phone.refresh(spent).json()["refresh_token"] == phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200


def test_fifty_parallel_refreshes_have_one_successor(server: Server, alice: Person) -> None:
    """Every answer carries the same token, and the session moved by one generation (SEC-50)."""
    phone = alice.sign_in()
    spent = phone.tokens["refresh_token"]
    answers = at_once(*[partial(phone.refresh, spent)] * 50)
    assert statuses(answers) == [200] * 50
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert server.sql("SELECT generation FROM sessions WHERE hex(id) = ?", key(phone)) == [(1,)]


def test_a_token_from_before_the_last_is_a_theft(alice: Person) -> None:
    """Once the successor was used there is no grace: the family ends (SEC-51, SEC-52)."""
    phone = alice.sign_in()
    spent = phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200
    assert phone.refresh().status_code == 200
    answer = phone.refresh(spent)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert is_dead(phone)


def test_a_token_after_the_grace_is_a_theft(alice: Person) -> None:
    """Eleven seconds later nobody repeats a lost request (SEC-51)."""
    phone = alice.sign_in()
    spent = phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200
    later(phone, 11)
    assert phone.refresh(spent).status_code == 401
    assert is_dead(phone)


def test_a_theft_ends_one_session_for_good_and_is_told_once(server: Server, alice: Person) -> None:
    """The other sessions live, one letter goes out, and a restart changes nothing (SEC-52, SEC-58)."""
    phone, laptop = alice.sign_in(), alice.sign_in()
    reuses = server.metric("refresh_reuse_total")
    spent = phone.tokens["refresh_token"]
    for _ in range(2):
        assert phone.refresh().status_code == 200
    answers = at_once(*[partial(phone.refresh, spent)] * 10)
    assert statuses(answers) == [401] * 10
    notice = alice.told("used in two places at once")
    assert not [secret for secret in (*phone.tokens.values(), *laptop.tokens.values()) if str(secret).encode() in notice.raw]
    assert server.metric("refresh_reuse_total") - reuses == 1
    server.restart()
    assert is_dead(phone)
    assert laptop.get("/me").status_code == 200
    assert laptop.refresh().status_code == 200
    assert server.sql("SELECT count(*) FROM email_queue WHERE kind = 'notice' AND recipient = ?", alice.address) == [(1,)]


def test_a_series_of_thefts_is_one_letter(server: Server, alice: Person) -> None:
    """Whoever holds the tokens of several sessions cannot fill the owner's mailbox with them (SEC-58)."""
    devices = [alice.sign_in(), alice.sign_in()]
    spent = [device.tokens["refresh_token"] for device in devices]
    for device in devices * 2:
        assert device.refresh().status_code == 200
    answers = at_once(*[partial(device.refresh, token) for device, token in zip(devices, spent, strict=True)])
    assert statuses(answers) == [401, 401]
    assert all(map(is_dead, devices))
    assert server.sql("SELECT count(*) FROM email_queue WHERE kind = 'notice' AND recipient = ?", alice.address) == [(1,)]


def test_tokens_survive_a_restart(server: Server, alice: Person) -> None:
    """Access, refresh and the grace are facts of the database, not of the process (SEC-50, SEC-54)."""
    phone = alice.sign_in()
    spent = phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200
    server.restart()
    assert phone.get("/me").status_code == 200
    assert phone.refresh(spent).json()["refresh_token"] == phone.tokens["refresh_token"]
    assert phone.refresh().status_code == 200


def test_a_session_ends_at_its_time_whatever_happens(server: Server, alice: Person) -> None:
    """The absolute end is never moved, and past it both tokens are dead (SEC-53)."""
    phone = alice.sign_in()
    (before,) = server.sql("SELECT absolute_expires_at FROM sessions WHERE hex(id) = ?", key(phone))
    assert phone.refresh().status_code == 200
    assert server.sql("SELECT absolute_expires_at FROM sessions WHERE hex(id) = ?", key(phone)) == [before]
    server.sql("UPDATE sessions SET expires_at = 1, absolute_expires_at = 1 WHERE hex(id) = ?", key(phone))
    assert is_dead(phone)


def test_idle_life_ends_short_of_the_absolute_end(server: Server, alice: Person) -> None:
    """A refresh near the absolute end gets what is left of it, in both tokens (SEC-53)."""
    phone = alice.sign_in()
    server.sql("UPDATE sessions SET absolute_expires_at = absolute_expires_at - 2592000 + 300 WHERE hex(id) = ?", key(phone))
    assert phone.refresh().status_code == 200
    assert phone.tokens["expires_in"] <= 300
    assert claims(phone.tokens["refresh_token"])["exp"] - claims(phone.tokens["access_token"])["iat"] <= 300


def test_roles_are_read_again(server: Server, alice: Person) -> None:
    """What a person may do is looked up at every refresh, and at every introspection (SEC-53)."""
    phone = alice.sign_in()
    server.sql("UPDATE users SET roles = 'admin' WHERE email = ?", alice.address)
    assert claims(phone.tokens["access_token"])["roles"] == []
    assert phone.refresh().status_code == 200
    assert claims(phone.tokens["access_token"])["roles"] == ["admin"]
    server.sql("UPDATE users SET roles = '' WHERE email = ?", alice.address)
    assert phone.refresh().status_code == 200
    assert claims(phone.tokens["access_token"])["roles"] == []


def test_every_sign_in_is_a_session_of_its_own(alice: Person) -> None:
    """What somebody brings along never becomes the new session; who steps up with it leaves it behind (SEC-56)."""
    phone = alice.sign_in()
    first = phone.tokens
    token = alice.link(phone).token
    second = phone.post("/verify/magic", json={"token": token, "session_id": first["session_id"]}, token=first["access_token"]).json()
    assert second["session_id"] != first["session_id"]
    assert phone.get("/me", token=second["access_token"]).json()["sessions"] == 1
    assert phone.get("/me", token=first["access_token"]).status_code == 401
    assert phone.refresh(first["refresh_token"]).status_code == 401


def test_a_refresh_token_tells_nothing_and_cannot_be_made(alice: Person) -> None:
    """Another generation or session needs our key; a broken token is no reuse (SEC-22, SEC-52)."""
    phone = alice.sign_in()
    head, _, signature = phone.tokens["refresh_token"].split(".")
    content = claims(phone.tokens["refresh_token"])
    assert set(content) == {"iss", "kind", "sid", "gen", "iat", "exp"}
    forged = unsigned({"alg": "none", "typ": "rt+jwt"}, content | {"gen": 0})
    other = f"{head}.{unsigned({}, content | {'gen': 7}).split('.')[1]}.{signature}"
    refusals = [
        without_id(phone.refresh(token)) for token in (forged, other, phone.tokens["refresh_token"] + "=", "x", "a.b.c", "x" * 4000)
    ]
    assert {refusal[0] for refusal in refusals} == {401}
    assert all(refusal == refusals[0] for refusal in refusals)
    assert phone.refresh().status_code == 200
