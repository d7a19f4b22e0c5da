"""The API described for people and programs, as an extension of sanic-ext: no script, no foreign host."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sanic_ext import Extend, Extension

from pwauth_server.web import openapi, pages
from pwauth_server.web.edge import Edge
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route


class ApiDocs(Extension):  # type: ignore[no-untyped-call] # the base class is untyped
    """Mounts ``/openapi.yaml`` and ``/docs``."""

    name = "apidocs"

    def __init__(self, edge: Edge, routes: Sequence[Route]) -> None:
        """Describe ``routes`` and mount through ``edge``."""
        self._edge, self._routes = edge, routes
        self._rendered = cache(self._render)

    def startup(self, bootstrap: Extend) -> None:  # noqa: ARG002 - the library's signature
        """Mount the two routes."""

        async def document(_: Call) -> Reply:
            return Reply(self._rendered()[0], content_type="application/yaml; charset=utf-8", kind="public")

        async def page(call: Call) -> Reply:
            return pages.show(call.request, "docs.html", **self._rendered()[1])

        self._edge.mount(
            (
                Route("GET", "/openapi.yaml", document, "This description", "Service", media_type="application/yaml"),
                Route("GET", "/docs", page, "This description for people", "Service", cors=False, media_type="text/html"),
            )
        )

    def _render(self) -> tuple[str, dict[str, Any]]:
        described = openapi.document(self._routes)
        operations: list[dict[str, Any]] = [
            {"method": method.upper(), "path": path, **operation}
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
            if operation["tags"] != ["Pages"]  # what our own forms send is nobody's interface
        ]
        return openapi.text(self._routes), {"operations": operations, "schemas": described["components"]["schemas"]}
