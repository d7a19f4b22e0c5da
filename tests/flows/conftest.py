"""The world of a flow: no server, a clock that a test moves, letters that go nowhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from tests.backup_fakes import served
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world
from tests.residents import Resident


@pytest.fixture
async def deps(request: pytest.FixtureRequest, database_config: Config, clock: FakeClock) -> AsyncIterator[Deps]:
    """Return a world on each kind of database in turn, where nobody has an account; `SETTINGS` in the module are its configuration."""
    config = database_config.model_copy(update=getattr(request.module, "SETTINGS", None))
    opened = await open_world(config, clock, ScriptedTransport())
    yield opened
    await opened.db.close()


@pytest.fixture
def ann(deps: Deps) -> Resident:
    """Return somebody with a mailbox."""
    return Resident(deps)


@pytest.fixture
async def config(sqlite_config: Config) -> Config:
    """Return a configuration whose database a server has used."""
    return await served(sqlite_config)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return where the backup goes."""
    return tmp_path / "elsewhere.backup"
