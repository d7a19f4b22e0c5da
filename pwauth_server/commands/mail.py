"""``pwauth mail``: look at the queue and act on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pwauth_server.commands.common import FAILED, address, command, config_option, give_up, table, with_deps
from pwauth_server.errors import Missing
from pwauth_server.flows import mail as flows
from pwauth_server.rules.moments import rfc3339
from pwauth_server.store.fields import as_uuid


@click.group()
def mail() -> None:
    """The mail queue."""


@mail.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Letters at the most.")
@config_option
@command
def list_letters(limit: int, config_path: Path | None) -> None:
    """List letters, newest first: state, tries, reason."""
    rows = with_deps(config_path, lambda deps: flows.listed(deps, limit=limit))
    table(("id", "kind", "to", "status", "tries", "next try", "reason"), [_cells(row) for row in rows])


@mail.command("test")
@click.argument("email")
@config_option
@command
def send_test(email: str, config_path: Path | None) -> None:
    """Queue a test letter; the running server sends it."""
    to = address(email)
    click.echo(f"queued {with_deps(config_path, lambda deps: flows.send_test(deps, to))}")


@mail.command("requeue")
@click.argument("letter_id", metavar="ID")
@config_option
@command
def requeue(letter_id: str, config_path: Path | None) -> None:
    """Let a dead letter be tried again."""
    try:
        with_deps(config_path, lambda deps: flows.requeue(deps, letter_id))
    except Missing:
        give_up(["there is no dead letter of that ID which could still be sent; see: pwauth mail list"], FAILED)
    click.echo("requeued")


@mail.command("purge")
@config_option
@command
def purge(config_path: Path | None) -> None:
    """Delete every letter that was sent, has failed or is too old."""
    click.echo(f"deleted {with_deps(config_path, flows.purge)}")


def _cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    due = rfc3339(row["next_attempt_at"]) if row["status"] == "pending" else "-"
    return as_uuid(row["id"]), row["kind"], row["recipient"], row["status"], row["attempts"], due, row["last_error"] or "-"
