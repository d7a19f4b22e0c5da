"""What the commands that look into the database share."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pwauth_server.commands.common import load
from pwauth_server.deps import Deps
from pwauth_server.errors import Fault
from pwauth_server.store.migrate import absent, migrate
from pwauth_server.wiring import make_deps

T = TypeVar("T")


def with_deps(path: Path | None, work: Callable[[Deps], Awaitable[T]], *, may_create: bool = False) -> T:
    """Run ``work`` in the world of the configuration, with the database up to date, and close it.

    Without ``may_create`` a missing SQLite file is an error: in a wrong folder nothing is begun anew, and nobody takes
    an empty list for an answer.
    """

    async def run() -> T:
        config = load(path)
        if not may_create and (place := absent(config)):
            raise Fault(f"There is no database at {place}; name its configuration with --config, or start the server first.")
        await migrate(config)
        deps = await make_deps(config)
        try:
            return await work(deps)
        finally:
            await deps.close()

    return asyncio.run(run())
