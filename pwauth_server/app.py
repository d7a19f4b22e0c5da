"""Assembly: configuration in, a Sanic application out. No decisions are made here."""

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sanic import Sanic
from sanic.config import Config as SanicConfig
from sanic_ext import Extend

from pwauth_server.adapters import pulse
from pwauth_server.adapters.logs import Log
from pwauth_server.adapters.shared_windows import AGAIN
from pwauth_server.config import Config, notes
from pwauth_server.deps import Deps
from pwauth_server.flows import checkup, health, housekeeping
from pwauth_server.flows import live as live_flow
from pwauth_server.flows.backup_schedule import BackupSchedule
from pwauth_server.flows.delivery import Postman
from pwauth_server.flows.event_posts import EVERY, EventPosts
from pwauth_server.rules import live
from pwauth_server.rules.limits import Limit
from pwauth_server.store import presence
from pwauth_server.web import (
    account,
    account_pages,
    admin_doctor,
    admin_events,
    admin_invitations,
    admin_letters,
    admin_live,
    admin_log,
    admin_mail,
    admin_overview,
    admin_people,
    admin_selection,
    admin_users,
    confirm_pages,
    disown,
    docs,
    forward_auth,
    magic_link,
    own_data,
    passkeys,
    recovery,
    service,
    signin,
    tokens,
    totp,
    well_known,
)
from pwauth_server.web.application import Application
from pwauth_server.web.edge import Edge
from pwauth_server.web.framing import StrictRequest
from pwauth_server.wiring import make_deps
from pwauth_server.worker import Chore, Worker

ROUTES = (
    *(*magic_link.ROUTES, *passkeys.ROUTES, *totp.ROUTES, *recovery.ROUTES, *tokens.ROUTES, *forward_auth.ROUTES),
    *(*account.ROUTES, *own_data.ROUTES, *disown.ROUTES, *admin_users.ROUTES, *admin_log.ROUTES, *admin_mail.ROUTES),
    *(*signin.ROUTES, *confirm_pages.ROUTES, *account_pages.ROUTES, *well_known.ROUTES, *service.ROUTES, *docs.ROUTES),
    *(*admin_overview.ROUTES, *admin_people.ROUTES, *admin_selection.ROUTES, *admin_invitations.ROUTES),
    *(*admin_live.ROUTES, *admin_letters.ROUTES, *admin_events.ROUTES, *admin_doctor.ROUTES),
)

#: Seconds between two rounds of housekeeping.
SWEEP_EVERY = 60.0
#: Seconds between two counts of all rows.
COUNT_EVERY = 600.0
#: Seconds that requests and the letter in hand get after SIGTERM; all of it stays below ten.
DRAIN = 5.0
#: Seconds between SIGTERM and the end of listening: time to tell busy clients to close their connections.
FAREWELL = 0.3

#: New objects between two collections of the youngest.
YOUNG = 10_000

_SANIC_SETTINGS: dict[str, Any] = {
    "AUTO_EXTEND": False,
    "ACCESS_LOG": False,
    "REQUEST_MAX_SIZE": 65_536,
    "REQUEST_MAX_HEADER_SIZE": 16_384,
    "REQUEST_TIMEOUT": 15,
    "RESPONSE_TIMEOUT": 30,
    "KEEP_ALIVE_TIMEOUT": 75,
    "GRACEFUL_SHUTDOWN_TIMEOUT": DRAIN,
    "FALLBACK_ERROR_FORMAT": "json",
    "PROXIES_COUNT": None,
    "MOTD": False,
}


def _chores(deps: Deps) -> Sequence[Chore]:
    backups = BackupSchedule(deps)
    shared = (Chore("limits", AGAIN, lambda: deps.limiter.has_room(Limit.REQUESTS)),) if deps.config.redis_url.get_secret_value() else ()
    posts = EventPosts(deps) if deps.config.webhook_url else None
    telling = (Chore("events", EVERY, posts.run, hurry=posts.stop),) if posts else ()
    return (
        Chore("housekeeping", SWEEP_EVERY, lambda: housekeeping.sweep(deps)),
        Chore("counting", COUNT_EVERY, lambda: health.count_rows(deps)),
        Chore("sampling", live.EVERY, lambda: live_flow.take(deps)),
        Chore("backup", SWEEP_EVERY, backups.keep, hurry=backups.stop),
        Chore("pulse", 0.0, lambda: pulse.beat(deps.metrics.lag)),
        *telling,
        *shared,  # without it an outage would be noticed, and its end, with the next request only
    )


def create_app(config: Config, log: Log, **fakes: Any) -> Sanic[Any, Any]:
    """Return the application; its world is opened when the server starts and closed when it has stopped."""
    app = Application(
        "pwauth", config=SanicConfig(env_prefix=None), request_class=StrictRequest, configure_logging=False, strict_slashes=True
    )
    app.config.update(_SANIC_SETTINGS)
    edge = Edge(app, config, log)
    edge.mount(ROUTES)
    Extend(app, built_in_extensions=False, extensions=[docs.ApiDocs(ROUTES)])

    async def start(app: Sanic[Any, Any]) -> None:
        edge.deps = app.ctx.deps = await make_deps(config, log=log, is_node=True, **fakes)

    async def work(app: Sanic[Any, Any]) -> None:
        deps: Deps = app.ctx.deps
        app.ctx.worker = Worker(Postman(deps), deps.mail_bell, log, chores=_chores(deps), reclaim=app.ctx.is_alone)
        app.ctx.worker.start()
        log.gather(asyncio.get_running_loop())
        _leave_to_rest()
        _announce(config, log)

    async def rest(app: Sanic[Any, Any]) -> None:
        log.info("stopping")
        edge.is_ending = True
        # Beside the requests that are being finished, not before them: the socket listens until we return.
        app.ctx.end_of_work = asyncio.create_task(app.ctx.worker.stop(DRAIN))
        await asyncio.sleep(FAREWELL)

    async def close(app: Sanic[Any, Any]) -> None:
        await _leave(app.ctx.deps, app.ctx.end_of_work)
        log.gather(None)
        log.info("stopped")

    app.ctx.is_alone = config.is_sqlite and presence.occupy(Path(config.database_path))
    app.before_server_start(start)
    app.after_server_start(work)
    app.before_server_stop(rest)
    app.after_server_stop(close)
    return app


async def _leave(deps: Deps, end_of_work: asyncio.Task[None]) -> None:
    """Wait for the end of work, and close the world whatever broke there: its writer is a thread, which would outlive us."""
    try:
        await end_of_work
    finally:
        await checkup.stop(deps)
        await deps.close()


def _announce(config: Config, log: Log) -> None:
    """Tell that the server serves, and of settings that nobody should run without knowing."""
    for note in notes(config):
        log.warning("first_use", meaning=note)
    log.info("ready", url=config.public_url, host=config.server_host, port=config.server_port)


def _leave_to_rest() -> None:
    """Tell the garbage collector that what is here now stays to the end: looking at it stops the loop for 50 ms.

    From then on it looks once in ten thousand new objects: thirty requests under way are more than the usual seven
    hundred, so that it would look, and find nothing, with every few of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
