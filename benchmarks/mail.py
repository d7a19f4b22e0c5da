"""How fast a full queue empties into an SMTP server on loopback: ``python -m benchmarks.mail`` (T12)."""

import argparse
import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.report import verdict
from benchmarks.servers import mail_sink, pwauth, running, workshop
from benchmarks.world import ME, opened
from pwauth_server.config import Config
from pwauth_server.flows import magic_link

AT_ONCE = 200


def main() -> None:
    """Drain the queue through one connection and through as many as the server opens."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mail")
    parser.add_argument("--letters", type=int, default=3000)
    letters = parser.parse_args().letters
    with workshop() as folder, mail_sink() as port:
        one = drain(folder / "one", port, letters, altered=["one-sender"])
        several = drain(folder / "several", port, letters)
    print(f"{letters} letters: {one:.0f}/s through one connection, {several:.0f}/s through several\n")
    print(verdict("T12", "one connection ≥ 300 letters/s", f"{one:.0f}", met=one >= 300))


def drain(folder: Path, smtp_port: int, letters: int, *, altered: Sequence[str] = ()) -> float:
    """Return letters per second between the first and the last that was sent."""
    folder.mkdir()
    config, server = pwauth(folder, smtp_port=smtp_port, altered=altered)
    asyncio.run(_queue(config, letters))
    with closing(sqlite3.connect(config.database_path)) as raw, running(server):
        while raw.execute("SELECT EXISTS (SELECT 1 FROM email_queue WHERE status IN ('pending', 'sending'))").fetchone()[0]:
            time.sleep(0.1)
        sent, first, last = raw.execute(
            "SELECT COUNT(*), MIN(finished_at), MAX(finished_at) FROM email_queue WHERE status = 'sent'"
        ).fetchone()
    if sent != letters:
        raise RuntimeError(f"{letters - sent} letters were not sent")
    rate: float = (sent - 1) / (last - first)
    return rate


async def _queue(config: Config, letters: int) -> None:
    async with opened(config) as deps:
        for start in range(0, letters, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, letters))
            asked = (
                magic_link.request(deps, email=f"p{number}@example.com", return_to=None, browser_hash=bytes(32), caller=ME)
                for number in numbers
            )
            await asyncio.gather(*asked)


if __name__ == "__main__":
    main()
