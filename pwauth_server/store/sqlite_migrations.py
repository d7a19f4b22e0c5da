"""Tortoise's SQLite client as migrations need it: a migration is applied whole or not at all."""

import sqlite3
from collections.abc import Iterator

from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper


class _Transaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        """Take the write lock at once, waiting for a server that writes meanwhile."""
        await self._connection.execute("BEGIN IMMEDIATE")

    async def execute_script(self, query: str) -> None:
        """Run the statements of a script one by one.

        ``executescript`` of ``sqlite3`` commits before it begins, even for an empty script: a failure
        half way, or a kill before aerich's own record, would leave a migration applied but not recorded.
        """
        for statement in _statements(query):
            await self.execute_query(statement)


class MigrationClient(SqliteClient):
    """One connection whose transactions are atomic for scripts too."""

    def _in_transaction(self) -> SqliteTransactionContext:
        return SqliteTransactionContext(_Transaction(self), self._lock)


def _statements(script: str) -> Iterator[str]:
    """Cut a script where SQLite itself sees the end of a statement; a rest that is no statement is left to fail."""
    statement = ""
    for piece in script.splitlines(keepends=True):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


client_class = MigrationClient
