"""Which scripts of other origins may call us: an exact list, closed by default (SEC-93)."""

from sanic import Request

from pwauth_server.config import Config
from pwauth_server.web.replies import Reply

_HEADERS = "authorization, content-type, x-request-id"
_EXPOSED = "x-request-id, retry-after"
_MAX_AGE = "600"


class Policy:
    """Compares origins as strings; cookies are never allowed across origins."""

    def __init__(self, config: Config) -> None:
        """Take the list of the configuration."""
        self._everybody = config.cors_allow_all
        self._origins = frozenset(config.cors_allowed_origins)
        self._used = self._everybody or bool(self._origins)

    def decorate(self, request: Request, reply: Reply, methods: str) -> None:
        """Add the headers that let an allowed origin read ``reply``; a preflight needs allowed wishes too."""
        if not self._used:
            return
        reply.add("vary", "origin")
        origin = request.headers.get("origin")
        if origin is None or not (self._everybody or origin in self._origins) or origin == "null":
            return
        wished_method = request.headers.get("access-control-request-method")
        if request.method == "OPTIONS" and wished_method is not None:
            wished = request.headers.get("access-control-request-headers", "")
            names = {name.strip().lower() for name in wished.split(",") if name.strip()}
            if wished_method not in methods.split(", ") or not names <= set(_HEADERS.split(", ")):
                return
            reply.add("access-control-allow-methods", methods)
            reply.add("access-control-allow-headers", _HEADERS)
            reply.add("access-control-max-age", _MAX_AGE)
        else:
            reply.add("access-control-expose-headers", _EXPOSED)
        reply.add("access-control-allow-origin", origin)
