"""The check-up: facts are gathered here, at the same time and with patience; `rules.findings*` judge them.

Nothing is changed and nothing is stopped: what cannot be looked at is a finding too.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pwauth_server import config as configuration
from pwauth_server.adapters import host, http_probe
from pwauth_server.adapters.aside import aside
from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.dns import Resolver
from pwauth_server.adapters.smtp import SmtpTransport
from pwauth_server.config import Config, SmtpName
from pwauth_server.errors import PwauthError
from pwauth_server.flows import mail
from pwauth_server.rules import findings as judge
from pwauth_server.rules import findings_address, findings_mail
from pwauth_server.rules.addresses import domain_of
from pwauth_server.rules.findings import Finding
from pwauth_server.rules.limits import Limit
from pwauth_server.rules.moments import HOUR
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.store import epoch, migrate, totp
from pwauth_server.store.audit import NEWEST
from pwauth_server.store.connect import connect
from pwauth_server.store.transaction import Database

#: Seconds that one check may take.
PATIENCE = 20.0
#: Seconds in which Redis has to answer; a request waits much shorter.
REDIS_PATIENCE = 3.0
#: Where container engines put secrets, with modes of their own: nobody else is in there.
_OF_ENGINES = frozenset({Path("/run/secrets"), Path("/var/run/secrets")})
_USERS = {"smtp_password": "smtp_username", "smtp2_password": "smtp2_username"}
_SEEN = re.compile(r'^pwauth_forwarded_requests_total\{seen="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """Who is looked at, and with what."""

    config: Config
    clock: Clock
    resolver: Resolver
    #: None if there is none yet or it lacks migrations.
    db: Database | None
    #: Migrations that the database lacks.
    lacking: Sequence[str]
    #: What a running server has seen of proxies; None if none can be asked.
    sightings: Callable[[], Awaitable[Mapping[str, float] | None]]
    config_file: Path | None = None


async def examine(config: Config, clock: Clock, resolver: Resolver, config_file: Path | None) -> list[Finding]:
    """Look at everything from outside the server, as the command line does."""
    ill: list[Finding] = []
    db: Database | None = None
    lacking: Sequence[str] = ()
    try:
        if place := migrate.absent(config):
            ill = [judge.no_database(str(place))]
        async with asyncio.timeout(PATIENCE):
            if not ill and not (lacking := await migrate.missing(config)):
                db = await connect(config, listener=lambda _: None, timing=lambda _name, _seconds: None)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises is what is to be told
        ill = [judge.broken_database(_reason(error))]
    try:
        case = Case(config, clock, resolver, db, lacking, lambda: seen_by(config), config_file)
        return ill + await findings(case)
    finally:
        if db is not None:
            await db.close()


async def findings(case: Case) -> list[Finding]:
    """Return what is found, subject by subject."""
    checks = (_smtp, _sender, _clocks, _address, _proxies, _disk, _secrets, _database, _limits)
    found = await asyncio.gather(*(_patiently(check, case) for check in checks))
    return [finding for some in found for finding in some]


async def seen_by(config: Config) -> Mapping[str, float] | None:
    """Ask the server on this machine what it has seen of proxies; None if it does not answer."""
    listening = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.server_host, config.server_host)  # noqa: S104 - where to ask it
    token = config.metrics_token.get_secret_value()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    page = await http_probe.fetch(f"http://{listening}:{config.server_port}/metrics", headers)
    return {word: float(count) for word, count in _SEEN.findall(page.text)} or None


def set_secrets(config: Config) -> Mapping[str, str]:
    """Return the secrets that an operator may set and nothing else has judged, by name."""
    return {name: getattr(config, name).get_secret_value() for name in ("metrics_token", "webhook_secret")}


def backup_rhythm(config: Config) -> float | None:
    """Return the seconds between two scheduled backups; None if none are scheduled."""
    return config.backup_every_hours * HOUR if config.backup_path else None


async def _patiently(check: Callable[[Case], Awaitable[list[Finding]]], case: Case) -> list[Finding]:
    subject = check.__name__.strip("_")
    try:
        async with asyncio.timeout(PATIENCE):
            return await check(case)
    except Exception as error:  # noqa: BLE001 - one check that stumbles must not hide the others
        return [judge.unknown(subject, _reason(error))]


async def _smtp(case: Case) -> list[Finding]:
    config = case.config
    names: list[SmtpName] = [name for name in config.transports if name in {"smtp", "smtp2"}]
    problems = await asyncio.gather(*(SmtpTransport(config, name).probe() for name in names))
    servers = [(name, config.smtp_server(name), problem) for name, problem in zip(names, problems, strict=True)]
    found = [
        findings_mail.smtp(name, server.host, server.port, server.tls, problem, logs_in=bool(server.username))
        for name, server, problem in servers
    ]
    return found + ([findings_mail.printed()] if config.transports[0] == "console" else [])


async def _sender(case: Case) -> list[Finding]:
    domain = domain_of(case.config.email_from)
    if findings_mail.is_nobodys(domain):
        return [findings_mail.no_domain(domain)]
    ask = case.resolver.texts
    spf, dkim, *dmarc = await asyncio.gather(
        ask(domain), ask(f"_domainkey.{domain}"), *(ask(name) for name in findings_mail.dmarc_names(domain))
    )
    return [findings_mail.spf(domain, spf), findings_mail.dkim(domain, dkim), findings_mail.dmarc(domain, dmarc)]


async def _clocks(case: Case) -> list[Finding]:
    if case.db is None:
        return []
    theirs = await case.db.clock()
    if theirs is not None:
        return [judge.clock("the database server", case.clock.now() - theirs)]
    row = await case.db.reads.one(NEWEST)
    return [judge.clock("the newest row of the database", min(0.0, case.clock.now() - row["at"]))] if row else []


async def _address(case: Case) -> list[Finding]:
    config = case.config
    page = await http_probe.fetch(f"{config.public_url}/liveness")
    found = findings_address.public_url(
        config.public_url,
        rp_id=config.rp_id,
        origins=config.webauthn_origin,
        server_host=config.server_host,
    )
    found.append(findings_address.reachable(config.public_url, page.problem))
    if page.date is not None:
        found.append(judge.clock(config.public_url, case.clock.now() - page.date))
    return found


async def _proxies(case: Case) -> list[Finding]:
    config = case.config
    return findings_address.proxies(await case.sightings(), url=config.public_url, are_trusted=bool(config.trusted_proxies))


async def _disk(case: Case) -> list[Finding]:
    if not case.config.is_sqlite:
        return []
    disk = await aside(lambda: host.disk_of(Path(case.config.database_path)))
    return [judge.kind_of_disk(judge.mounted_as(disk.mounts, disk.path)), judge.free_space(disk.free, disk.used)]


async def _secrets(case: Case) -> list[Finding]:
    config = case.config
    found = judge.secrets(set_secrets(config)) + judge.empty_files(_not_set(config)) + await _apps(case)
    return found + judge.modes(await aside(lambda: host.modes(_private_files(case))))


async def _apps(case: Case) -> list[Finding]:
    if case.db is None or not case.config.secret_key:  # a generated one has no others beside it
        return []
    ring = KeyRing([key.get_secret_value() for key in case.config.secret_key])
    async with case.db.apart() as reads:
        apps = await totp.count_by_key(reads, case.clock.now())
    return judge.apps_of_older_keys(apps, ring.ids)


def _not_set(config: Config) -> list[str]:
    """Return the secrets whose file is empty; a password without its user is not missed."""
    empty = [name for name in configuration.secret_files() if not getattr(config, name)]
    return [name for name in empty if name not in _USERS or getattr(config, _USERS[name])]


def _private_files(case: Case) -> list[Path]:
    files = [case.config.secret_key_file]
    files += [path for path in configuration.secret_files().values() if path.parent not in _OF_ENGINES]
    if case.config_file and configuration.holds_secret(case.config_file):
        files.append(case.config_file)
    if case.config.is_sqlite:
        files.append(Path(case.config.database_path))
    return files


async def _database(case: Case) -> list[Finding]:
    found = [judge.migrations(case.lacking)]
    if case.db is None:
        return found if case.lacking else []
    now, config = case.clock.now(), case.config
    async with case.db.apart() as reads:
        counts, oldest = await mail.snapshot(reads, now)
        backed_up_at = await epoch.backed_up_at(reads)
    if config.is_sqlite:
        found.append(judge.backups(now, backed_up_at, every=backup_rhythm(config)))
    return found + judge.queue(oldest, counts.get("failed", 0))


async def _limits(case: Case) -> list[Finding]:
    url = case.config.redis_url.get_secret_value()
    if not url:
        return judge.limits_of_nodes(await case.db.nodes()) if case.db else []
    from pwauth_server.adapters.redis_windows import RedisWindows  # noqa: PLC0415

    windows = RedisWindows(url, namespace=case.config.limits_namespace, clock=case.clock, patience=REDIS_PATIENCE)
    try:
        await windows.counted(Limit.REQUESTS, "doctor")
    except Exception as error:  # noqa: BLE001 - whatever the driver raises is what is to be told
        return [judge.shared_limits(_reason(error))]
    finally:
        await windows.close()
    return [judge.shared_limits("")]


def _reason(error: Exception) -> str:
    if isinstance(error, PwauthError):
        return error.detail.partition("\n")[0].removesuffix(".")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error).partition("\n")[0] or type(error).__name__
