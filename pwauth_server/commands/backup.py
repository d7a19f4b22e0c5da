"""``pwauth backup`` and ``pwauth restore``."""

from pathlib import Path

import click

from pwauth_server.adapters.clock import SystemClock
from pwauth_server.adapters.entropy import SystemEntropy
from pwauth_server.commands.common import DefaultGroup, command, config_option, load, progress
from pwauth_server.flows import backups
from pwauth_server.store.archive import Manifest

_path = click.argument("path", type=click.Path(path_type=Path))


@click.group(cls=DefaultGroup, default="make")
def backup() -> None:
    """Back up the SQLite database: `pwauth backup PATH`.

    One file, compressed and encrypted with backup_passphrase, holds the database and the generated secret_key.
    """


@backup.command("make")
@_path
@config_option
@command
def make_backup(path: Path, config_path: Path | None) -> None:
    """Write a backup to PATH, or into it if it is a folder.

    Servers go on working. The backup is read back and checked before the file gets its name.
    """
    config, now = load(config_path), SystemClock().now()
    target = path / backups.name_of(now) if path.is_dir() else path
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


def _in_words(manifest: Manifest) -> str:
    return f"{sum(manifest.tables.values())} rows in {len(manifest.tables)} tables"
