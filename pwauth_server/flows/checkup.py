"""The doctor inside the server: one look at a time, kept for a minute, and nobody waits for it for long.

So a page that is reloaded cannot hammer name servers and mail server, and one of them that hangs holds up nobody.
"""

import asyncio
from collections.abc import Mapping

from pwauth_server.adapters.dns import Resolver
from pwauth_server.deps import Deps, Look
from pwauth_server.flows import doctor
from pwauth_server.flows.doctor import Case

#: Seconds that findings are shown again before anybody looks anew.
FRESH = 60.0
#: Seconds that somebody waits for a look; then the one before is shown, if there was one.
PATIENCE = 3.0


async def latest(deps: Deps, *, patience: float = PATIENCE) -> Look | None:
    """Return the newest look, of now or of the last minute; None if the first one still lasts."""
    held = deps.checkup
    if held.task is None and not _is_fresh(held.look, deps.clock.now()):
        # A task of its own: it goes on for the next one who asks when this one leaves.
        held.task = asyncio.create_task(_look(deps))
    if held.task is not None:
        await asyncio.wait({held.task}, timeout=patience)
    return held.look


async def stop(deps: Deps) -> None:
    """Break off a look that lasts."""
    if deps.checkup.task is not None:
        deps.checkup.task.cancel()
        await asyncio.wait({deps.checkup.task})


async def _look(deps: Deps) -> None:
    async def sightings() -> Mapping[str, float]:
        return deps.metrics.sightings()

    held = deps.checkup
    case = Case(deps.config, deps.clock, Resolver(deps.entropy), deps.db, (), sightings, held.config_file)
    try:
        held.look = Look(await doctor.findings(case), deps.clock.now())
    finally:
        held.task = None


def _is_fresh(look: Look | None, now: float) -> bool:
    # One from the future was made before a clock was set back.
    return look is not None and 0 <= now - look.at < FRESH
