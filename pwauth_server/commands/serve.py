"""``pwauth serve``."""

import errno
import socket
from pathlib import Path

import click

from pwauth_server.adapters.logs import Log, adopt_libraries
from pwauth_server.app import create_app
from pwauth_server.commands.apart import run_apart
from pwauth_server.commands.common import FAILED, command, config_option, give_up, load
from pwauth_server.commands.options import chosen
from pwauth_server.config import Config
from pwauth_server.store.migrate import migrate, pending
from pwauth_server.web.patience import PatientProtocol


@click.command()
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
    for name in run_apart(lambda: migrate(settings)) if _may_need_migrating(settings) else []:
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


def _may_need_migrating(settings: Config) -> bool:
    return not settings.is_sqlite or bool(pending(settings))
