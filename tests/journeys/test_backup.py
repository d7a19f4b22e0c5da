"""A backup under load, and the day it is needed: real processes, real tokens."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, time

import httpx
import pytest

from tests.backup_fakes import PASSPHRASE
from tests.people import Device, Person
from tests.server import PATIENCE, Server, running
from tests.web.tokens import claims

PEOPLE = 25
#: Rotations a second, over all.
RATE = 50


@pytest.fixture
def busy(tmp_path: Path, sqlite_template: Path) -> Iterator[Server]:
    """Return a server with a passphrase for backups."""
    folder = tmp_path / "old host"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "auth.db")
    with running(folder, {"backup_passphrase": PASSPHRASE}) as started:
        yield started


class Rotation(threading.Thread):
    """Rotates the tokens of devices, so many a second, and remembers every answer."""

    def __init__(self, server: Server, devices: list[Device]) -> None:
        """Begin with the tokens that the devices have."""
        super().__init__()
        self._server, self._devices = server, devices
        self.over = threading.Event()
        self.warm = threading.Event()
        #: Per device: what was issued, oldest first.
        self.issued = [[device.tokens] for device in devices]
        self.wrong: list[int] = []

    def run(self) -> None:
        """Rotate in turn until told to stop."""
        begun, turn = monotonic(), 0
        with httpx.Client(base_url=self._server.url, timeout=15) as client:
            while not self.over.wait(max(0.0, begun + turn / RATE - monotonic())):
                tokens = self.issued[turn % len(self.issued)]
                answer = client.post("/token/refresh", json={"refresh_token": tokens[-1]["refresh_token"]})
                if answer.status_code == httpx.codes.OK:
                    tokens.append(answer.json())
                else:
                    self.wrong.append(answer.status_code)
                turn += 1
                if turn == 2 * len(self.issued):
                    self.warm.set()


def test_tokens_of_the_moment_of_the_backup_work_where_it_is_restored(busy: Server, tmp_path: Path) -> None:
    """Fifty rotations a second go on unharmed; on the new host each session goes on from the token it had then (SEC-50, SEC-79)."""
    devices = [Person(busy).sign_in() for _ in range(PEOPLE)]
    rotation = Rotation(busy, devices)
    rotation.start()
    assert rotation.warm.wait(20)
    before = [len(tokens) for tokens in rotation.issued]
    file = tmp_path / "backup"
    busy.command("backup", str(file))
    after = [len(tokens) for tokens in rotation.issued]
    assert sum(after) - sum(before) >= RATE // 2, "the load went on while the backup was made"
    rotation.over.set()
    rotation.join()
    assert rotation.wrong == []
    assert busy.stop() == 0

    (tmp_path / "new host").mkdir()
    with started(Server(tmp_path / "new host", mail=busy.mail, **moved(busy, tmp_path / "new host")), file) as new:
        generations = dict(new.sql("SELECT lower(hex(id)), generation FROM sessions"))
        for tokens, first, last in zip(rotation.issued, before, after, strict=True):
            of_then = generations[tokens[0]["session_id"].replace("-", "")]
            (live,) = [it for it in tokens if claims(it["refresh_token"])["gen"] == of_then]
            assert first - 1 <= tokens.index(live) <= last
            device = Device(new, tokens=live)
            assert device.get("/me").status_code == httpx.codes.OK
            assert device.refresh().status_code == httpx.codes.OK
            assert device.refresh().status_code == httpx.codes.OK


def moved(server: Server, folder: Path) -> dict[str, str]:
    """Return the settings of a server for another host: the same but for the place of the database."""
    own = {name: value for name, value in server.settings.items() if name not in {"server_port", "smtp_port"}}
    return own | {"database_path": str(folder / "auth.db")}


@contextmanager
def started(server: Server, file: Path) -> Iterator[Server]:
    """Restore a backup on a host and run a server there."""
    assert "restored" in server.command("restore", str(file))
    try:
        yield server.start()
    finally:
        assert server.stop() == 0


def test_nothing_is_restored_under_a_running_server(busy: Server, tmp_path: Path) -> None:
    """The command says so, and the server goes on with the data it had."""
    device = Person(busy).sign_in()
    file = tmp_path / "backup"
    busy.command("backup", str(file))
    with pytest.raises(AssertionError, match="stop it first"):
        busy.command("restore", str(file), "--replace")
    assert device.refresh().status_code == httpx.codes.OK


def test_a_server_backs_itself_up(tmp_path: Path, sqlite_template: Path) -> None:
    """Nobody has to remember it: the file is there, it is whole, and the metrics say when it was made (SEC-79)."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    folder = tmp_path / "backups"
    with running(tmp_path, {"backup_passphrase": PASSPHRASE, "backup_path": str(folder)}) as server:
        server.sql("INSERT INTO server_state VALUES ('seen', 1, NULL)")
        until(lambda: server.metric("backups_total", outcome="made") == 1)
        (file,) = folder.iterdir()
        assert server.command("backup", "verify", str(file)).startswith("ok: ")
        assert time() - 60 < server.metric("backup_timestamp_seconds") <= time()
        until(lambda: server.metric("database_rows", table="signing_keys") == 2)
        assert server.metric("database_size_bytes", file="main") > 100_000
        assert server.metric("database_size_bytes", file="wal") > 0


def until(true: Callable[[], bool]) -> None:
    """Return as soon as a condition holds."""
    begun = monotonic()
    while not true():
        assert monotonic() - begun < PATIENCE
