"""Migrations: from nothing to the schema of the models, whole or not at all, one process at a time."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from aerich.migrate import Migrate
from aerich.utils import get_models_describe
from tortoise.context import TortoiseContext

from pwauth_server import config as configuration
from pwauth_server.config import Config
from pwauth_server.errors import ConfigError
from pwauth_server.store import users
from pwauth_server.store.connect import MODELS, connect, tortoise_config
from pwauth_server.store.migrate import FOLDER, migrate, pending
from pwauth_server.store.sqlite_migrations import _statements

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
FIRST = "0_20261123000000_init.py"
ALL = [
    FIRST,
    "1_20261125000000_factors.py",
    "2_20261125010000_invites.py",
    "3_20261125020000_approvals.py",
    "4_20261129000000_disowned_codes.py",
    "5_20261129010000_imported.py",
    "6_20261129170000_event_outbox.py",
    "7_20261130030000_unproven.py",
]
Environment = dict[str, str]


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Environment]:
    """Name a database that holds nothing, as the environment of a server would."""
    if request.param == "sqlite":
        yield {"PWAUTH_DATABASE_PATH": str(tmp_path / "data" / "auth.db")}
        return
    if not POSTGRES:
        pytest.skip("needs PostgreSQL: set TEST_POSTGRES_URL to the URL of a server where databases may be made")
    name = f"migrations_{uuid4().hex}"
    server = await asyncpg.connect(POSTGRES)
    await server.execute(f"CREATE DATABASE {name}")
    yield {"PWAUTH_DATABASE_URL": urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()}
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
def empty(place: Environment) -> Config:
    """Return a configuration that names a database that holds nothing."""
    return configuration.load(None, place)


@pytest.fixture
def fresh(tmp_path: Path) -> Config:
    """Return a configuration that names a SQLite file that does not exist."""
    return Config(database_path=str(tmp_path / "data" / "auth.db"))


async def test_migrations_make_the_schema_of_the_models(empty: Config) -> None:
    """Tables, columns, keys and indexes are those that Tortoise would make itself, so no model change lacks a migration."""
    assert await migrate(empty) == ALL
    migrated = await schema(empty)
    await wipe(empty)
    await generate(empty)
    assert migrated == await schema(empty)


async def test_the_last_migration_knows_the_models(fresh: Config) -> None:
    """The state that the next `aerich migrate` compares with is that of the models as they are."""
    with TortoiseContext() as context:
        await context.init(config=with_aerich(fresh))
        now = get_models_describe("models")
        Migrate.app, Migrate.migrate_location = "models", FOLDER / "models"
        last = Migrate.get_migration_info_for_file(Migrate.get_all_version_modules()[-1]).models_state
    assert facts(last) == facts(json.loads(json.dumps(now)))


async def test_a_second_migration_finds_nothing_to_do(empty: Config) -> None:
    """Starting again applies nothing and changes nothing."""
    await migrate(empty)
    before = await schema(empty)
    assert await migrate(empty) == []
    assert await schema(empty) == before


async def test_the_server_opens_what_was_migrated(empty: Config) -> None:
    """A process may migrate and then serve: neither set-up of Tortoise disturbs the other."""
    await migrate(empty)
    database = await connect(empty, listener=lambda _: None, timing=lambda _name, _seconds: None)
    user_id = uuid4()
    try:
        user, created = await database.unit(lambda tx: users.find_or_create(tx, user_id=user_id, email="ann@example.com", now=1.0))
        assert created
        assert await users.find(database.reads, user_id) == user
    finally:
        await database.close()


async def test_a_failing_migration_leaves_nothing_behind(empty: Config, tmp_path: Path) -> None:
    """The first statement of a migration is undone when its second fails; the next try begins where this one did."""
    await migrate(empty)
    before = await schema(empty)
    folder = with_migration(tmp_path, "CREATE TABLE half (id INT);\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(Exception, match="nowhere"):
        await migrate(empty, folder)
    assert await schema(empty) == before
    assert await migrate(empty, with_migration(tmp_path, "CREATE TABLE whole (id INT);")) == ["6_29991231235959_next.py"]
    assert "whole" in await schema(empty)


async def test_processes_that_migrate_at_once_take_turns(place: Environment) -> None:
    """Of four servers that start together one migrates; the others wait for it and start."""
    program = (
        "import asyncio; from pwauth_server import config; from pwauth_server.store.migrate import migrate;"
        "print(*asyncio.run(migrate(config.load(None))))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=plain_environment() | place, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * 4, answers
    assert sorted(out.decode().strip() for out, _ in answers) == ["", "", "", " ".join(ALL)]


async def test_files_are_private_whatever_the_umask(fresh: Config) -> None:
    """Database, its logs and the lock are readable by their owner alone (SEC-79)."""
    umask = os.umask(0)
    try:
        await migrate(fresh)
        folder = Path(fresh.database_path).parent
        with closing(sqlite3.connect(fresh.database_path)) as database:
            database.execute("INSERT INTO server_state VALUES ('x', 0, NULL)")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(umask)
    assert modes == dict.fromkeys(("auth.db", "auth.db-shm", "auth.db-wal", "auth.db.lock"), 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_the_file_of_another_program_is_refused(fresh: Config) -> None:
    """A database that we did not make is neither migrated nor changed, and the operator is told."""
    path = Path(fresh.database_path)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE users (id TEXT)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another program"):
        await migrate(fresh)
    assert path.read_bytes() == before


async def test_pending_names_what_is_missing(fresh: Config, tmp_path: Path) -> None:
    """Before the first start everything is missing, afterwards nothing, after an update what it brought."""
    assert pending(fresh) == ALL
    assert not Path(fresh.database_path).exists()
    await migrate(fresh)
    assert pending(fresh) == []
    assert pending(fresh, with_migration(tmp_path, "")) == ["6_29991231235959_next.py"]


async def test_a_start_with_nothing_to_do_never_loads_aerich(fresh: Config) -> None:
    """Only a start that migrates pays for loading the migrator."""
    await migrate(fresh)
    program = (
        "import asyncio, sys; from pwauth_server import config; from pwauth_server.store.migrate import migrate;"
        "asyncio.run(migrate(config.load(None))); print('aerich' in sys.modules)"
    )
    environment = plain_environment() | {"PWAUTH_DATABASE_PATH": fresh.database_path}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"


def test_a_script_is_cut_where_statements_end() -> None:
    """Neither a quoted semicolon nor the body of a trigger ends a statement."""
    insert = "INSERT INTO a VALUES (';\n');\n"
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\nEND;\n"
    assert list(_statements(insert + trigger + "DROP TABLE a")) == [insert, trigger, "DROP TABLE a"]
    assert list(_statements(" \n")) == []


def plain_environment() -> Environment:
    """Return our environment without settings; the variable of these tests is none, and an unknown one stops a server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PWAUTH_")}


def with_migration(tmp_path: Path, script: str) -> Path:
    """Return a copy of our migrations with one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    text = f"MODELS_STATE = ''\nasync def upgrade(db):\n    return {script!r}\nasync def downgrade(db):\n    return ''\n"
    (folder / "models" / "6_29991231235959_next.py").write_text(text)
    return folder


def with_aerich(config: Config) -> dict[str, Any]:
    """Return the configuration of Tortoise that migrations use."""
    settings = tortoise_config(config, engine="tortoise.backends.sqlite")
    settings["apps"]["models"]["models"] = [*MODELS, "aerich.models"]
    return settings


async def generate(config: Config) -> None:
    """Make the schema that Tortoise derives from the models."""
    with TortoiseContext() as context:
        await context.init(config=with_aerich(config), _create_db=False)
        await context.generate_schemas(safe=False)
        await context.close_connections()


async def wipe(config: Config) -> None:
    """Empty a database."""
    if config.is_sqlite:
        for path in Path(config.database_path).parent.iterdir():
            path.unlink()
        return
    connection = await asyncpg.connect(config.database_url.get_secret_value())
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


async def schema(config: Config) -> dict[str, Any]:
    """Return every table with its columns, keys and indexes, in a form that compares."""
    if config.is_sqlite:
        with closing(sqlite3.connect(config.database_path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: _sqlite_table(database, name) for name in names}
    connection = await asyncpg.connect(config.database_url.get_secret_value())
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY column_name"
        )
        indexes = await connection.fetch("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 2")
        keys = await connection.fetch(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        )
    finally:
        await connection.close()
    tables: dict[str, Any] = {}
    for name, *rest in (tuple(row) for row in (*columns, *indexes, *keys)):
        tables.setdefault(name, []).append(rest)
    return tables


def _sqlite_table(database: sqlite3.Connection, table: str) -> Any:
    indexes = {
        (name, unique, origin, partial, tuple(column for *_, column in database.execute(f"PRAGMA index_info({name})")))
        for _, name, unique, origin, partial in database.execute(f"PRAGMA index_list({table})")
    }
    # By name: a column that a migration adds comes last, one that a model declares wherever it stands.
    columns = sorted(column[1:] for column in database.execute(f"PRAGMA table_info({table})"))
    return columns, indexes, database.execute(f"PRAGMA foreign_key_list({table})").fetchall()


def facts(state: Any) -> Any:
    """Drop prose: rewording a docstring needs no migration."""
    if isinstance(state, dict):
        return {key: facts(value) for key, value in state.items() if key not in {"description", "docstring"}}
    return [facts(item) for item in state] if isinstance(state, list) else state
