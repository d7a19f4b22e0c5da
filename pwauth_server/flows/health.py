"""How the server is: for probes and for Prometheus."""

from pwauth_server.adapters.metrics import Snapshot
from pwauth_server.deps import Deps
from pwauth_server.flows import mail
from pwauth_server.store import epoch, sessions


async def is_ready(deps: Deps) -> bool:
    """Tell whether the database answers."""
    try:
        await deps.db.ping()
    except Exception:  # noqa: BLE001 - whatever the driver raises, the answer is no
        return False
    return True


async def count_rows(deps: Deps) -> None:
    """Count the rows of every table for the metrics: now and then, for it looks at all of them."""
    async with deps.db.apart() as reads:
        deps.metrics.counted(await deps.db.row_counts(reads))


async def exposition(deps: Deps) -> bytes:
    """Return the metrics as Prometheus text; what the database knows is counted now, apart from the requests."""
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        live = await sessions.count_live(reads, now)
        letters, oldest = await mail.snapshot(reads, now)
        backed_up_at = await epoch.backed_up_at(reads)
        sizes = await deps.db.sizes(reads)
    return deps.metrics.render(
        Snapshot(sessions=live, letters=letters, oldest_letter=oldest, backed_up_at=backed_up_at, sizes=sizes),
    )
