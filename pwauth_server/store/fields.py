"""Column types that SQLite and PostgreSQL store compactly and compare alike."""

import sqlite3
from typing import Any
from uuid import UUID

from tortoise import Model
from tortoise.fields.base import Field

# Bound parameters of our own statements are UUID objects on both databases.
sqlite3.register_adapter(UUID, lambda value: value.bytes)


class Uuid(Field[UUID], UUID):
    """An id: 16 bytes on SQLite (a third of Tortoise's text form, and in key order), UUID on PostgreSQL."""

    SQL_TYPE = "BLOB"

    class _db_postgres:  # noqa: N801 - the name Tortoise looks for
        SQL_TYPE = "UUID"

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """Pass the UUID on; each driver has its own way to write it."""
        return value

    def to_python_value(self, value: Any) -> Any:
        """Read what the driver returned."""
        return as_uuid(value)


class Key(Field[bytes], bytes):  # type: ignore[misc] # both have an `index`, of different kinds
    """Bytes that may be looked up: Tortoise's own field for bytes takes no index."""

    SQL_TYPE = "BLOB"

    class _db_postgres:  # noqa: N801 - the name Tortoise looks for
        SQL_TYPE = "BYTEA"


def as_uuid(value: Any) -> Any:
    """Return a UUID for a stored id, None for none."""
    return UUID(bytes=value) if isinstance(value, bytes) else value


def words(text: str) -> tuple[str, ...]:
    """Read a column that holds words separated by blanks."""
    return tuple(text.split())
