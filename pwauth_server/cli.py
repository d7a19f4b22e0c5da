"""The ``pwauth`` command."""

import asyncio
import errno
import socket
from pathlib import Path

import click

from pwauth_server import __version__, config
from pwauth_server.adapters.logs import Log, adopt_libraries
from pwauth_server.app import ROUTES, create_app
from pwauth_server.commands.admin import admin
from pwauth_server.commands.apart import run_apart
from pwauth_server.commands.backup import backup, restore
from pwauth_server.commands.common import FAILED, command, config_option, give_up, load
from pwauth_server.commands.copying import copy_database
from pwauth_server.commands.doctor import doctor
from pwauth_server.commands.export import export
from pwauth_server.commands.healthcheck import healthcheck
from pwauth_server.commands.keys import key, signing_key
from pwauth_server.commands.mail import mail
from pwauth_server.commands.options import chosen
from pwauth_server.commands.seed import import_seed
from pwauth_server.store import migrate as migrations
from pwauth_server.web import openapi
from pwauth_server.web.patience import PatientProtocol


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pwauth")
def main() -> None:
    """Sign-in without passwords for small teams."""


@main.command()
@config_option
@command
def serve(config_path: Path | None) -> None:
    """Run the server.

    HTTP, mail, housekeeping and metrics live in this one process. Pending migrations are applied first.
    SIGTERM and Ctrl-C end it within ten seconds; no letter is lost.
    """
    settings = load(config_path)
    log = Log(settings.log_level)
    adopt_libraries(log)
    for name in run_apart(lambda: migrations.migrate(settings)) if _may_need_migrating(settings) else []:
        log.info("migrated", migration=name)
    app = create_app(settings, log, config_file=chosen(config_path))
    try:
        app.run(
            host=settings.server_host,
            port=settings.server_port,
            protocol=PatientProtocol,
            single_process=True,
            access_log=False,
            motd=False,
            debug=False,
        )
    except OSError as cause:
        if cause.errno not in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL, socket.EAI_NONAME}:
            raise
        place = f"{settings.server_host}:{settings.server_port}"
        give_up([f"cannot listen on {place} ({cause.strerror}); see server_host and server_port"], FAILED)


def _may_need_migrating(settings: config.Config) -> bool:
    return not settings.is_sqlite or bool(migrations.pending(settings))


@main.command()
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


@main.group("config")
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


@main.command("openapi")
@click.option("--config", expose_value=False, type=click.Path(), help="Taken as everywhere; the answer is the same for all.")
def print_openapi() -> None:
    """Print openapi.yaml, the description of the API."""
    click.echo(openapi.text(ROUTES), nl=False)


for other in (admin, healthcheck, key, signing_key, mail, backup, restore, copy_database, import_seed, export, doctor):
    main.add_command(other)
