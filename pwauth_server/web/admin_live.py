"""What happens now, in numbers and small charts: a part of the start page, and by itself for the script that keeps it fresh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pwauth_server.flows import live
from pwauth_server.rules import charts
from pwauth_server.web import admin_frame, pages
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar for each minute; ``above`` stands on it."""

    top: float
    bars: str
    above: str = ""


async def show_live(call: Call) -> Reply:
    """Show the numbers without the frame around them."""
    return pages.show(call.request, "admin_live.html", **await facts(call))


async def facts(call: Call) -> dict[str, Any]:
    """Return what the part of the page shows."""
    hour = await live.hour(call.deps)
    succeeded, failed = [it.succeeded for it in hour.periods], [it.failed for it in hour.periods]
    top = max(map(sum, zip(succeeded, failed, strict=True)))
    return {
        "hour": hour,
        "sign_ins_chart": Chart(top, _bars(succeeded, top), _bars(failed, top, below=succeeded)),
        "waiting_chart": _chart([it.waiting for it in hour.periods]),
        "delivery_chart": _chart([it.delivery or 0.0 for it in hour.periods]),
    }


def _chart(values: Sequence[float]) -> Chart:
    return Chart(max(values), _bars(values, max(values)))


def _bars(values: Sequence[float], top: float, below: Sequence[float] | None = None) -> str:
    return charts.bars(values, places=live.PERIODS, top=top, below=below)


ROUTES = (admin_frame.shows("/admin/live", show_live, "What happens now, as a part of a page"),)
