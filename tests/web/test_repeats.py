"""Bodies that come again and again are read once each, and mean the same every time."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from sanic.compat import Header

from pwauth_server.errors import Malformed, UnsupportedMediaType
from pwauth_server.web import bodies
from pwauth_server.web.schemas import TokenInQuestion

JSON, FORM = {"content-type": "application/json"}, {"content-type": "application/x-www-form-urlencoded"}
BODY = b'{"token":"abc"}'


def read(body: bytes, headers: Mapping[str, str] = JSON, *, repeats: bool = True) -> BaseModel:
    """Return what a body says."""
    request: Any = SimpleNamespace(headers=Header(headers), body=body)
    return bodies.read(request, TokenInQuestion, TokenInQuestion, repeats=repeats)


def test_the_same_bytes_are_read_once() -> None:
    """Introspection is asked about the same token again and again."""
    assert read(BODY) is read(bytes(bytearray(BODY)))
    assert read(BODY) == TokenInQuestion(token="abc")
    assert read(b"token=abc", FORM) is read(b"token=abc", FORM)


def test_only_bodies_of_trusted_programs_and_of_a_sensible_size_are_kept() -> None:
    """What strangers send takes none of our memory for longer than their request."""
    assert read(BODY, repeats=False) is not read(BODY, repeats=False)
    long = BODY + b" " * bodies.LONGEST_REMEMBERED
    assert read(long) == read(BODY)
    assert read(long) is not read(long)


def test_the_type_is_part_of_what_is_remembered() -> None:
    """The same bytes under another type are other content, and the check of the type comes first every time (SEC-18)."""
    read(BODY)
    with pytest.raises(Malformed):
        read(BODY, FORM)
    for headers in ({"content-type": "text/plain"}, JSON | {"content-encoding": "gzip"}):
        with pytest.raises(UnsupportedMediaType):
            read(BODY, headers)


def test_a_refusal_is_found_again_each_time() -> None:
    """Nothing is remembered of what was refused."""
    for _ in range(2):
        with pytest.raises(Malformed):
            read(b'{"token":1}')
