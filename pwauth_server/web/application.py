"""Sanic, straight from the router to our handlers."""

from typing import Any

from sanic import Sanic

from pwauth_server.web.framing import StrictRequest
from pwauth_server.web.replies import Reply


class Application(Sanic[Any, Any]):
    """The server's own Sanic application: every handler is one of the edge's, and answers with a `Reply`."""

    async def handle_request(self, request: StrictRequest) -> None:  # type: ignore[override] # see `request_class`
        """Find the handler, read the body, send the answer.

        Sanic's own method also serves middleware, streams, websockets and handlers that are no coroutines. We have
        none of them, and looking for each takes a tenth of an introspection.
        """
        try:
            request.route, handler, parts = self.router.get(request.path, request.method, request.headers.getone("host", None))
            request.match_info = parts
            await request.receive_body()
            reply: Reply = await handler(request, **parts)  # type: ignore[assignment]
            request.stream.respond(reply)  # type: ignore[union-attr]
            await reply.send()
        except Exception as error:  # noqa: BLE001 - the edge answers them all
            await self.handle_exception(request, error, run_middleware=False)
