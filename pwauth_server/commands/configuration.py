"""``pwauth config``."""

from pathlib import Path

import click

from pwauth_server import config
from pwauth_server.commands.common import command, config_option, load


@click.group("config")
def config_group() -> None:
    """Check or show the configuration."""


@config_group.command("check")
@config_option
@command
def check_config(config_path: Path | None) -> None:
    """Report every problem of the configuration at once."""
    settings = load(config_path)
    click.echo("ok")
    for note in config.notes(settings):
        click.echo(f"note: {note}")


@config_group.command("show")
@config_option
@command
def show_config(config_path: Path | None) -> None:
    """Print what is in force; secrets are masked."""
    for name, value in config.shown(load(config_path)):
        click.echo(f"{name} = {value}")
