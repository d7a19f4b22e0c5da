"""Log lines: one JSON object each, or readable words on a terminal (SEC-73).

`json.dumps` escapes every control character, so nobody can write a line of his own into the log. What
is logged is chosen field by field: no path, no query, no header, no body, no mail address.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_NAMES = {number: name for name, number in LEVELS.items()}


class Log:
    """Writes lines of the chosen level and above."""

    def __init__(self, level: str, stream: TextIO | None = None) -> None:
        """Write to ``stream`` (default: standard error)."""
        self._level = LEVELS[level]
        self._stream = stream or sys.stderr
        self._readable = self._stream.isatty()

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
        """Tell of one request; ``route`` is the template."""
        if self._level <= LEVELS["info"]:
            fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
            self._write(20, "request", fields | {"peer": peer, "request_id": request_id})

    def _write(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if level < self._level:
            return
        now = datetime.now(UTC)
        if self._readable:
            rest = " ".join(f"{name}={value if isinstance(value, (int, float)) else json.dumps(value)}" for name, value in fields.items())
            line = f"{now:%H:%M:%S} {_NAMES[level]:7} {event} {rest}"
        else:
            line = json.dumps({"time": now.isoformat(timespec="milliseconds"), "level": _NAMES[level], "event": event, **fields})
        self._stream.write(line + "\n")
        self._stream.flush()


class LibraryHandler(logging.Handler):
    """Brings what libraries log into the same lines: their logger and level, their message escaped."""

    def __init__(self, log: Log) -> None:
        """Write through ``log``."""
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; an exception's text stays out."""
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
