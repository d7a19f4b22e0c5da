"""``pwauth key`` and ``pwauth signing-key``."""

from math import inf
from pathlib import Path

import click

from pwauth_server.commands.common import FAILED, command, config_option, give_up, table
from pwauth_server.commands.world import with_deps
from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.flows import api_keys, keys
from pwauth_server.rules.moments import DAY, rfc3339
from pwauth_server.store.api_keys import ApiKeyRow


def _some_text(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("must not be empty")
    return value


@click.group()
def key() -> None:
    """Make, list and revoke API keys of programs."""


@key.command("create")
@click.option("--name", required=True, callback=_some_text, help="What the key is for.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(api_keys.SCOPES), help="What it may do; repeat for several."
)
@click.option("--expires-days", type=click.IntRange(min=1), default=None, help="Days until it ends.  [default: never]")
@config_option
@command
def create_key(name: str, scopes: tuple[str, ...], expires_days: int | None, config_path: Path | None) -> None:
    """Make an API key and print it.

    It cannot be shown again: only its hash is kept. May be done before the first start.
    """

    async def work(deps: Deps) -> str:
        expires_at = None if expires_days is None else deps.clock.now() + expires_days * DAY
        return await api_keys.create(deps, name=name, scopes=sorted(set(scopes)), expires_at=expires_at)

    click.echo(with_deps(config_path, work, may_create=True))


@key.command("list")
@config_option
@command
def list_keys(config_path: Path | None) -> None:
    """List API keys, oldest first, without their text."""

    async def work(deps: Deps) -> tuple[list[ApiKeyRow], float]:
        return await api_keys.listed(deps), deps.clock.now()

    rows, now = with_deps(config_path, work)
    table(
        ("id", "name", "scopes", "created", "expires", "state"),
        [
            (row.id, row.name, row.scopes.replace(" ", ","), rfc3339(row.created_at), _or(row.expires_at, "never"), _state(row, now))
            for row in rows
        ],
    )


def _or(moment: float | None, otherwise: str) -> str:
    return otherwise if moment is None else rfc3339(moment)


def _state(row: ApiKeyRow, now: float) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "live"


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@config_option
@command
def revoke_key(key_id: str, config_path: Path | None) -> None:
    """End an API key at once.

    `pwauth key list` shows the IDs.
    """
    try:
        with_deps(config_path, lambda deps: api_keys.revoke(deps, key_id))
    except Missing:
        give_up(["there is no live API key of that ID; see: pwauth key list"], FAILED)
    click.echo("revoked")


@click.group("signing-key")
def signing_key() -> None:
    """List, rotate and drop the keys that sign access tokens."""


@signing_key.command("list")
@config_option
@command
def list_signing_keys(config_path: Path | None) -> None:
    """List signing keys, oldest first.

    The one marked "next" is published already and begins to sign when keys are rotated.
    """
    rows = sorted(with_deps(config_path, keys.listed), key=lambda row: (row.created_at, row.signs_from or inf))
    table(
        ("kid", "algorithm", "created", "signs from", "verifies until"),
        [(row.kid, row.algorithm, rfc3339(row.created_at), _or(row.signs_from, "next"), _or(row.verifies_until, "-")) for row in rows],
    )


@signing_key.command("rotate")
@click.option("--compromised", is_flag=True, help="Keys have leaked: drop all at once, with every access token, and sign with a new one.")
@config_option
@command
def rotate_signing_key(compromised: bool, config_path: Path | None) -> None:  # noqa: FBT001 - click passes options by name
    """Let the next key sign.

    The old key verifies until the last token it signed has expired, so nobody is logged out. With --compromised all keys
    are dropped, the next one too: whoever got at one of them got at the others.
    """

    async def work(deps: Deps) -> tuple[list[str], str, float]:
        if not compromised:
            return [], *await keys.rotate(deps)
        return *await keys.begin_anew(deps), deps.clock.now()

    dropped, kid, begins = with_deps(config_path, work)
    for gone in dropped:
        click.echo(f"{gone} is dropped, with every access token it signed")
    click.echo(f"{kid} signs from {rfc3339(begins)}")


@signing_key.command("drop")
@click.argument("kid", metavar="KID")
@config_option
@command
def drop_signing_key(kid: str, config_path: Path | None) -> None:
    """Forget a key at once.

    Every access token it signed is worthless from the next request on; the sessions live on.
    """
    try:
        with_deps(config_path, lambda deps: keys.drop(deps, kid))
    except Missing:
        give_up(["there is no signing key of that KID; see: pwauth signing-key list"], FAILED)
    click.echo("dropped")
