"""From SQLite to PostgreSQL and back: nothing is lost, nothing is mixed, people stay signed in."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from pwauth_server.config import Config
from pwauth_server.errors import Conflict, Fault
from pwauth_server.flows import api_keys, moving
from pwauth_server.store import sessions, users
from pwauth_server.store.transaction import Tx
from pwauth_server.wiring import make_deps
from tests.backup_fakes import everything, quiet
from tests.conftest import needs_postgres
from tests.fakes import NEW_YEAR, FakeClock, FakeEntropy
from tests.store import rows

pytestmark = needs_postgres


@pytest.fixture
async def filled(sqlite_config: Config, clock: FakeClock) -> Config:
    """Return a SQLite database with a row in many tables, and more people than a batch."""
    deps = await make_deps(sqlite_config, clock=clock, entropy=FakeEntropy())
    ann = uuid4()

    async def work(tx: Tx) -> None:
        await users.find_or_create(tx, user_id=ann, email="ann@ex.com", now=NEW_YEAR)
        await sessions.create(tx, rows.session(ann))
        await tx.record(rows.HAPPENED)

    await deps.db.unit(work)
    await api_keys.create(deps, name="tool", scopes=["introspect"], expires_at=None)
    await deps.db.close()
    with closing(sqlite3.connect(sqlite_config.database_path)) as database, database:
        people = [(rows.row_id(number).bytes, f"person{number}@ex.com") for number in range(6000)]
        database.executemany("INSERT INTO users (id, email, name, roles, created_at) VALUES (?, ?, '', '', 1.5)", people)
    return sqlite_config


@pytest.fixture
async def empty_postgres(postgres_config: Config) -> str:
    """Return the URL of a PostgreSQL database that was migrated and holds nothing."""
    return postgres_config.database_url.get_secret_value()


async def test_everything_survives_the_way_there_and_back(filled: Config, empty_postgres: str, tmp_path: Path) -> None:
    """Every row of every table is the same, the generated secret comes along, and the server opens both."""
    there = moving.target_of(filled, f"{empty_postgres}?sslmode=disable")
    counts = await moving.copy(filled, there, quiet)
    assert (counts["users"], counts["sessions"], counts["api_keys"], counts["signing_keys"]) == (6001, 1, 1, 2)
    back = moving.target_of(there, f"sqlite:///{tmp_path}/back/auth.db")
    assert await moving.copy(there, back, quiet) == counts
    assert body(Path(back.database_path)) == body(Path(filled.database_path))
    for config in (there, back):
        deps = await make_deps(config, clock=FakeClock(), entropy=FakeEntropy())
        try:
            assert await sessions.find(deps.db.reads, rows.row_id(1)) is not None
            # Keys that the database counts go on after those that were copied.
            await deps.db.unit(lambda tx: tx.record(rows.HAPPENED))
        finally:
            await deps.db.close()


async def test_a_target_that_holds_anything_is_refused(filled: Config, empty_postgres: str) -> None:
    """Two installations are never mixed, and the refused one is as it was."""
    connection = await asyncpg.connect(empty_postgres)
    await connection.execute("INSERT INTO server_state (name, number) VALUES ('x', 1)")
    with pytest.raises(Conflict, match="server_state"):
        await moving.copy(filled, moving.target_of(filled, empty_postgres), quiet)
    assert await connection.fetchval("SELECT count(*) FROM users") == 0
    await connection.close()


async def test_another_secret_at_the_target_is_refused(filled: Config, empty_postgres: str, tmp_path: Path) -> None:
    """Before anything is copied: the new server would open nothing and refuse to start (SEC-71)."""
    there = moving.target_of(filled, empty_postgres)
    await moving.copy(filled, there, quiet)
    back = moving.target_of(there, f"sqlite:///{tmp_path}/back/auth.db")
    back.secrets_folder.mkdir(parents=True)
    back.secret_key_file.write_text("another")
    with pytest.raises(Conflict, match="holds another secret"):
        await moving.copy(there, back, quiet)
    assert not Path(back.database_path).exists()
    back.secret_key_file.unlink()
    await moving.copy(there, back, quiet)
    assert back.secret_key_file.read_bytes() == filled.secret_key_file.read_bytes()


async def test_a_copy_that_fails_leaves_the_target_empty(filled: Config, empty_postgres: str) -> None:
    """So that it can be tried again at once."""
    with closing(sqlite3.connect(filled.database_path)) as database, database:
        database.execute("UPDATE api_keys SET name = ?", ("x" * 200,))
    target = moving.target_of(filled, empty_postgres)
    with pytest.raises(asyncpg.PostgresError):
        await moving.copy(filled, target, quiet)
    with closing(sqlite3.connect(filled.database_path)) as database, database:
        database.execute("UPDATE api_keys SET name = 'short'")
    assert (await moving.copy(filled, target, quiet))["users"] == 6001


async def test_an_old_schema_is_refused(filled: Config, empty_postgres: str) -> None:
    """Its columns may not be those of the target."""
    with closing(sqlite3.connect(filled.database_path)) as database, database:
        database.execute("DELETE FROM aerich WHERE id = (SELECT max(id) FROM aerich)")
    with pytest.raises(Conflict, match="pwauth migrate"):
        await moving.copy(filled, moving.target_of(filled, empty_postgres), quiet)


@pytest.mark.parametrize("url", ("mysql://x", "sqlite://", "auth.db", "sqlite:///other.db"))
def test_only_the_other_kind_of_database_is_a_target(sqlite_config: Config, url: str) -> None:
    """For the same kind there are better tools, and the refusal names them."""
    with pytest.raises(Fault):
        moving.target_of(sqlite_config, url)


def body(path: Path) -> list[str]:
    """Return all rows but the migrations' own, without their order."""
    return sorted(line for line in everything(path) if line.startswith("INSERT") and "aerich" not in line)
