"""The shape of every refusal."""

from typing import Annotated

from pydantic import Field

from pwauth_server.web.schemas import Answer, Moment


class Problem(Answer):
    """RFC 9457 problem details; some words say more."""

    type: str
    title: str
    status: int
    detail: str
    error: Annotated[str, Field(description="A stable word for programs.")]
    request_id: str
    methods: Annotated[list[str], Field(default_factory=list, description="With `insufficient_user_authentication`: what would do.")]
    asked_at: Annotated[Moment, Field(default_factory=str, description="With `confirmation_required`: when the link was asked for.")]
    asked_from: Annotated[str, Field(default_factory=str, description="From which address.")]
    asked_with: Annotated[str, Field(default_factory=str, description="With what browser.")]
