"""Files that only their owner reads, and that are either there whole or not at all (SEC-72)."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pwauth_server.errors import Conflict

#: What SQLite keeps beside a database.
COMPANIONS = ("-wal", "-shm", "-journal")


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read and write; leave an existing one alone.

    SQLite gives its log files the mode of the database.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        return
    os.fchmod(descriptor, 0o600)  # the umask may have taken away too much
    os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, over whatever has its name; its folder is made if it is missing (0700)."""
    put(prepare_private(path, content), path)


def prepare_private(path: Path, content: bytes) -> Path:
    """Write aside what is to be `put` at ``path``; return where it lies until then."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    create_private(aside)
    aside.write_bytes(content)
    return aside


def put(aside: Path, path: Path) -> None:
    """Give a file that was written aside its name, so that after a power cut it is there whole or not at all."""
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    aside.replace(path)
    sync_folder(path.parent)


@contextmanager
def whole(path: Path, mark: str) -> Iterator[Path]:
    """Yield an empty private file beside ``path`` that gets this name at the end; nothing stays of one that fails.

    Raises Conflict if the name is taken, OSError if nothing can be written there; ``mark`` keeps two attempts apart.
    """
    if path.exists():
        raise Conflict(f"{path} exists; name another file.")
    aside = path.with_name(f".{path.name}.{mark}")
    try:
        create_private(aside)
    except OSError as cause:
        cause.filename = str(path)  # the one that somebody named
        raise
    try:
        yield aside
        put(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield an empty private file at ``path`` and remove it afterwards, unless it was renamed meanwhile.

    One process at a time: raises Conflict while another one uses the same path. What a killed process
    left there is overwritten; a link is not followed, since its target would be.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise Conflict("Another backup or restore of this database is at work.") from cause
        if not _is_still(descriptor, path):  # its last user has just removed it
            raise Conflict("Another backup or restore of this database was at work; try again.")
        os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)
        os.ftruncate(descriptor, 0)
        _remove_companions(path)
        try:
            yield path
        finally:
            _remove_companions(path)
            if _is_still(descriptor, path):
                path.unlink()
    finally:
        os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove_companions(path: Path) -> None:
    for companion in COMPANIONS:
        path.with_name(path.name + companion).unlink(missing_ok=True)
