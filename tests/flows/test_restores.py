"""Restores: whole or not at all, and never over the only copy of anything (SEC-79)."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.errors import Conflict, Fault
from tests.backup_fakes import SECRET, elsewhere, everything, make, names, restore


def test_what_is_replaced_is_kept(config: Config, target: Path) -> None:
    """The database of before, with what its log held, and another secret, each under a new name."""
    make(config, target)
    path = Path(config.database_path)
    before = everything(path)
    with closing(sqlite3.connect(path)) as late:
        late.execute("PRAGMA journal_mode=WAL")
        late.execute("INSERT INTO server_state VALUES ('late', 1, NULL)")
        late.commit()
        changed = everything(path)
    config.secret_key_file.write_text(SECRET[::-1])
    restored = restore(config, target, may_replace=True)
    assert [kept.name for kept in restored.kept] == ["before-20260101T000000Z-auth.db", "before-20260101T000000Z-secret_key"]
    assert everything(path) == before
    assert everything(restored.kept[0]) == changed
    assert config.secret_key_file.read_text().strip() == SECRET
    assert restored.kept[1].read_text() == SECRET[::-1]


def test_what_was_kept_is_not_overwritten(config: Config, target: Path) -> None:
    """Two restores of the same second keep two databases: who took the wrong backup first loses nothing."""
    make(config, target)
    path = Path(config.database_path)
    path.write_bytes(b"the only one" * 1000)
    first, second = (restore(config, target, may_replace=True).kept[0] for _ in range(2))
    assert (first.name, second.name) == ("before-20260101T000000Z-auth.db", "before-20260101T000000Z-2-auth.db")
    assert first.read_bytes().startswith(b"the only one")


def test_nothing_is_replaced_while_a_command_works_on_it(config: Config, target: Path) -> None:
    """Whatever has the database open would go on in the file that was set aside, and its work be lost without a word."""
    make(config, target)
    with closing(sqlite3.connect(config.database_path)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        with pytest.raises(Conflict, match="Another command"):
            restore(config, target, may_replace=True)
        other.execute("INSERT INTO server_state VALUES ('late', 1, NULL)")
        other.commit()
    assert "'late'" in "".join(everything(Path(config.database_path)))
    assert restore(config, target, may_replace=True).kept


def test_a_restore_that_fails_leaves_the_database_where_it_is(config: Config, target: Path) -> None:
    """Were it gone, the next start would begin anew with an empty one."""
    make(config, target)
    path = Path(config.database_path)
    before = everything(path)
    config.secret_key_file.unlink()
    config.secrets_folder.rmdir()
    config.secrets_folder.write_text("no folder")
    with pytest.raises(FileExistsError):
        restore(config, target, may_replace=True)
    assert everything(path) == before
    assert names(path.parent) == {"auth.db", "secrets", target.name}


def test_a_broken_database_can_be_replaced(config: Config, target: Path) -> None:
    """That is what backups are for; the broken one is kept for whoever wants to look."""
    make(config, target)
    path = Path(config.database_path)
    before = everything(path)
    path.write_bytes(b"not a database at all" * 100)
    restored = restore(config, target, may_replace=True)
    assert everything(path) == before
    assert restored.kept[0].read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("journal", ("WAL", "PERSIST"))
def test_the_log_of_a_lost_database_does_not_get_into_the_restored_one(config: Config, target: Path, journal: str) -> None:
    """A crash leaves a log behind; where its database was deleted, SQLite would play it into whatever takes the place (SEC-79)."""
    make(config, target)
    path = Path(config.database_path)
    before = everything(path)
    dead = "import os, sqlite3, sys; database = sqlite3.connect(sys.argv[1]); database.execute(f'PRAGMA journal_mode={sys.argv[2]}');"
    dead += "database.execute('PRAGMA cache_size=1'); database.execute('UPDATE server_state SET number = 7');"
    dead += "sys.argv[2] == 'WAL' and database.commit(); os._exit(0)"
    subprocess.run([sys.executable, "-c", dead, str(path), journal], check=True, timeout=30)
    path.unlink()
    with pytest.raises(Conflict, match="--replace"):
        restore(config, target)
    restored = restore(config, target, may_replace=True)
    assert everything(path) == before
    assert restored.kept[0].name == f"before-20260101T000000Z-auth.db-{'wal' if journal == 'WAL' else 'journal'}"


def test_a_configured_secret_is_not_copied(config: Config, target: Path, tmp_path: Path) -> None:
    """What an operator keeps elsewhere stays there; restoring needs it from there (SEC-71)."""
    configured = config.model_copy(update={"secret_key": [SecretStr(SECRET)]})
    make(configured, target)
    with pytest.raises(Fault, match="secret_key"):
        restore(elsewhere(config, tmp_path), target)
    other = elsewhere(configured, tmp_path)
    restore(other, target)
    assert Path(other.database_path).exists()
    assert not other.secret_key_file.exists()


def test_a_backup_of_a_newer_version_is_refused(config: Config, target: Path, tmp_path: Path) -> None:
    """Its schema is one that this program does not know."""
    with closing(sqlite3.connect(config.database_path)) as database, database:
        database.execute("INSERT INTO aerich (version, app, content) VALUES ('99_29991231235959_next.py', 'models', '{}')")
    make(config, target)
    with pytest.raises(Fault, match=r"newer.*99_29991231235959_next"):
        restore(elsewhere(config, tmp_path), target)
