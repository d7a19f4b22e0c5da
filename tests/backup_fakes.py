"""Parts for the tests of backups: a database with something in it, and who watches."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.flows import backups
from pwauth_server.store.archive import Manifest
from pwauth_server.wiring import make_deps
from tests.fakes import NEW_YEAR, FakeEntropy

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


async def served(config: Config) -> Config:
    """Return a configuration with a passphrase, whose database a server has used."""
    made = with_backups(config)
    deps = await make_deps(made, entropy=FakeEntropy())
    await deps.db.close()
    fill(Path(made.database_path))
    return made


def make(config: Config, target: Path) -> Manifest:
    """Make a backup at New Year."""
    return backups.make(config, target, now=NEW_YEAR, entropy=FakeEntropy(), watch=quiet)


def restore(config: Config, source: Path, *, may_replace: bool = False) -> backups.Restored:
    """Restore a backup."""
    return backups.restore(config, source, now=NEW_YEAR, may_replace=may_replace, watch=quiet)


def elsewhere(config: Config, tmp_path: Path) -> Config:
    """Return the configuration of a host that has the passphrase and nothing else."""
    return config.model_copy(update={"database_path": str(tmp_path / "new host" / "data" / "auth.db")})


def names(folder: Path) -> set[str]:
    """Return what lies in a folder, but for locks."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}
