"""From the first schema to the newest with a hundred thousand people: every row stays."""

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from pwauth_server.config import Config
from pwauth_server.flows.moving import target_of
from pwauth_server.rules.ids import uuid7
from pwauth_server.store import sqlite_copy, transfer
from pwauth_server.store.migrate import FOLDER, migrate
from tests.backup_fakes import quiet
from tests.conftest import POSTGRES, needs_postgres
from tests.fakes import NEW_YEAR

PEOPLE = 100_000
#: Seconds that an operator may have to wait for, on a slow machine.
PATIENCE = 60.0

USERS = "INSERT INTO users (id, email, name, roles, created_at) VALUES (?, ?, '', '', ?)"
SESSIONS = f"""INSERT INTO sessions (id, generation, created_at, auth_time, amr, acr, ip, browser, last_used_at, rotated_at,
    expires_at, absolute_expires_at, user_id) VALUES (?, 3, {NEW_YEAR}, {NEW_YEAR}, 'email', 'email', '203.0.113.9', 'Firefox',
    {NEW_YEAR}, {NEW_YEAR}, {NEW_YEAR + 1e6}, {NEW_YEAR + 2e6}, ?)"""
AUDIT = """INSERT INTO audit_log (at, event, user_id, ip, browser, request_id, method, reason, facts)
    VALUES (?, 'user.created', ?, '203.0.113.9', 'Firefox', '', '', 'none', '{}')"""
OTHERS = f"""
INSERT INTO magic_links (id, purpose, email, token_hash, code_mac, tries, ip, browser, created_at, expires_at)
    VALUES (x'00000000000000000000000000000001', 'login', 'a@ex.com', x'01', x'02', 0, '', '', {NEW_YEAR}, {NEW_YEAR});
INSERT INTO signing_keys VALUES ('kid', 'ES256', x'00', {NEW_YEAR}, NULL, NULL);
INSERT INTO api_keys VALUES (x'00000000000000000000000000000001', 'tool', 'introspect', x'00', {NEW_YEAR}, NULL, NULL);
INSERT INTO email_queue VALUES (x'00000000000000000000000000000001', 'test', 'a@ex.com', '<1@ex.com>', x'00', 'pending', 0,
    {NEW_YEAR}, NULL, {NEW_YEAR}, {NEW_YEAR}, NULL, NULL, NULL, NULL);
INSERT INTO server_state VALUES ('epoch', 7, NULL);
"""


def first_release(folder: Path) -> Path:
    """Return the migrations as the first release had them: only the first one."""
    shutil.copytree(FOLDER, folder)
    for path in (folder / "models").glob("[1-9]*.py"):
        path.unlink()
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the first release that many people used."""
    folder = tmp_path_factory.mktemp("old")
    path = folder / "auth.db"
    asyncio.run(migrate(Config(database_path=str(path)), first_release(folder / "migrations")))
    ids = [uuid7(NEW_YEAR, number.to_bytes(10, "big")).bytes for number in range(PEOPLE)]
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(USERS, [(it, f"person{number}@ex.com", NEW_YEAR) for number, it in enumerate(ids)])
        database.executemany(SESSIONS, [(it, it) for it in ids])
        database.executemany(AUDIT, [(NEW_YEAR, it) for it in ids])
        database.executescript(OTHERS)
    return path


def test_an_upgrade_of_sqlite_keeps_every_row(old: Path, tmp_path: Path) -> None:
    """Each table has the rows it had, each session its person, and the wait is short."""
    path = tmp_path / "auth.db"
    shutil.copy(old, path)
    before = sqlite_copy.row_counts(path)
    assert (before["users"], before["sessions"], before["audit_log"]) == (PEOPLE,) * 3
    began = time.perf_counter()
    applied = asyncio.run(migrate(Config(database_path=str(path))))
    assert time.perf_counter() - began < PATIENCE
    assert applied == sorted(name.name for name in (FOLDER / "models").glob("[1-9]*_*.py"))
    after = sqlite_copy.row_counts(path)
    assert {name: after[name] for name in before} | {"aerich": 0} == before | {"aerich": 0}
    assert sqlite_copy.damage(path) == ""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id").fetchone() == (PEOPLE,)


@needs_postgres
async def test_an_upgrade_of_postgresql_keeps_every_row(old: Path, tmp_path: Path) -> None:
    """The same on the other database."""
    server = await asyncpg.connect(POSTGRES)
    name = f"upgrade_{UUID(int=time.time_ns()).hex}"
    await server.execute(f"CREATE DATABASE {name}")
    try:
        config = target_of(Config(database_path=str(old)), f"{POSTGRES.rpartition('/')[0]}/{name}")
        await migrate(config, first_release(tmp_path / "migrations"))
        before, _ = await transfer.to_postgres(old, config, quiet)
        assert before["users"] == PEOPLE
        await migrate(config)
        after = await transfer.rows_in(config)
        assert {table: after[table] for table in before} == before
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
