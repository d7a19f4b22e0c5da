"""The API described for people and programs, as an extension of sanic-ext: no script, no foreign host."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sanic_ext import Extend, Extension

from pwauth_server.web import openapi, pages
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route


async def document(call: Call) -> Reply:
    """Serve the description, which describes itself as well."""
    return Reply(call.request.app.ctx.described()[0], content_type="application/yaml; charset=utf-8", kind="public")


async def page(call: Call) -> Reply:
    """Show the same to people."""
    return pages.show(call.request, "docs.html", **call.request.app.ctx.described()[1])


class ApiDocs(Extension):  # type: ignore[no-untyped-call] # the base class is untyped
    """Renders what ``/openapi.yaml`` and ``/docs`` show, when it is first asked for."""

    name = "apidocs"

    def __init__(self, routes: Sequence[Route]) -> None:
        """Describe ``routes``."""
        self._routes = routes

    def startup(self, bootstrap: Extend) -> None:
        """Tell the two handlers where the description is."""
        bootstrap.app.ctx.described = cache(self._render)

    def _render(self) -> tuple[str, dict[str, Any]]:
        described = openapi.document(self._routes)
        schemas = described["components"]["schemas"]
        operations: list[dict[str, Any]] = [
            {"method": method.upper(), "path": path, "fields": _fields(operation, schemas), **operation}
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
            if operation["tags"] != ["Pages"]  # what our own forms send is nobody's interface
        ]
        return openapi.text(self._routes), {"operations": operations, "schemas": schemas}


def _fields(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    """Return the names of what a call answers, if it answers JSON of a shape of its own."""
    schema = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    shape = schemas.get(schema.get("anyOf", [schema])[0].get("$ref", "").rpartition("/")[2], {})
    return list(shape.get("properties", ()))


ROUTES = (
    Route("GET", "/openapi.yaml", document, "This description", "Service", media_type="application/yaml"),
    Route("GET", "/docs", page, "This description for people", "Service", cors=False, media_type="text/html"),
)
