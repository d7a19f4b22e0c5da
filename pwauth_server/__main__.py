"""``python -m pwauth_server`` is the same as ``pwauth``."""

import sys

from pwauth_server.commands.healthcheck import healthcheck


def main() -> None:
    """Run a command; only the probe does so without loading the server."""
    if sys.argv[1:2] == [healthcheck.name]:
        healthcheck(sys.argv[2:], prog_name=f"pwauth {healthcheck.name}")
    from pwauth_server.cli import main as every_command  # noqa: PLC0415

    every_command()


if __name__ == "__main__":
    main()
