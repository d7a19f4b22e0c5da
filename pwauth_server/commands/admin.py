"""``pwauth admin``: who administers this server, and a way in for those who are locked out."""

from pathlib import Path

import click

from pwauth_server.commands.common import address, command, config_option, load, table
from pwauth_server.commands.world import with_deps
from pwauth_server.flows import admins
from pwauth_server.rules.moments import rfc3339


@click.group()
def admin() -> None:
    """Administrators of this server."""


@admin.command("grant")
@click.argument("email")
@config_option
@command
def grant(email: str, config_path: Path | None) -> None:
    """Make the owner of an account an administrator.

    The account has to be there: its owner signs in by mail first. Addresses of `admin_emails` need no command.
    """
    who = address(email)
    is_new = with_deps(config_path, lambda deps: admins.grant(deps, who))
    click.echo(f"{who} is an administrator" if is_new else f"{who} was an administrator already")


@admin.command("revoke")
@click.argument("email")
@config_option
@command
def revoke(email: str, config_path: Path | None) -> None:
    """Take the role away from an administrator.

    It counts at once for every session. The last administrator stays one.
    """
    who = address(email)
    was_there = with_deps(config_path, lambda deps: admins.revoke(deps, who))
    click.echo(f"{who} is no administrator any more" if was_there else f"{who} was no administrator")
    if who in load(config_path).admin_emails:
        click.echo("but the address is in admin_emails: with the next sign-in by mail it is one again")


@admin.command("list")
@config_option
@command
def list_admins(config_path: Path | None) -> None:
    """List administrators."""
    rows = with_deps(config_path, admins.listed)
    table(
        ("email", "id", "created", "state"),
        [(row.email, row.id, rfc3339(row.created_at), "disabled" if row.disabled else "active") for row in rows],
    )


@admin.command("login-link")
@click.argument("email")
@config_option
@command
def login_link(email: str, config_path: Path | None) -> None:
    """Print a link that signs the owner of an account in.

    For somebody who is locked out. It works once, within ten minutes, in any browser, without any other factor, and
    is enough to add new ones. The owner gets a letter about it.
    """
    who = address(email)
    click.echo(with_deps(config_path, lambda deps: admins.login_link(deps, who)))
