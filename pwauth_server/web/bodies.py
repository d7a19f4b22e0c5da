"""Request bodies, read strictly (SEC-18, SEC-76): one spelling, one meaning, or a 4xx that echoes nothing."""

import json
import math
from functools import lru_cache
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from sanic import Request

from pwauth_server.errors import Malformed, UnsupportedMediaType

MAX_DEPTH = 32
MAX_TEXT = 4096
MAX_FIELDS = 20
#: Bodies that are remembered at most, and the longest of them in bytes: a token and its wrapping.
MAX_REMEMBERED, LONGEST_REMEMBERED = 1024, 5000
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_SEVERAL = ","
_MAX_INTEGER = 2**63

Shape = TypeVar("Shape", bound=BaseModel)


def is_form(request: Request) -> bool:
    """Tell whether the body is an HTML form."""
    return _media_type(request) == FORM


def read(request: Request, shape: type[BaseModel] | None, form: type[BaseModel] | None, *, repeats: bool = False) -> BaseModel:
    """Return a JSON body as ``shape``, an HTML form as ``form``; None takes none of its kind.

    What ``repeats`` is remembered by its bytes, which always say the same. A body of which nothing is needed may be left
    out; one that calls itself JSON may not be empty. Raises Malformed or UnsupportedMediaType.
    """
    media_type = _media_type(request)
    if not request.body and not media_type:
        if shape is not None and not needs_any(shape):
            return validated(shape, {})
        raise Malformed("The body is missing.")
    if request.headers.get("content-encoding"):
        raise UnsupportedMediaType
    wanted = shape if media_type == JSON else form if media_type == FORM else None
    if wanted is None:
        # Any other type would let a foreign page send JSON without asking (a "simple" request).
        raise UnsupportedMediaType
    if repeats and len(request.body) <= LONGEST_REMEMBERED:
        return _remembered(wanted, media_type, request.body)
    return _read(wanted, media_type, request.body)


def needs_any(shape: type[BaseModel]) -> bool:
    """Tell whether a body must hold something."""
    return any(field.is_required() for field in shape.model_fields.values())


def _read(shape: type[BaseModel], media_type: str, body: bytes) -> BaseModel:
    return validated(shape, _json(body) if media_type == JSON else _form(body))


_remembered = lru_cache(maxsize=MAX_REMEMBERED)(_read)


def query(request: Request, shape: type[Shape]) -> Shape:
    """Return the query string as ``shape``; raise Malformed for anything else in it (SEC-78)."""
    return validated(shape, _form(request.query_string.encode()) if request.query_string else {})


def validated(shape: type[Shape], content: dict[str, Any]) -> Shape:
    """Return ``content`` as ``shape``; raise Malformed naming our fields, never the values."""
    if not getattr(shape, "takes_any_text", False):
        _look_at(content, 1)
    try:
        return shape.model_validate(content)
    except ValidationError as invalid:
        faults = invalid.errors(include_input=False, include_url=False, include_context=False)
        raise Malformed("; ".join(sorted({_fault(str(fault["type"]), fault["loc"]) for fault in faults}))) from None


def _fault(kind: str, where: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":  # the name is the client's own text
        return "There is a field that does not belong here."
    field = where[0] if where else "body"
    return f"{field}: is missing." if kind == "missing" else f"{field}: is not valid."


@lru_cache(maxsize=64)
def _without_parameters(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _media_type(request: Request) -> str:
    lines = request.headers.getall("content-type", ("",))
    # Two types are none that is known here: whoever looked at the request before us may have gone by the other one.
    return _without_parameters(lines[0]) if len(lines) == 1 else _SEVERAL


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = _decode(body.decode())
    except (ValueError, RecursionError) as cause:
        raise Malformed("The body is not valid JSON.") from cause
    if not isinstance(content, dict):
        raise Malformed("The body must be a JSON object.")
    return content


def _form(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="surrogateescape", max_num_fields=MAX_FIELDS)
    except (ValueError, UnicodeDecodeError) as cause:
        raise Malformed("The form is not valid.") from cause
    return _object(pairs)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise Malformed("A field is given twice.")
    return content


def _refuse(constant: str) -> NoReturn:
    raise Malformed(f"JSON has no {constant}.")


def _look_at(value: Any, depth: int) -> None:
    """Refuse what databases, parsers or people would read differently."""
    if depth > MAX_DEPTH:
        raise Malformed("The body is nested too deeply.")
    if isinstance(value, str):
        if len(value) > MAX_TEXT or "\0" in value or not _is_unicode(value):
            raise Malformed("A text in the body is too long or not valid.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _look_at(key, depth)
            _look_at(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _look_at(item, depth + 1)
    elif (isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER) or (isinstance(value, float) and not math.isfinite(value)):
        raise Malformed("A number in the body is out of range.")


def _is_unicode(text: str) -> bool:
    """Tell whether a text has no half of a surrogate pair, which no database and no file takes."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse).decode
