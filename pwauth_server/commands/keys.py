"""``pwauth key`` and ``pwauth signing-key``."""

from pathlib import Path

import click

from pwauth_server.commands.common import command, config_option, table, with_deps
from pwauth_server.deps import Deps
from pwauth_server.flows import api_keys, keys
from pwauth_server.rules.moments import rfc3339
from pwauth_server.store.api_keys import ApiKeyRow

DAY = 86_400.0


@click.group()
def key() -> None:
    """API keys of programs."""


@key.command("create")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(api_keys.SCOPES), help="What it may do; repeat for several.")
@click.option("--expires-days", type=click.IntRange(min=1), default=None, help="Days until it ends; default: never.")
@config_option
@command
def create_key(name: str, scopes: tuple[str, ...], expires_days: int | None, config_path: Path | None) -> None:
    """Make an API key and print it once."""

    async def work(deps: Deps) -> str:
        expires_at = None if expires_days is None else deps.clock.now() + expires_days * DAY
        return await api_keys.create(deps, name=name, scopes=sorted(set(scopes)), expires_at=expires_at)

    click.echo(with_deps(config_path, work))


@key.command("list")
@config_option
@command
def list_keys(config_path: Path | None) -> None:
    """List API keys; their text is nowhere to be read."""

    async def work(deps: Deps) -> tuple[list[ApiKeyRow], float]:
        return await api_keys.listed(deps), deps.clock.now()

    rows, now = with_deps(config_path, work)
    table(
        ("id", "name", "scopes", "created", "expires", "state"),
        [
            (row.id, row.name, row.scopes.replace(" ", ","), rfc3339(row.created_at), rfc3339(row.expires_at) if row.expires_at else "never",
             "revoked" if row.revoked_at else "expired" if row.expires_at and row.expires_at <= now else "live")
            for row in rows
        ],
    )  # fmt: skip


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@config_option
@command
def revoke_key(key_id: str, config_path: Path | None) -> None:
    """Revoke an API key at once."""
    with_deps(config_path, lambda deps: api_keys.revoke(deps, key_id))
    click.echo("revoked")


@click.group("signing-key")
def signing_key() -> None:
    """Keys that sign access tokens."""


@signing_key.command("list")
@config_option
@command
def list_signing_keys(config_path: Path | None) -> None:
    """List signing keys, oldest first."""
    rows = with_deps(config_path, keys.listed)
    table(
        ("kid", "algorithm", "created", "signs from", "verifies until"),
        [
            (row.kid, row.algorithm, rfc3339(row.created_at), rfc3339(row.signs_from) if row.signs_from else "next",
             rfc3339(row.verifies_until) if row.verifies_until else "-")
            for row in rows
        ],
    )  # fmt: skip


@signing_key.command("rotate")
@click.option("--compromised", is_flag=True, help="The present key has leaked: forget it at once, with every token it signed.")
@config_option
@command
def rotate_signing_key(compromised: bool, config_path: Path | None) -> None:  # noqa: FBT001 - click passes options by name
    """Let the next key sign; the old one verifies until its last token has expired."""

    async def work(deps: Deps) -> tuple[str, float]:
        if compromised:
            now = deps.clock.now()
            await keys.drop(deps, deps.keys.current.signing_key(now).kid)
            return (await keys.reload(deps)).signing_key(deps.clock.now()).kid, now
        return await keys.rotate(deps)

    kid, begins = with_deps(config_path, work)
    click.echo(f"{kid} signs from {rfc3339(begins)}")


@signing_key.command("drop")
@click.argument("kid")
@config_option
@command
def drop_signing_key(kid: str, config_path: Path | None) -> None:
    """Forget a key at once: every token it signed is worthless from the next request on."""
    with_deps(config_path, lambda deps: keys.drop(deps, kid))
    click.echo("dropped")
