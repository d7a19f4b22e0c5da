"""A command loads what it needs, and the server nothing of the others."""

import subprocess
import sys

import click
import pytest

from pwauth_server.cli import PLACES, main
from tests.server import ROOT

_LOADED = "import sys, click; from pwauth_server.cli import main; main.get_command(click.Context(main), {!r}); print(*sys.modules)"


def loaded(name: str) -> set[str]:
    """Return the modules in memory once a command has been found."""
    done = subprocess.run((sys.executable, "-c", _LOADED.format(name)), cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", PLACES)
def test_every_command_is_where_it_is_looked_for(name: str) -> None:
    """The list names each by the name that it has."""
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("name", "needless"),
    (
        ("healthcheck", {"sanic", "tortoise", "pydantic", "aerich", "cryptography", "jinja2", "asyncio"}),
        ("config", {"sanic", "tortoise", "aerich", "cryptography", "jinja2"}),
        ("key", {"sanic", "aerich"}),
    ),
)
def test_a_command_loads_what_it_needs(name: str, needless: set[str]) -> None:
    """A container asks for its health twice a minute: a whole server loaded for it would cost more than the server itself."""
    assert not loaded(name) & needless


def test_the_server_loads_no_other_command() -> None:
    """What an administrator calls once a month is not kept in memory."""
    others = {f"pwauth_server.commands.{module}" for module, _ in PLACES.values()} - {"pwauth_server.commands.serve"}
    assert not loaded("serve") & others
