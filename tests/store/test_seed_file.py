"""The file of the Rust server is read and stays as it is."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pwauth_server.errors import Fault
from pwauth_server.store import seed_file
from tests.authenticator import Authenticator
from tests.rust_server import RustServer


@pytest.fixture
def old(tmp_path: Path) -> RustServer:
    """Return a server with two people, one of whom used a link."""
    tmp_path.joinpath("old").mkdir()
    server = RustServer(tmp_path / "old" / "seed #1?.db")
    ann = server.by_link(server.user("ann@ex.com", secret="ABC"))
    server.with_passkey(ann, Authenticator())
    server.user("ben@ex.com")
    return server


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder, with the moment of its last change."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_reading_leaves_no_trace(old: RustServer) -> None:
    """No byte, no moment and no file beside it."""
    before = state(old.path.parent)
    found = seed_file.read(old.path)
    assert [row.email for row in found.users] == ["ann@ex.com", "ben@ex.com"]
    assert (set(found.proven), len(found.passkeys)) == ({found.users[0].id}, 1)
    others = {"magic_links": 1, "refresh_tokens": 1, "pending_webauthn": 0, "email_queue": 0, "audit_logs": 0, "system_config": 0}
    assert found.others == others
    assert state(old.path.parent) == before


def test_what_a_running_server_has_just_written_is_seen(old: RustServer) -> None:
    """It stands in the log beside the file, which belongs to the database."""
    with closing(sqlite3.connect(old.path)) as running:
        running.execute("INSERT INTO users VALUES ('x', 'carl@ex.com', NULL, 1)")
        running.commit()
        assert len(seed_file.read(old.path).users) == 3


def test_what_a_crash_left_half_written_is_not_taken_for_people(tmp_path: Path) -> None:
    """Only who may write can undo it: the operator is told, and starts that server once more."""
    path = tmp_path / "crashed.db"
    dies = "import os, sqlite3, sys; database = sqlite3.connect(sys.argv[1]); database.execute('PRAGMA cache_size=1');"
    dies += "database.execute('CREATE TABLE users (id, email, totp_secret, created_at)');"
    dies += "database.executemany('INSERT INTO users VALUES (?, ?, NULL, 1)', [(n, f'{n}@ex.com') for n in range(500)]); database.commit();"
    dies += "database.execute(\"UPDATE users SET email = 'half'\"); os._exit(0)"
    subprocess.run([sys.executable, "-c", dies, str(path)], check=True, timeout=30)
    with pytest.raises(Fault, match="cannot be read"):
        seed_file.read(path)


def test_a_table_of_any_name_does_not_hide_the_others(old: RustServer) -> None:
    """Whoever made it."""
    old.run('CREATE TABLE "it""s" (a)')
    assert seed_file.read(old.path).others['it"s'] == 0


def test_a_text_that_is_none_does_not_hide_the_others(old: RustServer) -> None:
    """Whatever somebody wrote into the file."""
    old.run("INSERT INTO users VALUES ('x', CAST(x'ff40' AS TEXT), NULL, 1)")
    assert len(seed_file.read(old.path).users) == 3


def test_a_database_without_passkeys_and_links_is_read(tmp_path: Path) -> None:
    """An early one has people only."""
    path = tmp_path / "early.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE users (id, email, totp_secret, created_at)")
    assert seed_file.read(path).others == {}


def test_other_files_are_refused(tmp_path: Path, sqlite_template: Path) -> None:
    """With a sentence that says which: nothing there, a folder, no database, another program's, our own."""
    tmp_path.joinpath("text").write_text("something else, long enough for a header of SQLite")
    with closing(sqlite3.connect(tmp_path / "other")) as database, database:
        database.execute("CREATE TABLE things (id)")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "text", tmp_path / "other", sqlite_template):
        with pytest.raises(Fault, match=str(path)):
            seed_file.read(path)
