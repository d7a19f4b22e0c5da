"""``pwauth copy-database``."""

import asyncio
from pathlib import Path

import click

from pwauth_server.commands.common import command, config_option, load, progress, table
from pwauth_server.flows import moving


@click.command("copy-database")
@click.option("--to", "url", required=True, metavar="URL", help="postgres://user@host/database or sqlite:///path.")
@config_option
@command
def copy_database(url: str, config_path: Path | None) -> None:
    """Copy everything to an empty database of the other kind.

    Stop the servers first: what they write afterwards is not copied. A password need not stand in the URL: PGPASSWORD and
    ~/.pgpass are read. Rows are counted on both sides; then set database_url or database_path and start again.
    """
    config = load(config_path)
    with progress() as watch:
        counts = asyncio.run(moving.copy(config, moving.target_of(config, url), watch))
    table(("table", "rows"), sorted(counts.items()))
