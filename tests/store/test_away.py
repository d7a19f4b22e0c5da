"""A PostgreSQL that is away for a while: everybody is told so, nobody is blamed, and it is found again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.errors import Unavailable
from pwauth_server.events import Event, Occurrence
from pwauth_server.store import sessions, users
from tests.conftest import needs_postgres, open_database
from tests.fakes import NEW_YEAR
from tests.server import free_port

pytestmark = needs_postgres


class Line:
    """A line to the server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        """Lead to a server; nobody can call yet."""
        self._far, self.port = (host, port), free_port()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Carry calls; at the end every one of them is cut."""
        server = await asyncio.start_server(self._call, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()
            for end in self._ends:
                end.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._ends |= {writer, far_writer}
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
        writer.transport.abort()


@pytest.fixture
def line(postgres_config: Config) -> Line:
    """Return the only way to the server."""
    url = urlsplit(postgres_config.database_url.get_secret_value())
    assert url.hostname
    assert url.port
    return Line(url.hostname, url.port)


async def test_a_server_that_is_away_is_unavailable_and_found_again(postgres_config: Config, line: Line) -> None:
    """Reads and units alike; what was promised before is there afterwards, and what was refused is not."""
    url = urlsplit(postgres_config.database_url.get_secret_value())
    by_line = postgres_config.model_copy(
        update={"database_url": SecretStr(url._replace(netloc=f"{url.username}@127.0.0.1:{line.port}").geturl())}
    )
    async with line.up():
        database = await open_database(by_line, [])
        await database.record(Occurrence(Event.USER_DISABLED, NEW_YEAR))
    for _ in range(2):  # on a connection that was cut, then on none
        with pytest.raises(Unavailable):
            await sessions.count_live(database.reads, NEW_YEAR)
        with pytest.raises(Unavailable):
            await database.record(Occurrence(Event.USER_ENABLED, NEW_YEAR))
        with pytest.raises(Unavailable):
            await users.find_by_email(database.reads, "ann@ex.com")
    async with line.up():
        assert await sessions.count_live(database.reads, NEW_YEAR) == 0
        assert (await database.row_counts(database.reads))["audit_log"] == 1
        await database.close()
