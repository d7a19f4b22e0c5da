"""``pwauth migrate``."""

import asyncio
from pathlib import Path

import click

from pwauth_server.commands.common import command, config_option, load
from pwauth_server.store import migrate as migrations


@click.command()
@config_option
@command
def migrate(config_path: Path | None) -> None:
    """Bring the database up to date.

    `pwauth serve` does it too. It is safe to run while another server does the same.
    """
    applied = asyncio.run(migrations.migrate(load(config_path)))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to apply: the database is up to date")
