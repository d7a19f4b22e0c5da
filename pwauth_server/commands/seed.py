"""``pwauth import-seed``."""

from pathlib import Path

import click

from pwauth_server.commands.common import command, config_option, progress, table
from pwauth_server.commands.world import with_deps
from pwauth_server.flows import seed_import
from pwauth_server.flows.seed_import import ACCOUNTS, PASSKEYS, SECRETS, Report

_STAYS = "secrets of the other server stay there: people sign in anew"
_NOTES = {"magic_links": _STAYS, "refresh_tokens": _STAYS, "pending_webauthn": _STAYS}


@click.command("import-seed")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--dry-run", "is_dry", is_flag=True, help="Say what would come along, and change nothing.")
@click.option("--trust-factors", "trust", is_flag=True, help="Nobody but their owners could reach that server: see the README first.")
@config_option
@command
def import_seed(path: Path, is_dry: bool, trust: bool, config_path: Path | None) -> None:  # noqa: FBT001 - click passes options by name
    """Carry over the people of the Rust server.

    PATH is its auth.db, which is only read. Accounts come with their ids, authenticator apps and passkeys; links and
    sessions stay behind. May be repeated: what is here already stays as it is.
    """
    with progress() as watch:
        report = with_deps(config_path, lambda deps: seed_import.run(deps, path, trust=trust, is_dry=is_dry, watch=watch), may_create=True)
    table(("what", "found", "imported", "note"), [_row(report, what) for what in report.found])
    for who, why in report.problems:
        click.echo(f"{who}: {why}")
    if report.waiting:
        click.echo(f"accounts whose factors wait for the first proof of the mailbox (see the README): {report.waiting}")
    if is_dry:
        click.echo("dry run: nothing was changed")


def _row(report: Report, what: str) -> tuple[object, ...]:
    here = f"{report.here} were here already" if what == ACCOUNTS and report.here else "-"
    note = here if what in {ACCOUNTS, SECRETS, PASSKEYS} else _NOTES.get(what, "not needed here")
    return what, report.found[what], report.carried[what], note
