"""Open the database that the configuration names."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tortoise import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext, get_current_context, set_global_context

from pwauth_server.config import Config
from pwauth_server.errors import Fault
from pwauth_server.store.sqlite import PRAGMAS, SqliteDatabase
from pwauth_server.store.sqlite_client import InlineSqliteClient
from pwauth_server.store.statements import Timing
from pwauth_server.store.transaction import NODE, Close, Database, Listener

MODELS = [
    f"pwauth_server.store.{room}"
    for room in (
        *("users", "magic_links", "sessions", "passkeys", "totp", "recovery_codes", "challenges"),
        *("signing_keys", "api_keys", "email_queue", "audit", "event_outbox", "epoch", "invites"),
    )
]
#: Connections to PostgreSQL.
POOL_SIZE = 10
#: Seconds in which PostgreSQL has to take a connection of a server, and to answer each of its statements.
PATIENCE = 15.0


async def connect(config: Config, *, listener: Listener, timing: Timing, is_node: bool = False) -> Database:
    """Open the database; tell ``listener`` of committed occurrences and ``timing`` of statements.

    A server is a node, and PostgreSQL can tell how many of them there are; a command is none.
    """
    context = TortoiseContext()
    with context:
        await context.init(config=tortoise_config(config, name=_node_name() if is_node else "pwauth command", is_patient=not is_node))
        default = context.connections.get("default")
        if config.is_sqlite:
            writer = context.connections.get("writer")
            database: Database = await _sqlite(default, writer, context.close_connections, listener, timing)
        else:
            # Its driver takes memory that a server with SQLite has no use for.
            from pwauth_server.store.postgres import PostgresDatabase  # noqa: PLC0415

            with reaching(postgres(config)):
                await default.create_connection(with_db=True)
            database = PostgresDatabase(client=default, close=context.close_connections, listener=listener, timing=timing)
    database.tells = bool(config.webhook_url)
    # Every verb names its connection; Tortoise still wants to find a context from any task and thread.
    if get_current_context() is None:
        set_global_context(context)
    return database


async def _sqlite(reader: BaseDBAsyncClient, writer: BaseDBAsyncClient, close: Close, listener: Listener, timing: Timing) -> Database:
    assert isinstance(reader, InlineSqliteClient)  # noqa: S101 - for the type checker
    assert isinstance(writer, InlineSqliteClient)  # noqa: S101
    await writer.create_connection(with_db=True)
    await reader.create_connection(with_db=True)
    reader.raw.execute("PRAGMA query_only=ON")
    return SqliteDatabase(reader=reader, writer=writer, close=close, listener=listener, timing=timing)


def _node_name() -> str:
    """Return what PostgreSQL shows of this process; it cuts names off after 63 bytes."""
    return f"{NODE}{os.getpid()}@{socket.gethostname()[-40:]}"


def tortoise_config(
    config: Config, *, engine: str = "pwauth_server.store.sqlite_client", name: str = "pwauth", is_patient: bool = True
) -> dict[str, Any]:
    """Return the configuration of Tortoise; migrations name the stock SQLite engine instead.

    Somebody waits for each statement of a server; those of a command or a migration may last.
    """
    app = {"models": {"models": MODELS, "default_connection": "default"}}
    if config.is_sqlite:
        Path(config.database_path).parent.mkdir(parents=True, exist_ok=True)
        connection = {"engine": engine, "credentials": {"file_path": config.database_path, **PRAGMAS}}
        return {"connections": {"default": connection, "writer": connection}, "apps": app}
    credentials = postgres(config) | {"minsize": 1, "maxsize": POOL_SIZE, "application_name": name}
    if not is_patient:
        credentials |= {"timeout": PATIENCE, "command_timeout": PATIENCE}
    return {"connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}}, "apps": app}


def postgres(config: Config) -> dict[str, Any]:
    """Return the words that the driver of PostgreSQL takes, from ``database_url``."""
    url = config.database_url.get_secret_value().replace("postgresql://", "postgres://", 1)
    words: dict[str, Any] = expand_db_url(url)["credentials"]
    if mode := words.pop("sslmode", None):
        words["ssl"] = mode
    return words


@contextmanager
def reaching(words: Mapping[str, Any]) -> Iterator[None]:
    """Say which PostgreSQL it was that could not be reached: the system's own words name no host, or none that anybody wrote."""
    try:
        yield
    except OSError as cause:
        # A host of several addresses has a sentence for each of them, and no error of its own.
        why = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror or str(cause) or "no answer in time"
        place = f"{words['host'] or 'this machine'}:{words['port']}"
        raise Fault(f"PostgreSQL cannot be reached at {place}: {why}.") from cause
