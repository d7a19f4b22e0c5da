"""A whole server that tells a program what happens."""

import asyncio
import json
import shutil
import signal
from pathlib import Path

from tests.mail_fakes import eventually
from tests.people import Person
from tests.server import Server, free_port
from tests.webhook_fakes import SECRET, Receiver, receiving


async def test_a_program_learns_of_what_happened_while_it_was_away(tmp_path: Path, sqlite_template: Path) -> None:
    """Of a server that was killed and of the command line as well; nobody waited for it, and no log holds the secret."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    receiver, port = Receiver(), free_port()
    server = Server(tmp_path, webhook_url=f"http://127.0.0.1:{port}/events", webhook_secret=SECRET)
    try:
        await asyncio.to_thread(server.start)
        person = Person(server)
        await asyncio.to_thread(person.sign_in)
        await asyncio.to_thread(server.command, "admin", "grant", person.address)
        server.wait_for_log("webhook.deferred")
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        async with receiving(receiver, port=port):
            await asyncio.to_thread(server.start)
            wanted = {"link.requested", "user.created", "sign_in.succeeded", "user.role_granted"}
            await eventually(lambda: wanted <= {json.loads(it.body)["type"] for it in receiver.posted}, within=30)
            await asyncio.to_thread(server.stop)
        assert all(posted.is_signed(SECRET) for posted in receiver.posted)
        assert SECRET not in "".join(server.log)
    finally:
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        server.mail.server_close()
