"""What many tests share: time, chance, a database of their own, a running server for each module."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.events import Occurrence
from pwauth_server.store.connect import connect
from pwauth_server.store.migrate import migrate
from pwauth_server.store.transaction import Database
from tests.fakes import FakeClock, FakeEntropy
from tests.people import Device, Person
from tests.redis_server import RedisServer
from tests.server import Server, running

# A loaded machine is slow to generate and slow to run; neither says anything about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
needs_postgres = pytest.mark.skipif(
    not POSTGRES, reason="PostgreSQL is missing: set TEST_POSTGRES_URL to postgres://user@host:port/database"
)


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def entropy() -> FakeEntropy:
    """Return chance that repeats itself."""
    return FakeEntropy()


@pytest.fixture
def heard() -> list[Occurrence]:
    """Return the list of occurrences that `database` tells of."""
    return []


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "auth.db"
    asyncio.run(migrate(Config(database_path=str(path))))
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Return the name of a migrated PostgreSQL database to copy."""
    name = f"pwauth_template_{os.getpid()}"
    asyncio.run(_administer(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"'))
    asyncio.run(migrate(Config(database_url=_url(name))))
    yield name
    asyncio.run(_administer(f'DROP DATABASE "{name}"'))


@pytest.fixture
def sqlite_config(tmp_path: Path, sqlite_template: Path) -> Config:
    """Return a configuration with a SQLite file of the test's own."""
    path = tmp_path / "auth.db"
    shutil.copy(sqlite_template, path)
    return Config(database_path=str(path))


@pytest.fixture
async def postgres_config(tmp_path: Path, postgres_template: str) -> AsyncIterator[Config]:
    """Return a configuration with a PostgreSQL database of the test's own."""
    name = f"pwauth_test_{uuid4().hex}"
    await _administer(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    yield Config(database_path=str(tmp_path / "auth.db"), database_url=_url(name))
    await _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=("sqlite", pytest.param("postgres", marks=needs_postgres)))
def database_config(request: pytest.FixtureRequest) -> Config:
    """Return a configuration on each kind of database in turn."""
    config: Config = request.getfixturevalue(f"{request.param}_config")
    return config


@pytest.fixture
async def database(database_config: Config, heard: list[Occurrence]) -> AsyncIterator[Database]:
    """Return an open database, on SQLite and on PostgreSQL."""
    opened = await open_database(database_config, heard)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(sqlite_config: Config, heard: list[Occurrence]) -> AsyncIterator[Database]:
    """Return an open SQLite database, for what only SQLite promises."""
    opened = await open_database(sqlite_config, heard)
    yield opened
    await opened.close()


async def open_database(config: Config, heard: list[Occurrence]) -> Database:
    """Open the database of a configuration; committed occurrences are appended to ``heard``."""
    return await connect(config, listener=heard.append, timing=lambda _name, _seconds: None)


def _url(name: str) -> SecretStr:
    return SecretStr(urlsplit(POSTGRES)._replace(path=f"/{name}").geturl())


async def _administer(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRES)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    """Return the running server of this module; `SETTINGS` in the module are its configuration."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, folder / "auth.db")
    with running(folder, getattr(request.module, "SETTINGS", None)) as started:
        yield started


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Return the running Redis of this module."""
    server = RedisServer().start()
    yield server
    server.kill()


@pytest.fixture
def alice(server: Server) -> Person:
    """Return somebody whom the server does not know yet."""
    return Person(server)


@pytest.fixture
def device(server: Server) -> Device:
    """Return a device without any history."""
    return Device(server)
