"""The server about itself: health, metrics, the front door."""

from pwauth_server.adapters.metrics import CONTENT_TYPE
from pwauth_server.errors import Missing, Unauthenticated, Unavailable
from pwauth_server.flows import account, health
from pwauth_server.web import guards, pages, replies, schemas
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route


async def ready(call: Call) -> Reply:
    """Tell whether requests can be served: the database answers."""
    if not await health.is_ready(call.deps):
        raise Unavailable
    return replies.ok({"status": "ok"})


async def alive(_: Call) -> Reply:
    """Tell that the process answers."""
    return replies.ok({"status": "ok"})


async def metrics(call: Call) -> Reply:
    """Show Prometheus what happens."""
    guards.metrics(call.request, call.deps.config, call.ip)
    return Reply(await health.exposition(call.deps), content_type=CONTENT_TYPE)


async def front_door(call: Call) -> Reply:
    """Tell a person whether they are signed in, and a program where the API is described."""
    if not pages.are_wanted(call.request):
        return replies.ok({"name": "pwauth", "openapi": "/openapi.yaml", "docs": "/docs"})
    try:
        me = await account.me(call.deps, await guards.session(call.request, call.deps))
    except Unauthenticated:
        me = None
    return pages.show(call.request, "front_door.html", me=me)


async def static(call: Call) -> Reply:
    """Serve a stylesheet, a script or a picture of ours."""
    found = pages.STATIC.get(call.path["name"])
    if found is None:
        raise Missing
    return Reply(found[1], content_type=found[0], kind="public")


_HEALTH = {503: "The database does not answer."}

ROUTES = (
    Route("GET", "/", front_door, "Front door", "Service", limits=(), cors=False, also=("text/html",)),
    Route("GET", "/health", ready, "Is the server well", "Service", limits=(), answer=schemas.Health, statuses=_HEALTH),
    Route("GET", "/readiness", ready, "Can requests be served now", "Service", limits=(), answer=schemas.Health, statuses=_HEALTH),
    Route("GET", "/liveness", alive, "Does the process answer", "Service", limits=(), answer=schemas.Health),
    Route(
        "GET", "/metrics", metrics, "Prometheus metrics", "Service",
        limits=(), cors=False, media_type="text/plain", statuses={401: "The token is wrong.", 404: "Not for this peer."},
    ),
    Route(
        "GET", "/static/<name:str>", static, "Files of the pages", "Service",
        limits=(), media_type="text/css", statuses={404: "No such file."},
    ),
)  # fmt: skip
