"""Processes under test: started as a user would, pinned to one core, stopped whatever happens."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.figures import cpu_seconds, rss_mb
from pwauth_server import config as configuration
from pwauth_server.config import Config

#: What is measured runs on the first core; what drives it, this program included, on the second.
SERVER_CORE, DRIVER_CORE = "0", "1"
PYTHON = sys.executable
#: Seconds a server may take to answer for the first time, and to stop.
PATIENCE = 30.0

# Only what would refuse a load of one address is raised; the lives are those of the longest benchmark.
_CONFIG = """\
public_url = "http://127.0.0.1:{port}"
server_port = {port}
database_path = "{folder}/auth.db"
smtp_host = "127.0.0.1"
smtp_port = {smtp_port}
smtp_tls = "plain"
smtp_timeout_seconds = 300
access_token_expiry_seconds = 3600
rate_limit_per_minute = 1_000_000_000
email_rate_limit_per_hour = 1_000_000_000
"""


def environment() -> dict[str, str]:
    """Return the environment of a user: none of our settings, and Python keeps what it has compiled."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PWAUTH_") and name != "PYTHONDONTWRITEBYTECODE"}


class Server:
    """One process that answers HTTP on loopback."""

    def __init__(self, folder: Path, port: int, command: Sequence[str], *, probe: str = "/liveness") -> None:
        """Remember how to start it; its output goes to ``server.log`` in ``folder``."""
        self.folder, self.port, self._probe = folder, port, probe
        self._command = ["taskset", "-c", SERVER_CORE, PYTHON, *command]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    def start(self) -> float:
        """Start, wait for the first answer and return how many seconds that took."""
        begun = time.perf_counter()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment())
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise RuntimeError(f"the server did not start: see {self.folder / 'server.log'}")
            time.sleep(0.002)
        return time.perf_counter() - begun

    def stop(self) -> None:
        """Ask it to stop; kill it if it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self.wake()
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would, as far as the process is concerned."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sleep(self) -> None:
        """Hold every thread of it, so that its background work does not disturb whoever is measured next."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def cpu(self) -> float:
        """Return the seconds of CPU it has used."""
        return cpu_seconds(self.pid)

    def rss(self) -> float:
        """Return its resident memory in MB."""
        return rss_mb(self.pid)

    def _answers(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            connection.request("GET", self._probe)
            status = connection.getresponse().status
            connection.close()
            return status == http.HTTPStatus.OK
        return False


def pwauth(folder: Path, *, smtp_port: int = 1, altered: Sequence[str] = ()) -> tuple[Config, Server]:
    """Return a configuration in ``folder`` and the server it describes.

    The standard port 1 answers nobody: letters stay in the queue. ``altered`` names entries of
    `benchmarks.altered`.
    """
    port = free_port()
    path = folder / "config.toml"
    path.write_text(_CONFIG.format(port=port, folder=folder, smtp_port=smtp_port))
    module = ["benchmarks.altered", *altered] if altered else ["pwauth_server", "serve"]
    return configuration.load(path, {}), Server(folder, port, ["-m", *module, "--config", str(path)])


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def workshop() -> Iterator[Path]:
    """Yield a folder on a real disk, and move this program and its children to the driver's core."""
    os.sched_setaffinity(0, {int(DRIVER_CORE)})
    with tempfile.TemporaryDirectory(prefix="pwauth-bench-", dir="/var/tmp") as folder:
        yield Path(folder)


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Start servers; stop them whatever happens."""
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
            server.start()
        yield


@contextmanager
def mail_sink() -> Iterator[int]:
    """Yield the port of an SMTP server on the driver's core that accepts everything."""
    port = free_port()
    with subprocess.Popen(["taskset", "-c", DRIVER_CORE, PYTHON, "-m", "benchmarks.sink", str(port)]) as process:
        try:
            for _ in range(1000):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.005)
            yield port
        finally:
            process.terminate()
