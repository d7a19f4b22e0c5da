"""The check-up on a real mail server, name server, database and disk."""

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from pwauth_server.adapters.dns import Resolver
from pwauth_server.config import Config, load
from pwauth_server.flows import doctor
from pwauth_server.flows.doctor import Case
from pwauth_server.rules.findings import Finding, Level
from pwauth_server.store.transaction import NODE
from pwauth_server.wiring import make_deps
from tests.backup_fakes import with_backups
from tests.dns_fakes import name_server
from tests.fakes import FakeClock, FakeEntropy
from tests.mail_fakes import Sink, mail_server, post
from tests.redis_server import PASSWORD, RedisServer, needs_redis
from tests.residents import Resident
from tests.server import free_port
from tests.store.rows import HAPPENED

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL
RECORDS = {
    "ex.com": ["v=spf1 -all"],
    "s1._domainkey.mail.ex.com": ["v=DKIM1; p=x"],
    "mail.ex.com": ["v=spf1 include:ex.com -all"],
    "_dmarc.ex.com": ["v=DMARC1; p=reject"],
}


@pytest.fixture
async def case(database_config: Config, clock: FakeClock) -> AsyncIterator[Case]:
    """Return a case on each kind of database: a server that has just begun, asked from inside."""
    config = with_backups(database_config, public_url=f"http://localhost:{free_port()}")
    deps = await make_deps(config, clock=clock, entropy=FakeEntropy())

    async def seen() -> Mapping[str, float]:
        return deps.metrics.sightings()

    await post(deps)
    yield Case(config, clock, Resolver(FakeEntropy(), servers=[]), deps.db, (), seen)
    await deps.db.close()


async def looked_at(case: Case, **changes: Any) -> dict[str, list[Level]]:
    """Return how bad things are, subject by subject."""
    changed = replace(case, config=case.config.model_copy(update=changes))
    return by_subject(await doctor.findings(changed))


def by_subject(found: list[Finding]) -> dict[str, list[Level]]:
    """Return the levels of each subject."""
    subjects: dict[str, list[Level]] = {}
    for finding in found:
        subjects.setdefault(finding.subject, []).append(finding.level)
    return subjects


async def test_a_server_that_has_just_begun(case: Case) -> None:
    """Nothing is broken, and what is missing is said."""
    found = await looked_at(case)
    well = ("proxy", "secrets", "files", "schema", "queue")
    assert [found[name] for name in well] == [[OK]] * len(well)
    assert (found["smtp"], found["sender"], found["address"]) == ([WARN], [WARN], [WARN, WARN])
    if case.config.is_sqlite:
        assert (found["disk"], found["space"], found["backup"]) == ([OK], [OK], [WARN])


async def test_a_letter_that_waits_is_found(case: Case, clock: FakeClock) -> None:
    """In minutes a warning, in half an hour worse."""
    clock.tick(600)
    assert (await looked_at(case))["queue"] == [WARN]
    clock.tick(3600)
    assert (await looked_at(case))["queue"] == [FAIL]


async def test_a_clock_that_is_wrong_is_found(case: Case, clock: FakeClock) -> None:
    """Against the database's own clock, or against what was written last."""
    assert case.db is not None
    await case.db.record(HAPPENED)
    if case.config.is_sqlite:
        assert (await looked_at(case))["clock"] == [OK]
    clock.tick(-3600)
    assert (await looked_at(case))["clock"] == [FAIL]


async def test_the_mail_server_is_logged_in_at(case: Case) -> None:
    """As for a letter, but none is sent; the wrong password is told from a server that is away."""
    sink = Sink()
    settings = {"smtp_host": "localhost", "smtp_tls": "plain", "smtp_username": "pwauth"}
    async with mail_server(sink, authenticator=sink.log_in, auth_require_tls=False) as port:
        right = await looked_at(case, smtp_port=port, smtp_password=SecretStr("right"), **settings)
        wrong = await looked_at(case, smtp_port=port, smtp_password=SecretStr("wrong"), **settings)
    away = await looked_at(case, smtp_port=free_port(), **settings)
    assert (right["smtp"], wrong["smtp"], away["smtp"]) == ([OK], [FAIL], [FAIL])
    assert (sink.envelopes, sink.asked_for) == ([], [])


async def test_every_mail_server_of_the_row_is_logged_in_at(case: Case) -> None:
    """Each is a subject of its own; a row that does not begin at the terminal prints nothing."""
    servers = {f"{name}_{key}": value for name in ("smtp", "smtp2") for key, value in (("host", "localhost"), ("tls", "plain"))}
    async with mail_server(Sink()) as port:
        found = await looked_at(case, smtp_port=free_port(), smtp2_port=port, email_transports=["smtp2", "smtp"], **servers)
        alone = await looked_at(case, smtp2_port=port, email_transports=["smtp2"], **servers)
    assert (found["smtp"], found["smtp2"]) == ([FAIL], [OK])
    assert (alone.get("smtp"), alone["smtp2"]) == (None, [OK])


async def test_the_senders_domain_is_looked_up(case: Case) -> None:
    """SPF of the domain itself, any DKIM key, the DMARC policy of the domain above; without DNS nothing is claimed."""
    async with name_server(RECORDS) as port:
        asked = replace(case, resolver=Resolver(FakeEntropy(), servers=["127.0.0.1"], port=port))
        mine = await looked_at(asked, email_from="auth@mail.ex.com")
        other = await looked_at(asked, email_from="auth@nobody.ex")
    silent = await looked_at(case, email_from="auth@mail.ex.com")
    assert [mine[name] for name in ("spf", "dkim", "dmarc")] == [[OK], [OK], [OK]]
    assert [other[name] for name in ("spf", "dkim", "dmarc")] == [[WARN], [WARN], [WARN]]
    assert [silent[name] for name in ("spf", "dkim", "dmarc")] == [[WARN], [WARN], [WARN]]


@needs_redis
async def test_redis_is_asked(case: Case, redis: RedisServer) -> None:
    """As a node would ask it; one that is away or wants another password is told from one that answers, and no secret is."""
    assert (await looked_at(case, redis_url=SecretStr(redis.url)))["limits"] == [OK]
    for url in (redis.url.replace(PASSWORD, "wrong"), f"redis://:{PASSWORD}@127.0.0.1:{free_port()}"):
        asked = replace(case, config=case.config.model_copy(update={"redis_url": SecretStr(url)}))
        (found,) = [it for it in await doctor.findings(asked) if it.subject == "limits"]
        assert found.level is WARN
        assert PASSWORD not in found.sentence


async def test_several_nodes_want_redis(case: Case) -> None:
    """PostgreSQL tells how many servers there are; the doctor himself and other commands are none."""
    deps = [await make_deps(case.config, clock=case.clock, entropy=FakeEntropy(), is_node=True) for _ in range(2)]
    assert "limits" not in await looked_at(case), "one process is one node"
    if not case.config.is_sqlite:
        connection = await asyncpg.connect(case.config.database_url.get_secret_value(), server_settings={"application_name": f"{NODE}2@x"})
        assert (await looked_at(case))["limits"] == [WARN]
        await connection.close()
    for opened in deps:
        await opened.db.close()


async def test_a_key_that_an_app_needs_is_told_of(case: Case) -> None:
    """While it is in the list that is well; who is about to take it away learns what would come of it (SEC-71)."""
    deps = await make_deps(case.config, clock=case.clock, entropy=FakeEntropy())
    await Resident(deps).with_app()
    await deps.db.close()
    older = SecretStr(case.config.secret_key_file.read_text().strip())
    newer = SecretStr("n1PlYiTtRo0uU1eEaK6jGf4dHcN5sLy8bWm2Tr7XpQ9v3kZ7")
    assert (await looked_at(case, secret_key=[older]))["secrets"] == [OK]
    assert (await looked_at(case, secret_key=[newer, older]))["secrets"] == [OK, OK]
    assert (await looked_at(case, secret_key=[newer]))["secrets"] == [OK, FAIL]


async def test_files_that_others_read_are_found(case: Case, tmp_path: Path) -> None:
    """A configuration counts once it holds a secret, or cannot be understood; without one everybody may read it."""
    file = tmp_path / "config.toml"
    for text, level in (
        ('smtp_password = "x"', WARN),
        ('secret_key = ["x"]', WARN),
        ("not TOML", WARN),
        ('smtp_host = "x"\nsmtp_password = ""', OK),
        ("nonsense = 1", OK),
    ):
        file.write_text(text)
        file.chmod(0o644)
        assert by_subject(await doctor.findings(replace(case, config_file=file)))["files"] == [level], text
    file.chmod(0o600)
    file.write_text('smtp_password = "x"')
    assert by_subject(await doctor.findings(replace(case, config_file=file)))["files"] == [OK]


async def test_files_that_variables_name_are_judged_like_the_configuration(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who else reads or changes them, whether anything stands in them, and whether it is published."""
    files = {name: tmp_path / name for name in ("metrics_token", "smtp_password", "webhook_secret", "email_from")}
    for name, path in files.items():
        monkeypatch.setenv(f"PWAUTH_{name.upper()}_FILE", str(path))
    (tmp_path / "metrics_token").write_text("changeme-changeme-changeme-changeme\n")
    (tmp_path / "email_from").write_text("auth@ex.com")
    for mode, level in ((0o644, WARN), (0o666, FAIL), (0o600, OK)):
        for name in ("smtp_password", "webhook_secret"):
            (tmp_path / name).touch()
            (tmp_path / name).chmod(0o600)
        (tmp_path / "metrics_token").chmod(mode)
        (tmp_path / "email_from").chmod(0o644)
        set_by_file = load(None, {name: text for name, text in os.environ.items() if name.startswith("PWAUTH_")})
        read = {name: getattr(set_by_file, name) for name in ("metrics_token", "smtp_password", "webhook_secret")}
        found = await doctor.findings(replace(case, config=case.config.model_copy(update=read)))
        assert by_subject(found)["files"] == [level]
        said = [it.sentence for it in found if it.subject == "secrets"]
        assert said == ["metrics_token is a published example.", "webhook_secret is not set: the file for it is empty."]


async def test_one_check_that_stumbles_hides_no_other(case: Case) -> None:
    """Whatever breaks is a finding itself."""

    async def broken() -> None:
        raise ZeroDivisionError

    found = by_subject(await doctor.findings(replace(case, sightings=broken)))
    assert found["proxies"] == [WARN]
    assert found["schema"] == [OK]


async def test_a_database_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks because nothing works wants to know so soon."""
    monkeypatch.setattr(doctor, "PATIENCE", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgres://u:hunter2@127.0.0.1:{silent.getsockname()[1]}/x"
        config = Config(database_url=SecretStr(url), database_path=str(tmp_path / "auth.db"), server_port=free_port())
        found = await doctor.examine(config, FakeClock(), Resolver(FakeEntropy(), servers=[]), None)
    assert "The database cannot be used: no answer in time." in [it.sentence for it in found]


async def test_from_outside_a_missing_or_old_database_is_found(sqlite_config: Config, tmp_path: Path) -> None:
    """Nothing is made, migrated or repaired by looking."""
    none = Config(database_path=str(tmp_path / "none" / "auth.db"), server_port=free_port())
    broken = sqlite_config.model_copy(update={"database_path": str(tmp_path / "broken.db"), "server_port": free_port()})
    (tmp_path / "broken.db").write_bytes(b"not a database" * 100)
    empty = broken.model_copy(update={"database_path": str(tmp_path / "empty.db")})
    (tmp_path / "empty.db").touch()
    before = sorted(tmp_path.rglob("*"))
    resolver = Resolver(FakeEntropy(), servers=[])
    absent = by_subject(await doctor.examine(none, FakeClock(), resolver, None))
    assert (absent["database"], "schema" in absent, absent["secrets"]) == ([FAIL], False, [OK])
    assert by_subject(await doctor.examine(empty, FakeClock(), resolver, None))["schema"] == [WARN]
    assert by_subject(await doctor.examine(broken, FakeClock(), resolver, None))["database"] == [FAIL]
    assert sorted(tmp_path.rglob("*")) == before
