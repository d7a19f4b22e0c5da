"""Backups of a SQLite database: one encrypted file that was read back before it got its name.

Everything here works on files and takes its time: for threads and the command line.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pwauth_server import __version__
from pwauth_server.adapters.entropy import Entropy
from pwauth_server.config import Config
from pwauth_server.errors import ConfigError, Conflict, Fault
from pwauth_server.flows import keys
from pwauth_server.rules import vault
from pwauth_server.rules.moments import read_rfc3339, rfc3339, stamp
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.rules.vault import VaultError
from pwauth_server.store import archive, files, migrate, presence, sqlite_copy
from pwauth_server.store.archive import Manifest
from pwauth_server.store.sqlite_copy import Watch


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and what it replaced."""

    manifest: Manifest
    #: Files that were there before, under the names they have now.
    kept: Sequence[Path]


def name_of(now: float) -> str:
    """Return the name of a backup that is made in a folder."""
    return f"pwauth-{stamp(now)}.backup"


def check(config: Config) -> None:
    """Raise ConfigError without a passphrase, Fault if there is no database that could be backed up."""
    _passphrase(config)
    _database(config)


def make(config: Config, target: Path, *, now: float, entropy: Entropy, watch: Watch) -> Manifest:
    """Write the backup of this moment to ``target``; servers go on working.

    Raises Conflict if the file exists, Fault if the database cannot be backed up or the backup not be
    read back, ConfigError without a passphrase, OSError if a disk fails. Nothing is left behind then.
    """
    passphrase, database = _passphrase(config), _database(config)
    with files.whole(target, entropy.random(4).hex()) as aside:
        with files.scratch(_beside(database, "copy")) as copy:
            sqlite_copy.copy(database, copy, watch)
            manifest = Manifest(
                created_at=rfc3339(now),
                version=__version__,
                tables=sqlite_copy.row_counts(copy),
                sha256=sqlite_copy.checksum(copy),
                size=copy.stat().st_size,
            )
            with aside.open("wb") as file:
                archive.pack(
                    file,
                    passphrase=passphrase,
                    salt=entropy.random(vault.SALT_BYTES),
                    manifest=manifest,
                    secret=_generated_secret(config),
                    database=copy,
                    watch=watch,
                )
        verify(config, aside, watch=watch)
        sqlite_copy.mark_backed_up(database, now)  # while it has no name yet: a backup of which the database does not know is none
    return manifest


def verify(config: Config, source: Path, *, watch: Watch) -> Manifest:
    """Restore a backup into a scratch file, and compare checksum, rows and secret; raise Fault with what is wrong."""
    _look_for(source)
    with files.scratch(_beside(Path(config.database_path), "check")) as database:
        return _unpacked(config, source, database, watch)[0]


def restore(config: Config, source: Path, *, now: float, may_replace: bool, watch: Watch) -> Restored:
    """Put a backup in place of the database, and the generated secret that it holds.

    Raises Conflict if a server or a command works on the database or something would be replaced; with ``may_replace`` that is kept
    under another name. Raises Fault if the backup is not whole. Nothing is changed then.
    """
    database = _database(config, must_exist=False)
    _look_for(source)
    with presence.vacated(database), files.scratch(_beside(database, "restoring")) as fresh:
        manifest, secret = _unpacked(config, source, fresh, watch)
        _check_that_we_know(fresh, manifest)
        sqlite_copy.mark_backed_up(fresh, read_rfc3339(manifest.created_at))
        present = _full(database, *_other_secret(config, secret)) or _full(*_companions(database))
        if present and not may_replace:
            raise Conflict(f"{' and '.join(map(str, present))} would be replaced; with --replace what is there is kept under another name.")
        # All that may fail comes first, while nothing has changed.
        _fold(database)
        key = files.prepare_private(config.secret_key_file, secret) if secret is not None and not config.secret_key else None
        # A log whose database is gone too: SQLite would play it into the new one, and bring back what was never in the backup.
        log = _full(*_companions(database))
        kept = _kept(_full(database, *_other_secret(config, secret)), log, stamp(now))
        # Killed in between, a server that starts refuses the wrong secret, or the lack of one; it never begins anew.
        files.put(fresh, database)
        if key is not None:
            files.put(key, config.secret_key_file)
    return Restored(manifest, kept)


def _look_for(source: Path) -> None:
    """Raise Fault if there is no such backup: before a folder for it is made where nobody wanted one."""
    if not source.is_file():
        raise Fault(f"There is no file {source}.")


def _unpacked(config: Config, source: Path, database: Path, watch: Watch) -> tuple[Manifest, bytes | None]:
    """Return what a backup holds, its database in ``database``, once all of it is proven."""
    try:
        with source.open("rb") as file:
            manifest, secret = archive.unpack(file, passphrase=_passphrase(config), database=database, watch=watch)
    except VaultError as cause:
        raise Fault(str(cause)) from cause
    watch("checking", 0, 1)
    if sqlite_copy.checksum(database) != manifest.sha256:
        raise Fault("The database of this backup is not the one that was copied: its checksum differs.")
    if damage := sqlite_copy.damage(database):
        raise Fault(f"The database of this backup is damaged: {damage}.")
    if wrong := sqlite_copy.differences(manifest.tables, sqlite_copy.row_counts(database)):
        raise Fault(f"The database of this backup has lost rows: {', '.join(wrong)}.")
    _check_secret(config, secret, sqlite_copy.key_check(database))
    return manifest, secret


def _check_secret(config: Config, secret: bytes | None, sealed: bytes | None) -> None:
    """Prove that what was sealed in the database can be opened with the secret that a server would use."""
    if sealed is None:
        return  # no server ever ran on it
    # What is no text is no secret of ours either, and opens nothing.
    texts = [key.get_secret_value() for key in config.secret_key] or ([] if secret is None else [secret.decode(errors="replace").strip()])
    if not texts:
        raise Fault("This backup was made while secret_key was set, and it is not set here: without it nothing sealed can be opened.")
    if not keys.opens(KeyRing(texts), sealed):
        raise Fault("The database of this backup was sealed under another secret_key than the one that would be used.")


def _check_that_we_know(database: Path, manifest: Manifest) -> None:
    if unknown := migrate.unknown_in(database):
        raise Fault(f"This backup was made by version {manifest.version}, which is newer ({unknown[-1]}); install that first.")


def _passphrase(config: Config) -> str:
    passphrase = config.backup_passphrase.get_secret_value()
    if not passphrase:
        raise ConfigError(["backup_passphrase: needed for backups; make one with: openssl rand -base64 48, and keep it elsewhere too"])
    return passphrase


def _database(config: Config, *, must_exist: bool = True) -> Path:
    if not config.is_sqlite:
        raise Fault("PostgreSQL is backed up and restored with its own tools, pg_dump and pg_restore; keep secret_key apart from the dump.")
    path = Path(config.database_path)
    if must_exist and not path.exists():
        raise Fault(f"There is no database at {path}.")
    return path


def _generated_secret(config: Config) -> bytes | None:
    """Return the generated secret; none if the configuration brings its own, which is not ours to copy."""
    path = config.secret_key_file
    return path.read_bytes() if not config.secret_key and path.exists() else None


def _other_secret(config: Config, secret: bytes | None) -> Sequence[Path]:
    """Return the file of the generated secret if the one in the backup is another."""
    path = config.secret_key_file
    is_other = secret is not None and not config.secret_key and path.exists() and path.read_bytes() != secret
    return [path] if is_other else []


def _beside(database: Path, word: str) -> Path:
    """Return a path on the disk of the database: as large, and as private."""
    return database.with_name(f".{database.name}.{word}")


def _fold(database: Path) -> None:
    """Bring the log of the present database home; a database that is too broken for that is moved with its log.

    Raises Conflict while another command has it open: what that one still writes would be lost without a word.
    """
    if database.exists():
        try:
            sqlite_copy.fold(database)
        except sqlite3.DatabaseError as cause:
            if cause.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise Conflict(f"Another command works on {database}; wait for its end.") from cause


def _companions(database: Path) -> Sequence[Path]:
    return [database.with_name(database.name + suffix) for suffix in files.COMPANIONS]


def _full(*paths: Path) -> Sequence[Path]:
    """Return those that are there and hold anything."""
    return [path for path in paths if path.exists() and path.stat().st_size]


def _kept(replaced: Sequence[Path], log: Sequence[Path], moment: str) -> Sequence[Path]:
    """Give files a second name that nobody takes for the present one; those of a log lose their first one."""
    number = 1
    while any(_as_kept(path, moment, number).exists() for path in (*replaced, *log)):
        number += 1
    for path in replaced:
        _link(path, _as_kept(path, moment, number))
    for path in log:
        path.rename(_as_kept(path, moment, number))
    return [_as_kept(path, moment, number) for path in (*replaced, *log)]


def _as_kept(path: Path, moment: str, number: int) -> Path:
    return path.with_name(f"before-{moment}-{path.name}" if number == 1 else f"before-{moment}-{number}-{path.name}")


def _link(path: Path, kept: Path) -> None:
    """Name a file twice, so that whatever happens one with its first name is there."""
    try:
        kept.hardlink_to(path)
    except OSError:  # some disks know only one name
        path.rename(kept)
