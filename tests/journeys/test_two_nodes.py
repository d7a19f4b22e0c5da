"""Two processes on one database: whatever one of them does counts for the other at once."""

import json
from collections.abc import Iterator
from functools import partial

import pytest

from tests.people import Device, Person, at_once, statuses
from tests.server import NO_LIMITS, Server
from tests.web.tokens import header


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Server]:
    """Return a second node beside the first one."""
    node = Server(server.folder, mail=server.mail, public_url=server.public_url, **NO_LIMITS).start()
    yield node
    assert node.stop() == 0


def test_a_link_is_used_once_between_them(server: Server, other: Server, alice: Person) -> None:
    """Fifty links and twenty-five codes over both nodes make one session (SEC-10)."""
    phone = alice.device()
    request_id = alice.request(phone)
    letter = alice.read_letter()
    twins = [phone, Device(other, cookies=dict(phone.cookies))]
    links = [partial(twins[number % 2].verify, letter.token) for number in range(50)]
    answers = at_once(*links, *[partial(twins[number % 2].verify_code, request_id, letter.code) for number in range(25)])
    assert statuses(answers) == [200] + [401] * 74
    assert len(server.sql("SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ?", alice.address)) == 1


def test_a_refresh_has_one_successor_between_them(server: Server, other: Server, alice: Person) -> None:
    """Fifty parallel refreshes over both nodes get one and the same token (SEC-50)."""
    phone = alice.sign_in()
    twins = [phone, Device(other)]
    spent = phone.tokens["refresh_token"]
    answers = at_once(*[partial(twins[number % 2].refresh, spent) for number in range(50)])
    assert statuses(answers) == [200] * 50
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_an_end_on_one_node_is_an_end_on_the_other(server: Server, other: Server, alice: Person) -> None:
    """No node remembers a session that is over (SEC-54)."""
    phone = alice.sign_in()
    twin = Device(other, tokens=phone.tokens)
    assert {twin.get("/me").status_code for _ in range(3)} == {200}
    assert phone.post("/logout", token=phone.tokens["access_token"]).status_code == 204
    assert statuses(at_once(*[partial(twin.get, "/me")] * 40)) == [401] * 40


def test_keys_are_the_same_on_both(server: Server, other: Server, alice: Person) -> None:
    """A token of one node counts on the other, before and after a rotation and a drop (SEC-24)."""
    phone, twin = alice.sign_in(), Device(other)
    old = phone.tokens["access_token"]
    assert twin.get("/me", token=old).status_code == 200
    server.command("signing-key", "rotate")
    assert twin.refresh(phone.tokens["refresh_token"]).status_code == 200
    new = twin.refresh(phone.tokens["refresh_token"]).json()["access_token"]
    assert header(new)["kid"] != header(old)["kid"]
    assert [device.get("/me", token=token).status_code for device in (phone, twin) for token in (old, new)] == [200] * 4
    server.command("signing-key", "drop", header(old)["kid"])
    assert [device.get("/me", token=token).status_code for device in (phone, twin) for token in (old, new)] == [401, 200] * 2


def test_each_letter_leaves_once(server: Server, other: Server) -> None:
    """Two mail loops share a queue without sending twice (SEC-84)."""
    people = [Person(server) for _ in range(20)]
    for number, person in enumerate(people):
        person.request(Device((server, other)[number % 2]))
    for person in people:
        person.read_letter()
    assert [len(server.mail.to(person.address)) for person in people] == [1] * 20
    assert all(json.loads(line)["level"] != "error" for line in server.log + other.log)
