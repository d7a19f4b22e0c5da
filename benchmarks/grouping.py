"""Rotations straight on the store, with and without commits in groups: ``python -m benchmarks.grouping`` (T6)."""

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median
from uuid import UUID

from benchmarks.servers import workshop
from benchmarks.world import opened, sign_in_many
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.store import sqlite
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Tx

AT_ONCE = 64
ROUNDS, ROTATIONS = 5, 40
_ROTATE = Sql("rotate", "UPDATE sessions SET generation = generation + 1, rotated_at = ? WHERE id = ?")


async def measure(folder: Path) -> tuple[float, float]:
    """Return rotations per second with one commit for each, and with commits in groups (medians)."""
    together, found = sqlite.MAX_GROUP, []
    async with opened(Config(database_path=str(folder / "auth.db"))) as deps:
        ids = [UUID(pair.session_id) for pair in await sign_in_many(deps, AT_ONCE)]
        for _ in range(ROUNDS):
            for size in (1, together):
                sqlite.MAX_GROUP = size
                found.append(await _rate(deps, ids))
    return median(found[::2]), median(found[1::2])


async def _rate(deps: Deps, ids: list[UUID]) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(_rotate(deps, session_id) for session_id in ids))
    return AT_ONCE * ROTATIONS / (time.perf_counter() - begun)


async def _rotate(deps: Deps, session_id: UUID) -> None:
    for _ in range(ROTATIONS):
        now = deps.clock.now()

        async def work(tx: Tx, now: float = now) -> bool:
            return await tx.run(_ROTATE, now, session_id) == 1

        if not await deps.db.unit(work):
            raise RuntimeError("a rotation was refused")


def main() -> None:
    """Print both rates as JSON."""
    with workshop() as folder:
        alone, grouped = asyncio.run(measure(folder))
    json.dump({"alone": alone, "grouped": grouped}, sys.stdout)


if __name__ == "__main__":
    main()
