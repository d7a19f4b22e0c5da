"""Log lines: as people read them on a terminal, and where nobody reads them any more."""

import asyncio
import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from pwauth_server.adapters.logs import LibraryHandler, Log


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_line_for_people_has_no_blank_at_its_end() -> None:
    """With facts or without."""
    terminal = Terminal()
    log = Log("info", terminal)
    log.info("stopping")
    log.info("ready", url="http://localhost:3000", port=3000)
    first, second = terminal.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d info    stopping", first)
    assert second.endswith(' info    ready url="http://localhost:3000" port=3000')


class Disk(io.StringIO):
    """A disk that is full until somebody makes room."""

    is_full = True

    def write(self, text: str) -> int:
        """Take lines while there is room."""
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


class Complaints(LibraryHandler):
    """Counts what asyncio complains about, in lines of the same log, while the `with` block lasts."""

    def __init__(self, log: Log) -> None:
        """Write through ``log``, as the server does."""
        super().__init__(log)
        self.number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count it, and write the line."""
        self.number += 1
        super().emit(record)

    def __enter__(self) -> None:
        """Listen to asyncio."""
        logging.getLogger("asyncio").addHandler(self)

    def __exit__(self, *_: object) -> None:
        """Listen no longer."""
        logging.getLogger("asyncio").removeHandler(self)


@contextmanager
def abandoned() -> Iterator[TextIO]:
    """Yield a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    yield stream
    with suppress(BrokenPipeError):  # what it still holds goes nowhere
        stream.close()


async def test_a_line_that_nobody_reads_is_not_complained_about_in_another_one() -> None:
    """Each complaint would be a line as well: the event loop would do nothing else."""
    with abandoned() as stream:
        log = Log("info", stream)
        complaints = Complaints(log)
        log.gather(asyncio.get_running_loop())
        with complaints:
            log.info("ready")
            for _ in range(10):
                await asyncio.sleep(0)
        assert complaints.number == 0


def test_the_log_goes_on_once_the_disk_has_room_again() -> None:
    """Lines in between are lost; the server never was in danger."""
    disk = Disk()
    log = Log("info", disk)
    log.info("lost")
    disk.is_full = False
    log.info("kept")
    assert '"kept"' in disk.getvalue()
    assert '"lost"' not in disk.getvalue()
