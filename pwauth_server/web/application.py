"""Sanic, straight from the router to our handlers."""

from asyncio import sleep
from typing import Any

from sanic import Sanic
from sanic.http import Http

from pwauth_server.web.framing import StrictRequest
from pwauth_server.web.replies import Reply


class Application(Sanic[Any, Any]):
    """The server's own Sanic application: every handler is one of the edge's, and answers with a `Reply`."""

    async def handle_request(self, request: StrictRequest) -> None:  # type: ignore[override] # see `request_class`
        """Read the body, find the handler, send the answer.

        The body comes first: behind an answer Sanic would read what is left of it, with new patience for every byte
        (SEC-64). Sanic's own method also serves middleware, streams, websockets and handlers that are no coroutines. We
        have none of them, and looking for each takes a tenth of an introspection.
        """
        try:
            await request.receive_body()
            request.route, handler, parts = self.router.get(request.path, request.method, request.headers.getone("host", None))
            request.match_info = parts
            reply: Reply = await handler(request, **parts)  # type: ignore[assignment]
            request.stream.respond(reply)  # type: ignore[union-attr]
            await reply.send()
        except Exception as error:  # noqa: BLE001 - the edge answers them all
            await self.handle_exception(request, error, run_middleware=False)
        if isinstance(request.stream, Http) and request.stream.recv_buffer:
            # A client that sends requests in advance: nothing else here waits, so that all of them would come before anybody else's.
            await sleep(0)
