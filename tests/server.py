"""A real server process for tests: its own folder, port, settings and mail server."""

import json
import os
import re
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0

#: Limits so high that a test of something else never meets them.
NO_LIMITS = {"rate_limit_per_minute": "1000000", "email_rate_limit_per_hour": "1000000"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What the mail server was given: envelope and content."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """Return the parsed letter."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def text(self) -> str:
        """Return the text part."""
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def link(self) -> str:
        """Return the one link of the text part."""
        (found,) = re.findall(r"https?://\S+", self.text)
        return str(found)

    @property
    def token(self) -> str:
        """Return the link's token."""
        (found,) = re.findall(r"token=([A-Za-z0-9_.-]+)", self.text)
        return str(found)

    @property
    def code(self) -> str:
        """Return the code as it is printed."""
        (found,) = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})\r?$", self.text, re.MULTILINE)
        return str(found)


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server that takes every letter; `letters` is what arrived, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free loopback port."""
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.letters: list[Letter] = []
        #: Called with each letter before it is accepted; may block, to play a server that hangs.
        self.before_accepting: Callable[[Letter], None] = lambda _: None
        #: Whom it does not know: letters to them are refused for good.
        self.refused: set[str] = set()
        self._arrived = threading.Condition()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])

    def accept(self, letter: Letter) -> None:
        """Keep a letter and tell whoever waits."""
        self.before_accepting(letter)
        with self._arrived:
            self.letters.append(letter)
            self._arrived.notify_all()

    def to(self, address: str) -> list[Letter]:
        """Return the letters to an address, in order."""
        return [letter for letter in self.letters if letter.recipients == (address,)]

    def wait_for(self, address: str, number: int = 1) -> Letter:
        """Return the letter of that number to an address as soon as it is there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.to(address)) >= number, PATIENCE), f"no letter {number} to {address}"
            return self.to(address)[number - 1]

    def wait_for_words(self, address: str, words: str) -> Letter:
        """Return the newest letter to an address whose text holds ``words``, as soon as there is one."""

        def found() -> list[Letter]:
            return [letter for letter in self.to(address) if words in " ".join(letter.text.split())]

        with self._arrived:
            assert self._arrived.wait_for(found, PATIENCE), f"no letter to {address} says {words!r}"
            return found()[-1]


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        sender = ""
        recipients: list[str] = []
        self._say(b"220 test")
        while line := self.rfile.readline():
            verb, argument = line[:4].upper(), line.decode().strip()
            if verb == b"MAIL":
                sender, recipients = _between(argument), []
            elif verb == b"RCPT":
                recipients.append(_between(argument))
            elif verb == b"DATA":
                self._say(b"354 go on")
                self.server.accept(Letter(sender, tuple(recipients), self._data()))
            elif verb == b"QUIT":
                self._say(b"221 bye")
                return
            self._say(b"550 nobody" if self.server.refused.intersection(recipients) else b"250 fine")

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


def _between(argument: str) -> str:
    return argument[argument.index("<") + 1 : argument.rindex(">")]


class Server:
    """One server process; a second one on the same folder is a second node."""

    def __init__(self, folder: Path, *, mail: MailServer | None = None, **settings: str) -> None:
        """Prepare a server on a free port; ``settings`` are keys of the configuration."""
        self.folder = folder
        self.port = free_port()
        self.mail = mail or MailServer()
        own = {
            "server_port": str(self.port),
            "public_url": f"http://localhost:{self.port}",
            "database_path": str(folder / "auth.db"),
            "smtp_host": "127.0.0.1",
            "smtp_port": str(self.mail.port),
            "smtp_tls": "plain",
            "email_from": "pwauth@sender.example",
        }
        self.settings = own | NO_LIMITS | settings
        #: Lines of the log, and of standard output.
        self.log: list[str] = []
        self.output: list[str] = []
        self._heard = threading.Condition()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_url(self) -> str:
        """Return where people are told to go."""
        return self.settings["public_url"]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the process: ours without settings somebody may have exported."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PWAUTH_")}
        given = {f"PWAUTH_{name.upper()}": value for name, value in self.settings.items()}
        return inherited | given | {"PYTHONPATH": str(ROOT)}

    def start(self) -> Self:
        """Start the process and return once it serves."""
        seen = len(self.log)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pwauth_server", "serve"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for stream, lines in ((self.process.stderr, self.log), (self.process.stdout, self.output)):
            threading.Thread(target=self._listen, args=(self.process, stream, lines), daemon=True).start()
        self.wait_for_log("ready", since=seen)
        return self

    def _listen(self, process: subprocess.Popen[bytes], stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._heard:
                    lines.append(line.decode())
                    self._heard.notify_all()
        process.wait()
        with self._heard:
            self._heard.notify_all()

    def wait_for_log(self, event: str, *, since: int = 0, **facts: Any) -> dict[str, Any]:
        """Return the first log line of an event with these ``facts`` from index ``since`` on, as soon as it is written."""

        def found() -> dict[str, Any] | None:
            lines = (json.loads(line) for line in self.log[since:] if f'"event": "{event}"' in line)
            return next((line for line in lines if facts.items() <= line.items()), None)

        with self._heard:
            self._heard.wait_for(lambda: found() or self._has_ended(), PATIENCE)
        line = found()
        assert line is not None, f"no {event!r} in the log: {''.join(self.log[since:])[-2000:]}"
        return line

    def _has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def send(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.send(number)
        return self.process.wait(PATIENCE)

    def restart(self, number: int = signal.SIGTERM) -> None:
        """End the process and start it again."""
        self.stop(number)
        self.start()

    def command(self, *arguments: str) -> str:
        """Run ``pwauth`` beside the server; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "pwauth_server", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the server's database, or change it behind its back."""
        with closing(sqlite3.connect(self.settings["database_path"], timeout=PATIENCE)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry ``labels``."""
        text = httpx.get(f"{self.url}/metrics", headers={"host": f"localhost:{self.port}"}).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in text.splitlines() if re.match(rf"pwauth_{name}[ {{]", line)]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in wanted))

    def stored_bytes(self) -> bytes:
        """Return every byte of the database: file, log and shared memory."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("auth.db*")))


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server for the length of a ``with`` block."""
    server = Server(folder, mail=None, **(settings or {}))
    try:
        yield server.start()
    finally:
        if server.process is not None:
            server.stop(signal.SIGKILL)
        server.mail.shutdown()
        server.mail.server_close()
