"""The one option that every command has."""

from pathlib import Path

import click

DEFAULT_CONFIG = Path("config.toml")

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file.  [default: ./config.toml, if there is one]",
)


def chosen(path: Path | None) -> Path | None:
    """Return the file to read, or None for none."""
    return DEFAULT_CONFIG if path is None and DEFAULT_CONFIG.exists() else path
