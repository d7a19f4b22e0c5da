"""Who is at work on a SQLite file: any number of servers, or one restore (locks of the kernel, gone with their process)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pwauth_server.errors import Conflict
from pwauth_server.store.files import create_private

#: Bytes of the lock file: the first server holds the first alone; all servers share the second.
_FIRST, _PRESENT = 0, 1


def occupy(database: Path) -> bool:
    """Mark the file as served by this process until it ends; tell whether it is the first one to do so.

    Waits for a restore that is at work. Alone, letters that a dead predecessor held are sent again at
    once instead of after their lease.
    """
    descriptor = _open(database)  # never closed: the locks live as long as the process
    fcntl.lockf(descriptor, fcntl.LOCK_SH, 1, _PRESENT)
    return _is_ours(descriptor, _FIRST)


@contextmanager
def vacated(database: Path) -> Iterator[None]:
    """Keep servers and migrations off the file; raise Conflict if a server runs on it."""
    migrating = database.with_name(database.name + ".lock")  # the lock of `store.migrate`
    descriptor = _open(database)
    try:
        if not _is_ours(descriptor, _PRESENT):
            raise Conflict(f"A server runs on {database}; stop it first.")
        create_private(migrating)
        with migrating.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
    finally:
        os.close(descriptor)


def _open(database: Path) -> int:
    path = database.with_name(f"{database.name}.server.lock")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _is_ours(descriptor: int, byte: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError:
        return False
    return True
