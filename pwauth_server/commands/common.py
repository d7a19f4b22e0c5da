"""What every subcommand shares: the configuration, and how failures and tables read."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click

from pwauth_server import config as configuration
from pwauth_server.commands.options import chosen, config_option
from pwauth_server.config import Config
from pwauth_server.errors import ConfigError, PwauthError
from pwauth_server.rules import addresses
from pwauth_server.store.sqlite_copy import Watch

__all__ = ["config_option"]

P = ParamSpec("P")

FAILED, WRONG_USAGE = 1, 2
#: Whose errors mean that the database cannot be used; their texts name files, hosts and users, never a password.
_DRIVERS = frozenset({"sqlite3", "asyncpg", "tortoise"})


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Turn our errors into one line each on standard error and an exit code: 1 failed, 2 wrong usage."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ConfigError as error:
            give_up(error.problems, WRONG_USAGE)
        except PwauthError as error:
            give_up([error.detail], FAILED)
        except Exception as error:
            if not _is_of_the_world(error):
                raise  # a mistake of ours: whoever mends it needs the whole story
            give_up([_in_one_line(error)], FAILED)

    return guarded


def _is_of_the_world(error: Exception) -> bool:
    """Tell whether a disk, a network or a database failed; drivers are told by name, so that none is loaded for this."""
    if isinstance(error, BrokenPipeError):  # whoever read our output has gone: click leaves quietly
        return False
    return isinstance(error, OSError) or _is_of_a_driver(error)


def _is_of_a_driver(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _DRIVERS


def _in_one_line(error: Exception) -> str:
    """Say what failed; further lines of a database's answer may hold values of a row."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = str(error).partition("\n")[0] or type(error).__name__
    return f"the database cannot be used: {text}" if _is_of_a_driver(error) else text


class DefaultGroup(click.Group):
    """A group one of whose commands needs no name: `backup PATH` is `backup make PATH`."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        """Take the name of that command."""
        super().__init__(*args, **kwargs)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name before arguments that begin with none; nobody types it."""
        is_named = bool(args) and (args[0] in self.commands.keys() - {self.default} or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named or not args else [self.default, *args])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options of that command as our own."""
        self.commands[self.default].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


class _UnnamedContext(click.Context):
    @property
    def command_path(self) -> str:
        """Return what stands before the arguments: the group's name alone."""
        return self.parent.command_path if self.parent else ""


class UnnamedCommand(click.Command):
    """The command of a `DefaultGroup` that needs no name, and shows none."""

    context_class = _UnnamedContext


@contextmanager
def progress() -> Iterator[Watch]:
    """Yield what tells a terminal how far a long work is; elsewhere it says nothing."""
    if not sys.stderr.isatty():
        yield lambda _doing, _done, _all: None
        return
    try:
        yield lambda doing, done, of_all: click.echo(f"\r\x1b[K{doing} {100 * done // max(of_all, 1)} %", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def give_up(lines: Sequence[str], code: int) -> NoReturn:
    """Say why, one line for each reason, and leave."""
    for line in lines:
        click.echo(f"pwauth: {visible(line)}", err=True)
    sys.exit(code)


def visible(text: str) -> str:
    """Return a text that steers no terminal and is one line, whoever wrote parts of it."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def address(email: str) -> str:
    """Return the canonical form of an address that somebody typed, or leave."""
    try:
        return addresses.canonical(email)
    except ValueError:
        give_up(["EMAIL: must be a plain mail address"], WRONG_USAGE)


def load(path: Path | None) -> Config:
    """Return the configuration of a command."""
    return configuration.load(chosen(path))


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under headers; a terminal gets aligned columns, a pipe gets tabs."""
    lines = [[visible(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in [list(headers), *lines]:
            click.echo("\t".join(line))
        return
    widths = [max(len(line[i]) for line in [list(headers), *lines]) for i in range(len(headers))]
    for line in [[header.upper() for header in headers], *lines]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
