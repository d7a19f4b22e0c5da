"""How the server is: for probes and for Prometheus."""

from pwauth_server.adapters.metrics import Snapshot
from pwauth_server.deps import Deps
from pwauth_server.store import email_queue, sessions


async def is_ready(deps: Deps) -> bool:
    """Tell whether the database answers."""
    try:
        await deps.db.ping()
    except Exception:  # noqa: BLE001 - whatever the driver raises, the answer is no
        return False
    return True


async def exposition(deps: Deps) -> bytes:
    """Return the metrics as Prometheus text; what the database knows is counted now, apart from the requests."""
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        live = await sessions.count_live(reads, now)
        letters, oldest = await email_queue.counts(reads), await email_queue.oldest(reads)
    age = 0.0 if oldest is None else max(0.0, now - oldest)
    return deps.metrics.render(Snapshot(sessions=live, letters=letters, oldest_letter=age))
