"""Shapes of query strings: pages, filters. Unknown parameters are refused (SEC-78)."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from pwauth_server.events import Event
from pwauth_server.rules import client_address, ids, moments
from pwauth_server.rules.letters import LetterKind
from pwauth_server.web.schemas import Email

MAX_PAGE = 100
LetterState = Literal["pending", "sending", "sent", "failed", "expired"]
#: Rows of one export at the most.
MAX_TABLE = 10_000


def whole(text: Any) -> Any:
    """Read a number of a query string: plain ASCII digits and nothing else."""
    if isinstance(text, str):
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII):
            raise ValueError("number")
        return int(text)
    return text


def _known_id(text: str) -> str:
    if ids.parse(text) is None:
        raise ValueError("id")
    return text


def _known_address(text: str) -> str:
    """Return an address of any spelling as audit rows hold it; they also hold what came from none."""
    if text == client_address.LOCAL:
        return text
    found = client_address.parse(text)
    if found is None:
        raise ValueError("address")
    return str(found)


def _moment(text: str) -> str:
    moments.read_rfc3339(text)
    return text


def _field_moment(text: str) -> str:
    moments.from_field(text)
    return text


PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Rows at the most."), BeforeValidator(whole)]
TableSize = Annotated[int, Field(ge=1, le=MAX_TABLE), BeforeValidator(whole)]
Skipped = Annotated[int, Field(ge=0, le=1_000_000, description="Rows to leave out."), BeforeValidator(whole)]
#: A number to us, an opaque text to clients.
RowNumber = Annotated[int, Field(ge=1, lt=2**63), BeforeValidator(whole), WithJsonSchema({"type": "string"})]
Id = Annotated[str, AfterValidator(_known_id)]
IpAddress = Annotated[str, Field(max_length=45), AfterValidator(_known_address)]
FieldMoment = Annotated[str, AfterValidator(_field_moment)]


class Query(BaseModel):
    """A query string: unknown parameters are refused, so that nobody believes a filter works that does not exist."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Paged(Query):
    """One page of a list."""

    limit: PageSize = 50
    offset: Skipped = 0


class UserSearch(Paged):
    """Which people."""

    q: Annotated[str, Field(max_length=254, description="Part of an address or a name, or an id.")] = ""


class LetterSearch(Paged):
    """Which letters."""

    status: Annotated[LetterState | None, Field(description="State.")] = None
    kind: Annotated[Literal[tuple(LetterKind)] | None, Field(description="Kind of letter.")] = None  # type: ignore[valid-type]
    to: Annotated[Email | None, Field(description="Whole address.")] = None


class Before(Query):
    """One page of a log."""

    limit: PageSize = 50
    before: Annotated[RowNumber | None, Field(description="`next` of the page before.")] = None


class AuditSearch(Query):
    """Which rows of the audit log."""

    limit: Annotated[TableSize | None, Field(description=f"Rows at the most: 50, up to {MAX_PAGE}; in a table up to {MAX_TABLE}.")] = None
    before: Annotated[RowNumber | None, Field(description="`next` of the page before.")] = None
    event: Annotated[Literal[tuple(Event)] | None, Field(description="What happened.")] = None  # type: ignore[valid-type]
    user_id: Annotated[Id | None, Field(description="To whom.")] = None
    ip: Annotated[IpAddress | None, Field(description="From where: an address in any spelling, or `local`: the server itself.")] = None
    since: Annotated[Annotated[str, AfterValidator(_moment)] | None, Field(description="Not before (RFC 3339).")] = None
    until: Annotated[Annotated[str, AfterValidator(_moment)] | None, Field(description="Before (RFC 3339).")] = None
    format: Annotated[Literal["json", "csv"] | None, Field(description="Table or JSON; `Accept: text/csv` asks for a table too.")] = None


class View(Query):
    """What a page shows, as its own form asks for it: an empty field asks for nothing."""

    said: Annotated[str, Field(max_length=40, description="What was done before.")] = ""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value != ""}

    def chosen(self) -> dict[str, str]:
        """Return the filters that are set, for the address of the next page."""
        return {name: value for name, value in self if isinstance(value, str) and name != "said"}


class LetterView(View):
    """Which letters a page shows."""

    limit: PageSize = 20
    offset: Skipped = 0
    status: Annotated[LetterState | None, Field(description="State.")] = None
    to: Annotated[str | None, Field(max_length=254, description="Whole address.")] = None


class EventView(View):
    """Which events a page shows."""

    limit: PageSize = 50
    before: Annotated[RowNumber | None, Field(description="Id of the last row of the page before.")] = None
    event: Annotated[Literal[tuple(Event)] | None, Field(description="What happened.")] = None  # type: ignore[valid-type]
    person: Annotated[str | None, Field(max_length=254, description="To whom: address or id.")] = None
    since: Annotated[FieldMoment | None, Field(description="Not before; UTC.")] = None
    until: Annotated[FieldMoment | None, Field(description="Before; UTC.")] = None
