"""Servers and restores keep off each other, by locks that end with their process."""

import select
import subprocess
import sys
from pathlib import Path

import pytest

from pwauth_server.errors import Conflict
from pwauth_server.store.presence import vacated

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; from pathlib import Path; from pwauth_server.store.presence import occupy;"
    "print('asking', flush=True); print(occupy(Path(sys.argv[1])), flush=True); sys.stdin.read()"
)


class Occupant:
    """A process that serves a file until it is told to end."""

    def __init__(self, database: Path) -> None:
        """Start it, and return when it is about to ask."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(database)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout
        assert self._output.readline() == "asking\n"

    def is_waiting(self) -> bool:
        """Tell whether it has no answer yet."""
        return not select.select([self._output], [], [], 0.2)[0]

    def is_first(self) -> bool:
        """Return what it found."""
        return self._output.readline() == "True\n"

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()


def test_only_the_first_server_is_alone(tmp_path: Path) -> None:
    """Its letters in hand are nobody else's; one that starts after all have died is the first again (SEC-84)."""
    first = Occupant(tmp_path / "auth.db")
    assert first.is_first()
    second = Occupant(tmp_path / "auth.db")
    assert not second.is_first()
    first.end()
    second.end()
    third = Occupant(tmp_path / "auth.db")
    assert third.is_first()
    third.end()


def test_no_restore_begins_under_a_server(tmp_path: Path) -> None:
    """Not under the second one either, whose elder has died; when all have gone, the file is free."""
    database = tmp_path / "auth.db"
    first, second = Occupant(database), Occupant(database)
    assert first.is_first() != second.is_first()
    first.end()
    with pytest.raises(Conflict, match="stop it first"), vacated(database):
        pass
    second.end()
    with vacated(database):
        assert not database.exists()


def test_a_server_waits_for_a_restore(tmp_path: Path) -> None:
    """It then finds what was restored."""
    with vacated(tmp_path / "auth.db"):
        server = Occupant(tmp_path / "auth.db")
        assert server.is_waiting()
    assert server.is_first()
    server.end()


def test_databases_that_differ_in_their_ending_are_strangers(tmp_path: Path) -> None:
    """A restore of one waits for no server of the other, and both their servers are the first."""
    server, neighbour = Occupant(tmp_path / "auth.db"), Occupant(tmp_path / "auth.new")
    assert server.is_first()
    assert neighbour.is_first()
    neighbour.end()
    with vacated(tmp_path / "auth.new"):
        server.end()
