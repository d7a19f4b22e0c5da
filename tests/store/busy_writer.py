"""A process that writes through units until it is killed, and names each row once it has the answer."""

import asyncio
import os
import sys

from pwauth_server.config import Config
from pwauth_server.store.connect import connect
from pwauth_server.store.transaction import Database
from tests.store.rows import mark


async def _write(database: Database, lane: int) -> None:
    number = 0
    while True:
        name = f"{lane}-{number}"
        await database.unit(lambda tx, name=name: mark(tx, name))  # type: ignore[misc]
        os.write(1, f"{name}\n".encode())  # unbuffered: what stands here was answered
        number += 1


async def _main(path: str) -> None:
    database = await connect(Config(database_path=path), listener=lambda _: None, timing=lambda _name, _seconds: None)
    await asyncio.gather(*(_write(database, lane) for lane in range(20)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
