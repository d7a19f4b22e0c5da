"""Strict HTTP/1.1 heads: what Sanic would guess about, we refuse (SEC-76, SEC-77; RFC 9112)."""

import re
from typing import Any

from sanic import Request
from sanic.exceptions import BadRequest, SanicException

# Request line, then field lines of a token, a colon, and printable ASCII. Sanic takes
# "Content-Length : 5" for an unknown field, reads no body, and runs the body as a second request.
_HEAD = re.compile(rb"[A-Z]+ [!-~]+ HTTP/1\.[01](?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*)*")


class LengthRequiredError(SanicException):
    """A body without Content-Length."""

    status_code = 411
    quiet = True


class StrictRequest(Request):
    """A request whose head is looked at byte by byte before anything else."""

    __slots__ = ("request_id", "started")

    #: Set by the edge: the id of this request, and `time.perf_counter()` at its start.
    request_id: str
    started: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Refuse an ambiguous head; Sanic answers 400 and closes the connection."""
        super().__init__(*args, **kwargs)
        self.request_id = ""
        self.started = 0.0
        if not self.head:
            return  # Sanic's stand-in for a request it could not read; it needs an answer too
        if not _HEAD.fullmatch(self.head):
            raise BadRequest("head")
        if "transfer-encoding" in self.headers:
            raise LengthRequiredError("chunked")
