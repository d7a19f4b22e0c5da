"""``pwauth doctor``."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pwauth_server.adapters.clock import SystemClock
from pwauth_server.adapters.dns import Resolver
from pwauth_server.adapters.entropy import SystemEntropy
from pwauth_server.commands.common import FAILED, command, config_option, load, table, visible
from pwauth_server.commands.options import chosen
from pwauth_server.flows.doctor import examine
from pwauth_server.rules.findings import Finding, Level
from pwauth_server.store.migrate import absent

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
@config_option
@command
def doctor(config_path: Path | None) -> None:
    """Look for what keeps people from signing in, or soon will.

    Mail server and sender, clocks, address and proxies, disk, secrets, schema, backups, queue, Redis. Changes nothing; exit
    code 0 whatever is found, 1 if there is no database to look at.
    """
    config = load(config_path)
    is_blind = absent(config) is not None
    found = asyncio.run(examine(config, SystemClock(), Resolver(SystemEntropy()), chosen(config_path)))
    _show(found)
    if is_blind:
        sys.exit(FAILED)


def _show(found: Sequence[Finding]) -> None:
    if not sys.stdout.isatty():
        table(("level", "subject", "finding", "remedy"), [(it.level, it.subject, it.sentence, it.remedy or "-") for it in found])
        return
    for finding in found:
        click.echo(f"{click.style(f'{finding.level:4}', fg=_COLOURS[finding.level])}  {finding.subject:9} {visible(finding.sentence)}")
        if finding.remedy:
            click.echo(f"{'':16}{visible(finding.remedy)}")
    click.echo(_summary(found))


def _summary(found: Sequence[Finding]) -> str:
    counts = {level: sum(it.level is level for it in found) for level in Level}
    return f"\n{counts[Level.OK]} well, {counts[Level.WARN]} to look at, {counts[Level.FAIL]} to mend"
