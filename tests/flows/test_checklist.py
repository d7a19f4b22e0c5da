"""The start page's list of what is unset or unsafe: what each setting and each person changes in it."""

from typing import Any

import pytest
from pydantic import SecretStr

from pwauth_server.deps import Deps
from pwauth_server.flows import checklist
from pwauth_server.flows.checklist import Topic
from pwauth_server.store.statements import Sql
from tests.admins import add_passkey, arrive, change
from tests.fakes import FakeClock

BACKED_UP = Sql("test_backed_up", "INSERT INTO server_state (name, number) VALUES ('backup', ?)")
TOKEN = SecretStr("q7Zt0Wk3Vv9bXc5Nm1Lp8Jh6Gf4Ds2Aa")
#: Settings with which nothing is left to do.
SET: dict[str, Any] = {
    "public_url": "https://sign.corp.dev",
    "smtp_host": "mail.corp.dev",
    "email_from": "auth@corp.dev",
    "metrics_token": TOKEN,
}


async def to_do(deps: Deps, **settings: Any) -> set[Topic]:
    """Return what is left to do in a world with these settings; whoever administers is looked at apart."""
    config = deps.config.model_copy(update=SET | settings)
    world = Deps(**{name: getattr(deps, name) for name in Deps.__slots__} | {"config": config})
    return {it.topic for it in await checklist.items(world) if not it.is_well} - {Topic.PASSKEYS, Topic.COLLEAGUE}


async def people_to_do(deps: Deps) -> set[Topic]:
    """Return what is left to do about whoever administers."""
    return {it.topic for it in await checklist.items(deps) if not it.is_well} & {Topic.PASSKEYS, Topic.COLLEAGUE}


@pytest.mark.parametrize(
    ("settings", "topic"),
    (
        ({"public_url": "http://localhost:3000"}, Topic.ADDRESS),
        ({"smtp_host": ""}, Topic.MAIL),
        ({"email_from": "pwauth@localhost.localdomain"}, Topic.SENDER),
        ({"metrics_token": SecretStr("")}, Topic.METRICS),
        ({"metrics_token": SecretStr("hunter2")}, Topic.SECRETS),
        ({"enrolment": "first_use"}, Topic.ENROLMENT),
        ({"cors_allow_all": True}, Topic.SCRIPTS),
        ({}, None),
        ({"metrics_token": SecretStr(""), "enable_metrics": False}, None),
    ),
)
async def test_a_setting_that_is_unset_or_unsafe_is_told(deps: Deps, settings: dict[str, Any], topic: Topic | None) -> None:
    """One at a time, each with its topic and nothing else."""
    await deps.db.unit(lambda tx: tx.run(BACKED_UP, int(deps.clock.now())))
    assert await to_do(deps, **settings) == ({topic} if topic else set())


async def test_a_missing_backup_is_told_where_we_make_them(deps: Deps, clock: FakeClock) -> None:
    """SQLite files are ours to copy; PostgreSQL has its own ways."""
    assert await to_do(deps) == ({Topic.BACKUP} if deps.config.is_sqlite else set())
    await deps.db.unit(lambda tx: tx.run(BACKED_UP, int(clock.now())))
    assert await to_do(deps) == set()
    clock.tick(8 * 86_400)
    assert await to_do(deps) == ({Topic.BACKUP} if deps.config.is_sqlite else set())


async def test_administrators_need_passkeys_and_each_other(deps: Deps) -> None:
    """Whoever is disabled helps nobody, and hinders nobody either."""
    assert await people_to_do(deps) == {Topic.PASSKEYS, Topic.COLLEAGUE}
    ann, bob = [(await arrive(deps, f"{name}@ex.com", "admin")).user_id for name in ("ann", "bob")]
    assert await people_to_do(deps) == {Topic.PASSKEYS}
    await add_passkey(deps, ann, 1)
    assert await people_to_do(deps) == {Topic.PASSKEYS}
    await add_passkey(deps, bob, 2)
    assert await people_to_do(deps) == set()
    await change(deps, bob, disabled=True)
    assert await people_to_do(deps) == {Topic.COLLEAGUE}
