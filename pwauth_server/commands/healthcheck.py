"""`pwauth healthcheck`: what a container runtime asks twice a minute, so it loads next to nothing."""

import http.client
import os
import sys
from pathlib import Path

import click

from pwauth_server import sources
from pwauth_server.commands.options import chosen, config_option

#: Seconds that the server may take to answer.
PATIENCE = 5.0
#: A server that listens everywhere is asked here.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared with, not bound to


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@config_option
def healthcheck(config_path: Path | None) -> None:
    """Ask the running server whether it is ready.

    Asks /readiness where server_host and server_port say, on this machine if that is everywhere.
    Exit 0: ready. Exit 1: not, or nobody answers.
    """
    problem = _problem(chosen(config_path))
    if problem:
        click.echo(f"pwauth: {problem}", err=True)
        sys.exit(1)


def _problem(path: Path | None) -> str:
    """Return why the server does not count as healthy; empty if it does."""
    problems: list[str] = []
    values = sources.from_file(path, problems) | sources.from_environment(os.environ, problems)
    if problems:
        return problems[0]
    host, port = str(values.get("server_host", sources.DEFAULT_HOST)), str(values.get("server_port", sources.DEFAULT_PORT))
    try:
        connection = http.client.HTTPConnection(_LOOPBACK.get(host, host), int(port), timeout=PATIENCE)
        connection.request("GET", "/readiness")
        status = connection.getresponse().status
    except (OSError, ValueError, OverflowError, http.client.HTTPException) as cause:
        return f"{host}:{port} does not answer ({cause})"
    return "" if status == http.client.OK else f"{host}:{port} is not ready ({status})"
