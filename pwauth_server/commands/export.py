"""``pwauth export``."""

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import click

from pwauth_server.adapters.entropy import SystemEntropy
from pwauth_server.commands.common import address, command, config_option
from pwauth_server.commands.world import with_deps
from pwauth_server.deps import Deps
from pwauth_server.flows import exports
from pwauth_server.store import files
from pwauth_server.web.admin_answers import export_text

Write = Callable[[str], object]


@click.command()
@click.argument("email", required=False)
@click.option("--all", "is_all", is_flag=True, help="Everybody, one line of JSON each.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="A new file, for its owner alone.  [default: the terminal]")
@config_option
@command
def export(email: str | None, is_all: bool, output: Path | None, config_path: Path | None) -> None:  # noqa: FBT001 - click passes options by name
    """Print what is stored about a person, as JSON.

    The same as `GET /me/export`: everything, and no secret. All of it is of one moment; servers go on working.
    """
    if (email is None) is not is_all:
        raise click.UsageError("Name one EMAIL, or say --all.")
    who = None if email is None else address(email)
    with _opened(output) as write:
        number = with_deps(config_path, lambda deps: _written(deps, who, write))
    if output is not None:
        click.echo(f"{output}: {number} {'account' if number == 1 else 'accounts'}")


async def _written(deps: Deps, who: str | None, write: Write) -> int:
    """Write one account or all; return how many."""
    if who is not None:
        write(export_text(await exports.of_address(deps, who)))
        return 1
    number = 0
    async with aclosing(exports.everybody(deps)) as people:
        async for found in people:
            write(export_text(found))
            number += 1
    return number


@contextmanager
def _opened(output: Path | None) -> Iterator[Write]:
    """Yield what writes a line; a file gets its name when it is whole, and nothing is left of one that is not."""
    if output is None:
        yield click.echo
        return
    with files.whole(output, SystemEntropy().random(4).hex()) as aside, aside.open("w", encoding="utf-8") as file:
        yield lambda line: file.write(f"{line}\n")
