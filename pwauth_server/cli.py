"""The ``pwauth`` command."""

from importlib import import_module

import click

from pwauth_server import __version__

#: Where each command is: a module of `commands`, and its name there.
PLACES = {
    "admin": ("admin", "admin"),
    "backup": ("backup", "backup"),
    "config": ("configuration", "config_group"),
    "copy-database": ("copying", "copy_database"),
    "doctor": ("doctor", "doctor"),
    "export": ("export", "export"),
    "healthcheck": ("healthcheck", "healthcheck"),
    "import-seed": ("seed", "import_seed"),
    "key": ("keys", "key"),
    "mail": ("mail", "mail"),
    "migrate": ("migrate", "migrate"),
    "openapi": ("openapi", "print_openapi"),
    "restore": ("backup", "restore"),
    "serve": ("serve", "serve"),
    "signing-key": ("keys", "signing_key"),
}


class Commands(click.Group):
    """Commands that are loaded when they are called: the server keeps none of the others in memory.

    And a container runtime that asks for its health twice a minute starts no web framework for it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        """Return all names."""
        return sorted(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own
        """Load a command; None if there is none of this name."""
        if cmd_name not in PLACES:
            return None
        module, name = PLACES[cmd_name]
        found: click.Command = getattr(import_module(f"pwauth_server.commands.{module}"), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pwauth")
def main() -> None:
    """Sign-in without passwords for small teams."""
