"""``pwauth openapi``."""

import click

from pwauth_server.app import ROUTES
from pwauth_server.web import openapi


@click.command("openapi")
@click.option("--config", expose_value=False, type=click.Path(exists=True, dir_okay=False), help="Must be there, as everywhere; not read.")
def print_openapi() -> None:
    """Print openapi.yaml, the description of the API."""
    click.echo(openapi.text(ROUTES), nl=False)
