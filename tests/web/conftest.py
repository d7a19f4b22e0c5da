"""A server for each module of tests; `SETTINGS` in the module are its configuration."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.people import Device, Person
from tests.server import Server, running


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    """Return the running server of this module."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, folder / "auth.db")
    with running(folder, getattr(request.module, "SETTINGS", None)) as started:
        yield started


@pytest.fixture
def alice(server: Server) -> Person:
    """Return somebody whom the server does not know yet."""
    return Person(server)


@pytest.fixture
def device(server: Server) -> Device:
    """Return a device without any history."""
    return Device(server)
