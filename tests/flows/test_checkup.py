"""The doctor inside the server: one look at a time, for all who ask within a minute."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.flows import checkup
from pwauth_server.rules.findings import Level
from pwauth_server.wiring import make_deps
from tests.fakes import FakeClock, FakeEntropy
from tests.mail_fakes import Sink, deaf_server, mail_server
from tests.server import free_port

#: None of them must stand in a finding.
SECRETS = ("smtp-password-zq1", "metrics-token-zq2zq2", "webhook-secret-zq3", "backup-passphrase-zq4zq4zq4zq4zq4zq4")


async def world(config: Config, clock: FakeClock, port: int, file: Path | None = None) -> Deps:
    """Open a world whose mail server listens at a port."""
    settings = {"smtp_host": "localhost", "smtp_tls": "plain", "smtp_port": port, "public_url": f"http://localhost:{free_port()}"}
    named = ("smtp_password", "metrics_token", "webhook_secret", "backup_passphrase")
    hidden = {name: SecretStr(text) for name, text in zip(named, SECRETS, strict=True)}
    changed = config.model_copy(update=settings | hidden)
    return await make_deps(changed, clock=clock, entropy=FakeEntropy(), config_file=file)


@pytest.fixture
async def sink() -> Sink:
    """Return what a mail server is told."""
    return Sink()


@pytest.fixture
async def deps(database_config: Config, clock: FakeClock, sink: Sink, tmp_path: Path) -> AsyncIterator[Deps]:
    """Return a world with a mail server, on each kind of database."""
    file = tmp_path / "config.toml"
    file.write_text(f'smtp_password = "{SECRETS[0]}"')
    file.chmod(0o644)
    async with mail_server(sink) as port:
        opened = await world(database_config, clock, port, file)
        yield opened
        await checkup.stop(opened)
        await opened.db.close()


async def test_those_who_ask_at_once_share_a_look(deps: Deps, sink: Sink) -> None:
    """A page that is reloaded cannot hammer a mail server."""
    looks = await asyncio.gather(*(checkup.latest(deps, patience=20) for _ in range(20)))
    assert len({id(look) for look in looks}) == 1
    assert sink.connections == 1
    assert looks[0] is not None
    found = {it.subject: it.level for it in looks[0].found}
    assert (found["smtp"], found["proxy"], found["schema"], found["files"]) == (Level.OK, Level.OK, Level.OK, Level.WARN)
    said = " ".join(it.sentence + it.remedy for it in looks[0].found)
    assert not [secret for secret in SECRETS if secret in said]


async def test_a_look_is_kept_for_a_minute(deps: Deps, sink: Sink, clock: FakeClock) -> None:
    """Then there is a new one, and also after a clock was set back."""
    first = await checkup.latest(deps, patience=20)
    clock.tick(59)
    assert await checkup.latest(deps, patience=20) is first
    clock.tick(1)
    second = await checkup.latest(deps, patience=20)
    assert second is not first
    clock.tick(-10)
    assert await checkup.latest(deps, patience=20) is not second
    assert sink.connections == 3


async def test_nobody_waits_for_what_hangs(sqlite_config: Config, clock: FakeClock) -> None:
    """The look goes on without the one who asked, nobody begins a second one, and the end of the process breaks it off."""
    async with deaf_server() as port:
        deps = await world(sqlite_config, clock, port)
        assert await checkup.latest(deps, patience=0) is None
        under_way = deps.checkup.task
        asking = asyncio.create_task(checkup.latest(deps, patience=20))
        await asyncio.sleep(0)
        asking.cancel()
        assert await checkup.latest(deps, patience=0) is None
        assert deps.checkup.task is under_way is not None
        assert not under_way.done()
        async with asyncio.timeout(5):
            await checkup.stop(deps)
        assert under_way.cancelled()
        assert deps.checkup.task is None
        await checkup.stop(deps)
        await deps.db.close()
