"""A real Redis for tests: its own port and password, nothing on disk; may be killed, stopped for a while, started anew."""

import shutil
import signal
import subprocess
from typing import Self

import pytest
from redis import Redis

from tests.server import PATIENCE, free_port

PASSWORD = "hunter2"

needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is missing: install the package redis-server")


class RedisServer:
    """One Redis on a loopback port that stays the same."""

    def __init__(self) -> None:
        """Choose a port."""
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Return what `redis_url` should be."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, empty, and return once it serves."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "requirepass": PASSWORD}
        command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return self
        raise AssertionError("".join(said))

    def send(self, number: int) -> None:
        """Send a signal: SIGSTOP makes it hang, SIGCONT go on."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once; what it knew is gone."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.send(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def ask(self, *words: str | int) -> object:
        """Return its answer to a command."""
        with Redis.from_url(self.url, decode_responses=True) as client:
            return client.execute_command(*words)

    def names(self) -> list[str]:
        """Return the names of all keys."""
        found = self.ask("KEYS", "*")
        assert isinstance(found, list)
        return sorted(map(str, found))

    def tick(self, seconds: float) -> None:
        """Bring the end of every window so much nearer."""
        for key in self.names():
            self.ask("PEXPIRE", key, int(str(self.ask("PTTL", key))) - round(seconds * 1000))
