"""Parts for the tests of backups: a database with something in it, and who watches."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from pwauth_server.config import Config

PASSPHRASE = "Wk9vZ3JhbmQtcGFzc3BocmFzZS1mb3ItYmFja3Vwcy4="
SECRET = "q7Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6KaEe1Uu0oRtYiPlMn"


def quiet(_doing: str, _done: int, _all: int) -> None:
    """Watch without a word."""


def after(steps: int, stop: Callable[[], None]) -> Callable[[str, int, int], None]:
    """Return a watch that calls ``stop`` at a step."""
    left = steps

    def watch(_doing: str, _done: int, _all: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            stop()

    return watch


def with_backups(config: Config, **changes: object) -> Config:
    """Return a configuration with a passphrase, and the file of a generated secret."""
    config.secrets_folder.mkdir(exist_ok=True)
    if not config.secret_key_file.exists():
        config.secret_key_file.write_text(SECRET + "\n")
        config.secret_key_file.chmod(0o600)
    return config.model_copy(update={"backup_passphrase": SecretStr(PASSPHRASE), **changes})


def fill(path: Path, rows: int = 1000) -> None:
    """Write rows that do not compress well."""
    with closing(sqlite3.connect(path)) as database, database:
        names = [(f"row {number}",) for number in range(rows)]
        database.executemany("INSERT INTO server_state VALUES (?, 1, randomblob(200))", names)


def everything(path: Path) -> list[str]:
    """Return all that a database holds."""
    with closing(sqlite3.connect(path)) as database:
        return [line for line in database.iterdump() if "'backup'" not in line]
