"""Configuration: one frozen, typed `Config`; every problem reported at once; secrets hide themselves."""

from pwauth_server.config.checks import notes, postgres_problem
from pwauth_server.config.load import holds_secret, load, secret_files, shown
from pwauth_server.config.model import Config, SmtpName

__all__ = ["Config", "SmtpName", "holds_secret", "load", "notes", "postgres_problem", "secret_files", "shown"]
