"""Backups: whole or not at all, proven before they count, never over something else (SEC-79)."""

import os
import re
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.errors import ConfigError, Conflict, Fault
from pwauth_server.flows import backups
from pwauth_server.store import sqlite_copy
from tests.backup_fakes import PASSPHRASE, SECRET, after, elsewhere, everything, make, names, quiet, restore
from tests.fakes import NEW_YEAR, FakeEntropy

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "backup-format.md"


def backed_up_at(config: Config) -> list[tuple[int]]:
    """Return when a database was last backed up, as it knows itself."""
    with closing(sqlite3.connect(config.database_path)) as database:
        return database.execute("SELECT number FROM server_state WHERE name = 'backup'").fetchall()


def test_a_new_host_needs_the_file_and_the_passphrase(config: Config, target: Path, tmp_path: Path) -> None:
    """Database and generated secret come back as they were, private to their owner (SEC-72)."""
    before = everything(Path(config.database_path))
    manifest = make(config, target)
    other = elsewhere(config, tmp_path)
    umask = os.umask(0)
    try:
        restored = restore(other, target)
    finally:
        os.umask(umask)
    assert restored == backups.Restored(manifest, [])
    assert everything(Path(other.database_path)) == before
    assert other.secret_key_file.read_text().strip() == SECRET
    assert backed_up_at(other) == [(int(NEW_YEAR),)]
    folder = Path(other.database_path).parent
    assert names(folder) == {"auth.db", "secrets"}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_a_backup_shows_nothing(config: Config, target: Path) -> None:
    """Neither rows nor the secret nor names of tables; the file is private and the only one that stays (SEC-79)."""
    make(config, target)
    content = target.read_bytes()
    assert not [word for word in (b"server_state", SECRET.encode(), b"row 1", b"SQLite", b"manifest") if word in content]
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(target.parent) == {"auth.db", "secrets", target.name}


def test_the_documentation_is_enough_to_read_one(config: Config, target: Path) -> None:
    """The program in it turns a backup into a tar archive with everything, without any code of ours (SEC-79)."""
    make(config, target)
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    environment = {"PASSPHRASE": PASSPHRASE}
    subprocess.run([sys.executable, "-c", program, str(target)], env=environment, check=True, timeout=30)
    with tarfile.open(f"{target}.tar.gz") as archive:
        assert archive.getnames() == ["manifest.json", "secret_key", "auth.db"]
        secret = archive.extractfile("secret_key")
        assert secret is not None
        assert secret.read().decode().strip() == SECRET


def test_the_database_remembers_when_it_was_backed_up(config: Config, target: Path) -> None:
    """Metrics and doctor read it there, however the backup was made."""
    make(config, target)
    assert backed_up_at(config) == [(int(NEW_YEAR),)]


def test_nothing_is_overwritten(config: Config, target: Path) -> None:
    """Neither an older backup nor a database, and the refusal changes nothing."""
    make(config, target)
    content, before = target.read_bytes(), everything(Path(config.database_path))
    with pytest.raises(Conflict, match="exists"):
        make(config, target)
    with pytest.raises(Conflict, match="--replace"):
        restore(config, target)
    assert (target.read_bytes(), everything(Path(config.database_path))) == (content, before)
    assert names(target.parent) == {"auth.db", "secrets", target.name}


@pytest.mark.parametrize("keep", (0, 40, 70_000, -1))
def test_half_a_backup_is_refused(config: Config, target: Path, keep: int, tmp_path: Path) -> None:
    """A copy that was cut off, wherever, restores nothing and says so."""
    make(config, target)
    assert target.stat().st_size > 140_000
    target.write_bytes(target.read_bytes()[:keep])
    other = elsewhere(config, tmp_path)
    with pytest.raises(Fault, match="backup"):
        restore(other, target)
    with pytest.raises(Fault, match="backup"):
        backups.verify(config, target, watch=quiet)
    assert not Path(other.database_path).exists()


def test_a_passphrase_is_needed_and_must_be_the_one(config: Config, target: Path) -> None:
    """Without one nothing is written, with another nothing is read."""
    with pytest.raises(ConfigError, match="backup_passphrase"):
        make(config.model_copy(update={"backup_passphrase": SecretStr("")}), target)
    assert not target.exists()
    make(config, target)
    with pytest.raises(Fault, match="another passphrase"):
        backups.verify(config.model_copy(update={"backup_passphrase": SecretStr(PASSPHRASE[::-1])}), target, watch=quiet)


def test_a_backup_that_no_secret_opens_is_no_backup(config: Config, target: Path, tmp_path: Path) -> None:
    """A generated secret that is not the database's is found when the backup is made, not when it is needed (SEC-71)."""
    for content in (SECRET[::-1].encode(), b"", b"\xff\xfe no text"):
        config.secret_key_file.write_bytes(content)
        with pytest.raises(Fault, match="another secret_key"):
            make(config, target)
        assert not target.exists()
    config.secret_key_file.write_text(SECRET)
    make(config, target)
    with pytest.raises(Fault, match="another secret_key"):
        restore(elsewhere(config, tmp_path).model_copy(update={"secret_key": [SecretStr(SECRET[::-1])]}), target)


def test_a_backup_that_is_broken_off_leaves_nothing(config: Config, target: Path) -> None:
    """Whenever that happens: while copying, packing, or reading back."""

    def stop() -> None:
        raise KeyboardInterrupt

    for steps in (1, 2, 5, 8):
        with pytest.raises(KeyboardInterrupt):
            backups.make(config, target, now=NEW_YEAR, entropy=FakeEntropy(), watch=after(steps, stop))
        assert names(target.parent) == {"auth.db", "secrets"}


def test_no_scratch_file_is_written_through_a_link(config: Config, target: Path, tmp_path: Path) -> None:
    """Where others may write in the folder, a link could have us put the plain database over any file of ours (SEC-72)."""
    make(config, target)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for word in ("check", "copy", "restoring"):
        Path(config.database_path).with_name(f".auth.db.{word}").symlink_to(victim)
    attempts = (lambda: backups.verify(config, target, watch=quiet), lambda: make(config, tmp_path / "x"), lambda: restore(config, target))
    for attempt in attempts:
        with pytest.raises(OSError, match="symbolic links"):
            attempt()
    assert victim.read_text() == "mine"


def test_a_database_that_cannot_remember_its_backup_gets_none(config: Config, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that says that it failed leaves no file that a script would take for a backup, or for one in the way."""
    monkeypatch.setattr(sqlite_copy, "_PATIENCE", 0.1)
    with closing(sqlite3.connect(config.database_path)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            make(config, target)
    assert names(target.parent) == {"auth.db", "secrets"}


def test_only_one_is_made_at_a_time(config: Config, target: Path) -> None:
    """Two would need the disk twice, and the second one is told."""
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(Conflict) as conflict:
            make(config, target.with_name("second.backup"))
        refused.append(conflict.value.detail)

    backups.make(config, target, now=NEW_YEAR, entropy=FakeEntropy(), watch=after(1, meanwhile))
    assert refused
    assert target.exists()


def test_postgresql_has_its_own_tools(config: Config, target: Path) -> None:
    """Whoever tries is told which."""
    postgres = config.model_copy(update={"database_url": SecretStr("postgres://u@127.0.0.1/x")})
    with pytest.raises(Fault, match="pg_dump"):
        make(postgres, target)
    with pytest.raises(Fault, match="pg_restore"):
        restore(postgres, target)
