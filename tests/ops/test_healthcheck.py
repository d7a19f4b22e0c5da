"""`pwauth healthcheck`, which a container runtime asks twice a minute."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.server import ROOT, Server, free_port


class _Unready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer as a server without a database does."""
        self.send_response(503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep quiet."""


@pytest.fixture
def unready() -> Iterator[int]:
    """Return the port of a server that is not ready."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unready) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def probe(folder: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Ask; return the exit code and what was said."""
    environment = {f"PWAUTH_{name.upper()}": value for name, value in settings.items()} | {"PYTHONPATH": str(ROOT)}
    words = (sys.executable, "-m", "pwauth_server", "healthcheck", *arguments)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("host", ("127.0.0.1", "0.0.0.0", ""))
def test_a_server_that_is_ready_is_healthy(server: Server, tmp_path: Path, host: str) -> None:
    """A server that listens everywhere is asked on this machine, whatever a proxy variable says."""
    assert probe(tmp_path, server_port=str(server.port), server_host=host) == (0, "")


def test_a_server_that_is_not_ready_is_unhealthy(unready: int, tmp_path: Path) -> None:
    """A process that lives without its database is to be told from one that serves."""
    assert probe(tmp_path, server_port=str(unready)) == (1, f"pwauth: 127.0.0.1:{unready} is not ready (503)\n")


def test_nobody_is_unhealthy(tmp_path: Path) -> None:
    """Exit code 1 and one line, never the 2 that a runtime keeps for itself."""
    code, said = probe(tmp_path, server_port=str(free_port()))
    assert code == 1
    assert "does not answer" in said
    for port in ("0", "70000", "x", "-1"):
        code, said = probe(tmp_path, server_port=port)
        assert (code, len(said.splitlines())) == (1, 1), port


def test_the_port_comes_from_where_the_server_takes_it(server: Server, tmp_path: Path) -> None:
    """File, environment, and a file that the environment names, in the same order."""
    (tmp_path / "config.toml").write_text(f"server_port = {server.port}\n")
    assert probe(tmp_path) == (0, "")
    assert probe(tmp_path, "--config", str(tmp_path / "none.toml"))[0] == 1
    (tmp_path / "config.toml").write_text(f"server_port = {free_port()}\n")
    assert probe(tmp_path)[0] == 1
    (tmp_path / "port").write_text(f"{server.port}\n")
    assert probe(tmp_path, server_port_file=str(tmp_path / "port")) == (0, "")
