"""Two processes that share their limits in a Redis, which comes and goes while they work (SEC-64)."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.people import Device
from tests.redis_server import PASSWORD, RedisServer, needs_redis
from tests.server import Server

pytestmark = needs_redis

_addresses = count(1)


@pytest.fixture(scope="module")
def nodes(redis: RedisServer, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Return two nodes with limits at their defaults, behind a proxy that they trust."""
    folder = tmp_path_factory.mktemp("nodes")
    shutil.copy(sqlite_template, folder / "auth.db")
    settings = {"rate_limit_per_minute": "300", "email_rate_limit_per_hour": "5", "trusted_proxies": "127.0.0.1/32", "redis_url": redis.url}
    one = Server(folder, mail=None, **settings).start()
    other = Server(folder, mail=one.mail, public_url=one.public_url, **settings).start()
    yield one, other
    assert [node.stop() for node in (one, other)] == [0, 0]


@pytest.fixture
def address() -> str:
    """Return an address that no other test comes from."""
    return f"10.0.0.{next(_addresses)}"


def guess(node: Server, address: str) -> httpx.Response:
    """Try a wrong API key at a node; ten in a quarter of an hour are allowed."""
    return Device(node, {"x-forwarded-for": address}).post("/token/introspect", json={"token": "x"}, token="pwk_" + "x" * 64)


def guesses(node: Server, address: str, number: int) -> list[int]:
    """Try so many; return the answers' statuses."""
    return [guess(node, address).status_code for _ in range(number)]


def test_a_limit_is_one_on_all_nodes(nodes: tuple[Server, Server], address: str) -> None:
    """Whoever spreads his guesses over the nodes has no more of them, and each tells him rightly when to come back."""
    one, other = nodes
    assert (guesses(one, address, 6), guesses(other, address, 4)) == ([401] * 6, [401] * 4)
    refused = [guess(node, address) for node in nodes]
    assert [answer.status_code for answer in refused] == [429, 429]
    assert all(890 < int(answer.headers["retry-after"]) <= 900 for answer in refused)
    assert [node.metric("limits_storage_errors_total") for node in nodes] == [0, 0]


def test_letters_are_counted_together(nodes: tuple[Server, Server], address: str) -> None:
    """A mailbox gets its five letters an hour from both nodes together, and a click on each of them is one letter (SEC-66)."""
    sent = [
        Device(nodes[number % 2], {"x-forwarded-for": f"{address}{number // 2}"}).post("/request/magic", json={"email": "v@limits.example"})
        for number in range(14)
    ]
    assert [answer.status_code for answer in sent] == [200] * 10 + [429] * 4
    assert [node.metric("rate_limited_total", limit="mail_per_mailbox_hour") for node in nodes] == [2, 2]


def test_redis_may_die_and_come_back(nodes: tuple[Server, Server], redis: RedisServer, address: str) -> None:
    """People go on, each node holds its limits alone and says so once, and without being asked for anything they share again."""
    one, other = nodes
    assert guesses(one, address, 5) == [401] * 5
    seen = [len(node.log) for node in nodes]
    redis.kill()
    for node, start in zip(nodes, seen, strict=True):
        assert node.wait_for_log("limits.alone", since=start)["level"] == "warning"
        assert node.metric("limits_alone") == 1
    assert (guesses(one, address, 7), guesses(other, address, 12)) == ([401] * 5 + [429] * 2, [401] * 10 + [429] * 2)
    redis.start()
    for node, start in zip(nodes, seen, strict=True):
        node.wait_for_log("limits.shared", since=start)
        assert (node.metric("limits_alone"), node.metric("limits_storage_errors_total") > 0) == (0, True)
    assert (guesses(one, address, 1), guesses(other, address, 1)) == ([429], [429]), "what a node has counted itself stays counted"
    later = f"{address}9"
    assert (guesses(one, later, 6), guesses(other, later, 6)) == ([401] * 6, [401] * 4 + [429] * 2)
    assert [sum('"limits.alone"' in line for line in node.log) for node in nodes] == [1, 1]
    assert not [line for node in nodes for line in node.log if PASSWORD in line or str(redis.port) in line]


def test_a_start_does_not_wait_for_redis(redis: RedisServer, sqlite_template: Path, tmp_path: Path, address: str) -> None:
    """A node that begins without it serves, counts alone, and shares as soon as it can."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    redis.kill()
    node = Server(tmp_path, redis_url=redis.url).start()
    try:
        node.wait_for_log("limits.alone")
        assert Device(node).get("/me").status_code == 401
        redis.start()
        node.wait_for_log("limits.shared")
        assert Device(node).get("/me").status_code == 401
        assert [key.removeprefix(f"pwauth:{node.public_url}:").partition("/")[0] for key in redis.names()] == ["requests"]
    finally:
        assert node.stop() == 0
