"""Log lines as people read them on a terminal."""

import io
import re

from pwauth_server.adapters.logs import Log


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
