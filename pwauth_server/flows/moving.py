"""A whole database from SQLite to PostgreSQL or back: into an empty one, and counted."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from pwauth_server.config import Config, postgres_problem
from pwauth_server.errors import ConfigError, Conflict, Fault
from pwauth_server.store import files, migrate, presence, transfer
from pwauth_server.store.sqlite_copy import Watch, differences

SQLITE = "sqlite://"
_POSTGRES = ("postgres://", "postgresql://", "asyncpg://")


def target_of(config: Config, url: str) -> Config:
    """Return the same configuration on the database of ``url``: postgres://… or sqlite:///path.

    Raises ConfigError for any other, Fault for one of the same kind.
    """
    if url.startswith(_POSTGRES):
        if why := postgres_problem(url):
            raise ConfigError([f"--to: {why}"])
        found = config.model_copy(update={"database_url": SecretStr(url)})
    elif url.startswith(f"{SQLITE}/") and len(url) > len(SQLITE) + 1:
        found = config.model_copy(update={"database_url": SecretStr(""), "database_path": url[len(SQLITE) + 1 :]})
    else:
        raise ConfigError(["--to: must be postgres://USER@HOST/DATABASE or sqlite:///PATH"])
    if found.is_sqlite == config.is_sqlite:
        raise Fault("Both are SQLite: use pwauth backup and restore." if found.is_sqlite else "Both are PostgreSQL: use pg_dump.")
    return found


async def copy(config: Config, target: Config, watch: Watch) -> Mapping[str, int]:
    """Copy every row of the database to ``target``, which is made if it is missing; return the rows of each table.

    Raises Conflict if the target holds a row or has another secret, or a server runs on the SQLite file, Fault if the
    counts differ afterwards. A copy that fails leaves the target empty.
    """
    is_secret_to_go = _is_secret_to_go(config, target)
    if lacking := await migrate.missing(config):
        raise Conflict(f"This database is not up to date ({lacking[0]} is missing); run pwauth migrate first.")
    await migrate.migrate(target)
    filled = [name for name, count in (await transfer.rows_in(target)).items() if count]
    if filled:
        raise Conflict(f"The target is not empty: {', '.join(sorted(filled))} hold rows; name an empty database.")
    file = Path((config if config.is_sqlite else target).database_path)
    with presence.vacated(file):
        if config.is_sqlite:
            counts, found = await transfer.to_postgres(file, target, watch)
        else:
            counts, found = await transfer.to_sqlite(config, file, watch)
    if wrong := differences(counts, found):
        raise Fault(f"Not everything was copied: {', '.join(wrong)}; empty the target and try again.")
    if is_secret_to_go:
        files.write_private(target.secret_key_file, config.secret_key_file.read_bytes())
    return found


def _is_secret_to_go(config: Config, target: Config) -> bool:
    """Tell whether a generated secret is missing where the new server looks for it; raise Conflict if another one is there."""
    here, there = config.secret_key_file, target.secret_key_file
    if config.secret_key or not here.exists():
        return False
    if there.exists() and there.read_bytes() != here.read_bytes():
        raise Conflict(f"{there} holds another secret than {here}, and nothing that is copied would open with it; move it away first.")
    return not there.exists()
