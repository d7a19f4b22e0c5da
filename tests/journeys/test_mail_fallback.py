"""A whole server whose ways to send letters are away, one after the other."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.mail_fakes import Sink, mail_server
from tests.server import Server, free_port
from tests.webhook_fakes import SECRET, Receiver, receiving


@asynccontextmanager
async def serving(folder: Path, **settings: str) -> AsyncIterator[Server]:
    """Run a server to whose first mail server nobody listens."""
    server = Server(folder, mail=None, smtp_port=str(free_port()), smtp2_host="127.0.0.1", smtp2_tls="plain", **settings)
    try:
        yield await asyncio.to_thread(server.start)
    finally:
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        server.mail.server_close()


async def tested(server: Server) -> str:
    """Return what the command line says about a test letter."""
    said = await asyncio.to_thread(server.command, "mail", "test", "ann@ex.com")
    return said.splitlines()[-1]


async def test_letters_leave_as_long_as_one_way_is_open(tmp_path: Path, sqlite_template: Path) -> None:
    """Over the second server, then by the webhook, at last on the terminal; each time the command line tells which (SEC-84)."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    sink, receiver, second, third = Sink(), Receiver(), free_port(), free_port()
    ways = {
        "email_transports": "smtp,smtp2,webhook,console",
        "smtp2_port": str(second),
        "email_webhook_url": f"http://127.0.0.1:{third}/letters",
        "email_webhook_secret": SECRET,
    }
    async with serving(tmp_path, **ways) as server:
        async with receiving(receiver, port=third):
            async with mail_server(sink, port=second):
                assert await tested(server) == "sent by smtp2"
            assert await tested(server) == "sent by webhook"
        assert await tested(server) == "sent by console"
        assert (sink.recipients, [it.letter["recipient"] for it in receiver.posted]) == (["ann@ex.com"], ["ann@ex.com"])
        assert receiver.posted[0].is_signed(SECRET)
        assert "To: ann@ex.com\n" in server.output
        passed_on = server.wait_for_log("letter.passed_on")
        assert (passed_on["transport"], passed_on["reason"]) == ("smtp", "down_refused")
        sent = [server.metric("email_deliveries_total", transport=name, outcome="sent") for name in ("smtp2", "webhook", "console")]
        assert sent == [1, 1, 1]
        assert SECRET not in "".join(server.log)  # nor who got a letter
        assert "ann@ex.com" not in "".join(server.log)


async def test_a_test_letter_that_did_not_leave_says_why(tmp_path: Path, sqlite_template: Path) -> None:
    """And the exit code says so too: it waits in the queue."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    async with serving(tmp_path) as server:
        with pytest.raises(AssertionError, match="not sent: smtp says down_refused"):
            await tested(server)
