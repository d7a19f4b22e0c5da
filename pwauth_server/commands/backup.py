"""``pwauth backup`` and ``pwauth restore``."""

from pathlib import Path

import click

from pwauth_server.adapters.clock import SystemClock
from pwauth_server.adapters.entropy import SystemEntropy
from pwauth_server.commands.common import DefaultGroup, UnnamedCommand, command, config_option, load, progress
from pwauth_server.flows import backups
from pwauth_server.store.archive import Manifest

_path = click.argument("path", type=click.Path(path_type=Path))


@click.group(cls=DefaultGroup, default="make", subcommand_metavar="PATH | verify PATH")
def backup() -> None:
    """Back up the SQLite database: `pwauth backup PATH`.

    PATH/ is a folder that must be there, PATH a folder if there is one and else a new file, with a slash or a dot in its
    name. The file, compressed and encrypted with backup_passphrase, holds the database and the generated secret_key. It is
    read back and checked before it gets its name. Servers go on working.
    """


@backup.command("make", cls=UnnamedCommand, hidden=True)
@click.argument("path")
@config_option
@command
def make_backup(path: str, config_path: Path | None) -> None:
    """Write a backup to PATH, or into it if it is a folder."""
    config, now = load(config_path), SystemClock().now()
    backups.check(config)
    target = Path(path) / backups.name_of(now) if Path(path).is_dir() else _new_file(path)
    with progress() as watch:
        manifest = backups.make(config, target, now=now, entropy=SystemEntropy(), watch=watch)
    click.echo(f"{target}: {_in_words(manifest)}")


@backup.command("verify")
@_path
@config_option
@command
def verify_backup(path: Path, config_path: Path | None) -> None:
    """Restore a backup into a scratch file and check it.

    Checksum, integrity, the rows of each table and the secret_key are compared; nothing else is touched.
    """
    with progress() as watch:
        manifest = backups.verify(load(config_path), path, watch=watch)
    click.echo(f"ok: {_in_words(manifest)}, made at {manifest.created_at} by version {manifest.version}")


@click.command()
@_path
@click.option("--replace", is_flag=True, help="Keep the present database and secret under another name and take their place.")
@config_option
@command
def restore(path: Path, replace: bool, config_path: Path | None) -> None:  # noqa: FBT001 - click passes options by name
    """Put a backup in the place of the database.

    Stop the server first. Nothing is changed unless the whole backup is proven, and nothing is overwritten.
    """
    with progress() as watch:
        restored = backups.restore(load(config_path), path, now=SystemClock().now(), may_replace=replace, watch=watch)
    for kept in restored.kept:
        click.echo(f"kept {kept}")
    click.echo(f"restored {_in_words(restored.manifest)}, as of {restored.manifest.created_at}")


def _new_file(path: str) -> Path:
    """Return the file that somebody named; raise UsageError for a folder that is missing, and for a word that may be a slip."""
    if path.endswith("/"):
        raise click.UsageError(f"There is no folder {path}")
    if "/" not in path and not Path(path).suffix:
        raise click.UsageError(f"{path} is no command of backup, and no folder; for a file of that name write ./{path}")
    return Path(path)


def _in_words(manifest: Manifest) -> str:
    return f"{sum(manifest.tables.values())} rows in {len(manifest.tables)} tables"
