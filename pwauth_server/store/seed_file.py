"""The SQLite file of the Rust server, read and never written; for the command line, not for the event loop."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from pwauth_server.errors import Fault
from pwauth_server.rules.seed import Contents, PasskeyRow, UserRow
from pwauth_server.store.sqlite_copy import TABLES

_USERS, _PASSKEYS, _LINKS = "users", "webauthn_registrations", "magic_links"
#: Patience with a server that writes, in seconds.
_PATIENCE = 10.0


def read(path: Path) -> Contents:
    """Return what the file holds at one moment; raise Fault if it is no database of that server."""
    if not path.is_file():
        raise Fault(f"There is no file {path}.")
    try:
        with closing(sqlite3.connect(_address(path), uri=True, timeout=_PATIENCE, isolation_level=None)) as database:
            database.text_factory = lambda raw: raw.decode(errors="replace")  # one broken row must not hide the others
            database.execute("BEGIN")
            return _contents(database, path)
    except sqlite3.DatabaseError as cause:
        raise Fault(f"{path} cannot be read as a database of the Rust server: {cause}.") from cause


def _address(path: Path) -> str:
    """Return the file as an address that can only be read.

    Without a log nobody has it open, and SQLite is told so: else it would put files beside it, even for reading. With one
    it must not be told so: it would read what a crash left half written.
    """
    is_at_rest = not any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal"))
    return f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if is_at_rest else "")


def _contents(database: sqlite3.Connection, path: Path) -> Contents:
    tables = [name for (name,) in database.execute(TABLES)]
    if _USERS not in tables or not set(UserRow._fields) <= set(_columns(database, _USERS)):
        raise Fault(f"{path} is no database of the Rust server: it has no table users with {', '.join(UserRow._fields)}.")
    users = [UserRow(*row) for row in database.execute(f"SELECT {', '.join(UserRow._fields)} FROM users")]
    keys = database.execute(f"SELECT {', '.join(PasskeyRow._fields)} FROM {_PASSKEYS}") if _PASSKEYS in tables else ()
    used = database.execute(f"SELECT DISTINCT user_id FROM {_LINKS} WHERE used = 1") if _LINKS in tables else ()
    return Contents(
        users=users,
        passkeys=[PasskeyRow(*row) for row in keys],
        proven=frozenset(user_id for (user_id,) in used),
        others={
            name: database.execute("SELECT count(*) FROM " + _quoted(name)).fetchone()[0]
            for name in tables
            if name not in {_USERS, _PASSKEYS}
        },
    )


def _columns(database: sqlite3.Connection, table: str) -> Sequence[str]:
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
