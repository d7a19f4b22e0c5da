"""How the process ends, and what clients that vanish leave behind."""

import json
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.people import Device, Person
from tests.server import PATIENCE, MailServer, Server, running
from tests.web.raw import answers_in, request


@pytest.fixture
def own_server(tmp_path: Path, sqlite_template: Path) -> Iterator[Server]:
    """Return a server that a test may end."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    with running(tmp_path) as started:
        yield started


def ask_until_told_to_stop(server: Server, number: int, accepted: list[str], lost: list[str]) -> None:
    """Ask on one keep-alive connection until the server says or does that it closes."""
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as connection:
        for turn in range(10_000):
            body = json.dumps({"email": f"load{number}.{turn}@ending.example"}).encode()
            try:
                connection.sendall(request("POST", "/request/magic", body, content_type="application/json"))
                received = connection.recv(65_536)
            except ConnectionError:
                received = b""
            if not received:
                lost.append(f"{number}.{turn}")
                return
            (answer,) = answers_in(received)
            assert answer.status == 200
            accepted.append(json.loads(answer.body)["request_id"])
            if answer.headers["connection"] == "close":
                return


def test_ending_under_load_loses_no_accepted_request(own_server: Server) -> None:
    """SIGTERM: who got an answer is in the database, who waits is answered and told to close, exit 0 in time (SEC-54)."""
    accepted: list[str] = []
    lost: list[str] = []
    clients = [threading.Thread(target=ask_until_told_to_stop, args=(own_server, number, accepted, lost)) for number in range(30)]
    for client in clients:
        client.start()
    own_server.mail.wait_for("load0.3@ending.example")
    started = monotonic()
    assert own_server.stop() == 0
    assert monotonic() - started < 10
    for client in clients:
        client.join()
    assert lost == []
    stored = {row[0] for row in own_server.sql("SELECT lower(hex(id)) FROM magic_links")}
    assert {request_id.replace("-", "") for request_id in accepted} <= stored


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_idle_clients_do_not_hold_the_end_up(own_server: Server, number: int) -> None:
    """Connections that wait, half a request on one of them, and no mail: the end comes at once."""
    with closing(socket.create_connection(("127.0.0.1", own_server.port))) as idle:
        idle.sendall(request("GET", "/health"))
        assert answers_in(idle.recv(65_536))[0].status == 200
        started = monotonic()
        assert own_server.stop(number) == 0
        assert monotonic() - started < 5


def test_a_mail_server_that_hangs_does_not_hold_the_end_up(tmp_path: Path) -> None:
    """The letter in hand is given up in time and goes out after the next start (SEC-84)."""
    hanging, released = threading.Event(), threading.Event()

    def hang(_: object) -> None:
        hanging.set()
        released.wait(PATIENCE)

    with running(tmp_path) as server:
        server.mail.before_accepting = hang
        alice = Person(server)
        alice.request(alice.device())
        assert hanging.wait(PATIENCE)
        started = monotonic()
        assert server.stop() == 0
        assert monotonic() - started < 10
        server.mail.before_accepting = lambda _: None
        server.start()
        assert alice.device().verify(alice.read_letter().token, confirm_other_device=True).status_code == 200
        released.set()


def test_what_was_answered_survives_a_crash(own_server: Server) -> None:
    """A kill -9 right after the answers: sessions, spent links and waiting letters are all there (SEC-10, SEC-54, SEC-84)."""
    people = [Person(own_server) for _ in range(5)]
    devices = [person.sign_in() for person in people]
    links = [person.link(device) for person, device in zip(people, devices, strict=True)]
    used = devices[0].verify(links[0].token)
    assert used.status_code == 200
    ids = [person.request(person.device()) for person in people]
    own_server.restart(signal.SIGKILL)
    assert [device.refresh().status_code for device in devices] == [200] * 5
    assert devices[0].verify(links[0].token).status_code == 401
    codes = [own_server.mail.wait_for(person.address, 3).code for person in people]
    assert [Device(own_server).verify_code(*pair).status_code for pair in zip(ids, codes, strict=True)] == [200] * 5


def test_a_thousand_clients_that_hang_up_leave_a_server_that_answers(own_server: Server) -> None:
    """In the middle of refreshing, verifying and asking: no transaction stays open, no task leaks (SEC-64)."""
    alice = Person(own_server)
    phone = alice.sign_in()
    bodies = [
        ("/token/refresh", {"refresh_token": phone.tokens["refresh_token"]}),
        ("/verify/magic", {"token": alice.link(alice.device()).token}),
        ("/request/magic", {"email": "gone@ending.example"}),
        ("/verify/magic/code", {"request_id": alice.request(phone), "code": "ABCD-EFGH"}),
    ]
    for number in range(1000):
        path, body = bodies[number % 4]
        content = request("POST", path, json.dumps(body).encode(), content_type="application/json")
        with closing(socket.create_connection(("127.0.0.1", own_server.port), PATIENCE)) as connection, suppress(ConnectionError):
            connection.sendall(content if number % 8 < 6 else content[:-10])
            if number % 3:  # a reset instead of a farewell
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with httpx.Client(base_url=own_server.url) as client:
        assert client.get("/health").status_code == 200
    assert Person(own_server).sign_in().get("/me").status_code == 200
    assert not [line for line in own_server.log if '"level": "error"' in line]
    assert own_server.stop() == 0


def test_the_port_is_this_machine_only(own_server: Server) -> None:
    """Listening for others must be asked for (SEC-96)."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: this only picks our outward address
        outward = probe.getsockname()[0]
    if outward.startswith("127."):
        pytest.skip("an address other than loopback is missing")
    with pytest.raises(ConnectionError):
        socket.create_connection((outward, own_server.port), PATIENCE)


def test_a_second_server_on_the_same_port_says_so(own_server: Server) -> None:
    """One clear line and exit 1, and the first one goes on."""
    second = Server(own_server.folder, mail=own_server.mail, server_port=str(own_server.port))
    with pytest.raises(AssertionError, match="cannot listen"):
        second.start()
    assert second.process is not None
    assert second.process.wait(PATIENCE) == 1
    assert httpx.get(f"{own_server.url}/health").status_code == 200


def test_mail_servers_are_not_needed_to_start(tmp_path: Path) -> None:
    """The server starts and answers the same while nobody takes its letters (SEC-82)."""
    gone = MailServer()
    gone.shutdown()
    gone.server_close()
    server = Server(tmp_path, mail=gone).start()
    try:
        answer = Device(server).post("/request/magic", json={"email": "alice@ending.example"})
        assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
        assert httpx.get(f"{server.url}/readiness").status_code == 200
    finally:
        assert server.stop() == 0
