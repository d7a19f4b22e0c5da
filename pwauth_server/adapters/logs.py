"""Log lines: one JSON object each, or readable words on a terminal (SEC-73).

`json.dumps` escapes every control character, so nobody can write a line of his own into the log. What
is logged is chosen field by field: no path, no query, no header, no body, no mail address.
"""

import asyncio
import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from threading import get_ident
from typing import Any, TextIO

from pwauth_server.errors import ConfigError

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_NAMES = {number: name for name, number in LEVELS.items()}


class Log:
    """Writes lines of the chosen level and above."""

    def __init__(self, level: str, stream: TextIO | None = None) -> None:
        """Write to ``stream`` (default: standard error)."""
        self._level = LEVELS[level]
        self._stream = stream or sys.stderr
        self._readable = self._stream.isatty()
        self._second, self._stamp = 0, ""
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = get_ident()

    def info(self, event: str, **fields: Any) -> None:
        """Tell what happened."""
        self._write(20, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Tell what an operator should look at."""
        self._write(30, event, fields)

    def failure(self, event: str, error: BaseException, **fields: Any) -> None:
        """Tell what broke: the kind of error and where, never its text, which may hold input."""
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
        self._write(40, event, fields | {"kind": type(error).__name__, "where": where})

    def request(self, method: str, route: str, status: int, seconds: float, *, peer: str, request_id: str) -> None:
        """Tell of one request; every field is from a closed set or checked, so nothing needs escaping.

        This line is written for every request: put together by hand it costs a quarter.
        """
        if self._level > LEVELS["info"]:
            return
        ms = f"{seconds * 1000:.1f}"
        if self._readable:
            self._put(f"{self._now()[11:19]} info    request {method} {route} {status} {ms} ms {peer} {request_id}\n")
            return
        self._put(
            f'{{"time": "{self._now()}", "level": "info", "event": "request", "method": "{method}", "route": "{route}", '
            f'"status": {status}, "ms": {ms}, "peer": "{peer}", "request_id": "{request_id}"}}\n'
        )

    def _write(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if level < self._level:
            return
        if self._readable:
            rest = [f"{name}={value if isinstance(value, (int, float)) else json.dumps(value)}" for name, value in fields.items()]
            self._put(" ".join([self._now()[11:19], f"{_NAMES[level]:7}", event, *rest]) + "\n")
        else:
            self._put(json.dumps({"time": self._now(), "level": _NAMES[level], "event": event, **fields}) + "\n")

    def _now(self) -> str:
        """Return the time in RFC 3339 with milliseconds; the seconds are formatted once each."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._stamp = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._stamp}.{int((now - second) * 1000):03}Z"

    def gather(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Write the lines of one turn of ``loop`` together, a system call for each costs as much as the line; None: each at once."""
        self.flush()
        self._loop, self._thread = loop, get_ident()

    def _put(self, line: str) -> None:
        self._lines.append(line)
        if self._loop is None:
            self.flush()
        elif len(self._lines) == 1:
            if get_ident() == self._thread:
                self._loop.call_soon(self.flush)
            else:
                self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        lines, self._lines = self._lines, []
        # Nobody reads on, or the disk is full. To say so would be another line, and its failure the next one: for ever.
        with suppress(OSError, ValueError):
            self._stream.write("".join(lines))
            self._stream.flush()


class LibraryHandler(logging.Handler):
    """Brings what libraries log into the same lines: their logger and level, their message escaped."""

    def __init__(self, log: Log) -> None:
        """Write through ``log``."""
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; an exception's text stays out, and a bad configuration is told by the command itself."""
        if record.exc_info and isinstance(record.exc_info[1], ConfigError):
            return
        if record.exc_info and record.exc_info[1]:
            self._log.failure("library", record.exc_info[1], logger=record.name)
        else:
            self._log.warning("library", logger=record.name, message=record.getMessage())


def adopt_libraries(log: Log) -> None:
    """Send warnings and errors of every library through ``log``."""
    root = logging.getLogger()
    root.handlers = [LibraryHandler(log)]
    root.setLevel(logging.WARNING)
    for name in ("sanic.root", "sanic.error", "sanic.access", "sanic.server", "sanic.websockets", "tortoise", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.ERROR if name.startswith("sanic") else logging.WARNING)
