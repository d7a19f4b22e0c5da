"""``pwauth mail``: look at the queue and act on it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from pwauth_server.commands.common import FAILED, address, command, config_option, give_up, table
from pwauth_server.commands.world import with_deps
from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.flows import mail as flows
from pwauth_server.rules.moments import rfc3339
from pwauth_server.store.fields import as_uuid

#: Seconds between two looks at a letter that the server is to send: it rings no bell for us.
_LOOK_AGAIN = 0.2


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
    table(("id", "kind", "to", "status", "tries", "next try", "reason", "transport"), [_cells(row) for row in rows])


@mail.command("test")
@click.argument("email")
@click.option("--wait", type=click.IntRange(0, 600), default=30, show_default=True, help="Seconds to wait for what becomes of it.")
@config_option
@command
def send_test(email: str, wait: int, config_path: Path | None) -> None:
    """Queue a test letter; tell which transport took it.

    The running server sends it. Exit code 1 if nobody has taken it in time; it stays in the queue.
    """
    to = address(email)

    async def work(deps: Deps) -> Mapping[str, Any] | None:
        letter_id = await flows.send_test(deps, to)
        click.echo(f"queued {letter_id}")
        return await _followed(deps, letter_id, wait)

    letter = with_deps(config_path, work)
    if wait == 0:
        return
    if letter is None or letter["transport"] is None:
        give_up(["nobody has tried to send it yet: does the server run? See: pwauth mail list"], FAILED)
    if letter["status"] != "sent":
        give_up([f"not sent: {letter['transport']} says {letter['last_error']}; see: pwauth mail list"], FAILED)
    click.echo(f"sent by {letter['transport']}")


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


async def _followed(deps: Deps, letter_id: UUID, patience: int) -> Mapping[str, Any] | None:
    """Return a letter as soon as it was tried once, or as it is when patience is over."""
    time = asyncio.get_running_loop().time
    end = time() + patience
    letter = await flows.find(deps, letter_id)
    while letter is not None and letter["transport"] is None and time() < end:
        await asyncio.sleep(_LOOK_AGAIN)
        letter = await flows.find(deps, letter_id)
    return letter


def _cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    due = rfc3339(row["next_attempt_at"]) if row["status"] == "pending" else "-"
    told = tuple(row[name] for name in ("kind", "recipient", "status", "attempts"))
    return as_uuid(row["id"]), *told, due, row["last_error"] or "-", row["transport"] or "-"
