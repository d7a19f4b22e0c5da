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
from pwauth_server.store import connect, sessions, users
from pwauth_server.store.postgres import CLOSING
from pwauth_server.store.transaction import Database
from tests.conftest import needs_postgres, open_database
from tests.fakes import NEW_YEAR
from tests.server import PATIENCE, free_port

pytestmark = needs_postgres


class Line:
    """A line to the server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        """Lead to a server; nobody can call yet."""
        self._far, self.port = (host, port), free_port()
        self._ends: set[asyncio.StreamWriter] = set()
        #: How many calls there have been.
        self.calls = 0
        #: While cleared, nothing is carried, and nobody is told.
        self.open = asyncio.Event()
        self.open.set()
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
        self.calls += 1
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._ends |= {writer, far_writer}
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await reader.read(65_536):
                await self.open.wait()
                writer.write(part)
            writer.transport.abort()


@pytest.fixture
def line(postgres_config: Config) -> Line:
    """Return the only way to the server."""
    url = urlsplit(postgres_config.database_url.get_secret_value())
    assert url.hostname
    assert url.port
    return Line(url.hostname, url.port)


@pytest.fixture
def by_line(postgres_config: Config, line: Line) -> Config:
    """Return a configuration that goes this way."""
    url = urlsplit(postgres_config.database_url.get_secret_value())
    there = url._replace(netloc=f"{url.username}@127.0.0.1:{line.port}").geturl()
    return postgres_config.model_copy(update={"database_url": SecretStr(there)})


async def refuses(database: Database) -> None:
    """Insist that reads and units alike are refused as nobody's fault, and that clients hear when to come again."""
    with pytest.raises(Unavailable) as refused:
        await sessions.count_live(database.reads, NEW_YEAR)
    assert refused.value.headers == {"retry-after": "5"}
    with pytest.raises(Unavailable):
        await database.record(Occurrence(Event.USER_ENABLED, NEW_YEAR))
    with pytest.raises(Unavailable):
        await users.find_by_email(database.reads, "ann@ex.com")


async def works(database: Database) -> None:
    """Insist that what was promised is there, and what was refused is not."""
    assert await sessions.count_live(database.reads, NEW_YEAR) == 0
    assert (await database.row_counts(database.reads))["audit_log"] == 1


async def test_a_server_that_is_away_is_unavailable_and_found_again(by_line: Config, line: Line) -> None:
    """On a connection that was cut, then on none."""
    async with line.up():
        database = await open_database(by_line, [])
        await database.record(Occurrence(Event.USER_DISABLED, NEW_YEAR))
    await refuses(database)
    await refuses(database)
    async with line.up():
        await works(database)
        await database.close()


async def test_a_server_that_falls_silent_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch, by_line: Config, line: Line) -> None:
    """No connection breaks, and still everybody is told within the patience of a server (here a tenth of a second)."""
    monkeypatch.setattr(connect, "PATIENCE", 0.1)
    async with line.up():
        database = await connect.connect(by_line, listener=lambda _: None, timing=lambda _name, _seconds: None, is_node=True)
        await database.record(Occurrence(Event.USER_DISABLED, NEW_YEAR))
        line.open.clear()
        async with asyncio.timeout(10):
            await refuses(database)
        line.open.set()
        await works(database)
        await database.close()


async def test_a_probe_is_answered_soon_by_a_server_that_falls_silent(by_line: Config, line: Line) -> None:
    """However many ask and hang up: they share one question and one connection, and hear at once when it is there again."""
    async with line.up():
        database = await connect.connect(by_line, listener=lambda _: None, timing=lambda _name, _seconds: None, is_node=True)
        await database.ping()
        line.open.clear()
        hangs_up = asyncio.create_task(database.ping())
        began = asyncio.get_running_loop().time()
        waiting = [asyncio.create_task(database.ping()) for _ in range(30)]
        await asyncio.wait({hangs_up}, timeout=0.1)
        hangs_up.cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert asyncio.get_running_loop().time() - began < 5
        line.open.set()
        await database.ping()
        assert asyncio.get_running_loop().time() - began < 10, "well before a statement is given up"
        assert await database.nodes() == 1
        assert line.calls == 1
        await database.close()


async def test_a_server_that_falls_silent_keeps_nobody_from_ending(by_line: Config, line: Line) -> None:
    """Whatever was asked of it when it fell silent is given up, and its connections with it."""
    async with line.up():
        database = await connect.connect(by_line, listener=lambda _: None, timing=lambda _name, _seconds: None, is_node=True)
        await database.ping()
        line.open.clear()
        asked = [asyncio.create_task(it) for it in (database.record(Occurrence(Event.USER_ENABLED, NEW_YEAR)), database.ping())]
        await asyncio.wait(asked, timeout=0.1)
        began = asyncio.get_running_loop().time()
        await database.close()
        assert asyncio.get_running_loop().time() - began < CLOSING + 2
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), PATIENCE)
        assert all(isinstance(answer, Exception) for answer in answers)
        line.open.set()
