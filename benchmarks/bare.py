"""The yardstick: the fastest JSON route that Sanic alone offers. ``python -m benchmarks.bare PORT``."""

import sys

from sanic import HTTPResponse, Request, Sanic, json

app = Sanic("bare", configure_logging=False)
app.config.AUTO_EXTEND = False


@app.get("/liveness")
async def liveness(_: Request) -> HTTPResponse:
    """Answer what our own liveness answers."""
    return json({"status": "ok"})


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False, debug=False)
