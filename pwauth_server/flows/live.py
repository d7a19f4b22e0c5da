"""What happens now: samples of our own metrics, an hour of them in memory, for the people who look."""

from pwauth_server.adapters.histograms import LETTER_BOUNDS
from pwauth_server.deps import Deps
from pwauth_server.flows import mail
from pwauth_server.rules import live
from pwauth_server.rules.live import PERIODS, Hour, Sample

__all__ = ["PERIODS"]


async def take(deps: Deps) -> None:
    """Keep a sample; an old one goes for it."""
    deps.samples.append(await _sample(deps))


async def hour(deps: Deps) -> Hour:
    """Return the last hour of this process, up to now."""
    if not deps.samples:  # nobody looks as early as that, but who knows
        await take(deps)
    return live.hour([*deps.samples, await _sample(deps)], LETTER_BOUNDS)


async def _sample(deps: Deps) -> Sample:
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        letters, _ = await mail.snapshot(reads, now)
    delivered, seconds = deps.metrics.delivery_seconds.read(())
    return Sample(now, deps.metrics.sign_ins(), letters, delivered, seconds)
