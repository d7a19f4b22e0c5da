"""Wiring: configuration in, a world to work in out. The server needs it, and so does every command that looks into the database."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pwauth_server.adapters.bell import Bell
from pwauth_server.adapters.clock import Clock, SystemClock
from pwauth_server.adapters.console import ConsoleTransport
from pwauth_server.adapters.entropy import Entropy, SystemEntropy
from pwauth_server.adapters.limiter import Limiter, Windows, WindowTable
from pwauth_server.adapters.logs import Log
from pwauth_server.adapters.metrics import Metrics
from pwauth_server.adapters.shared_windows import PATIENCE, SharedWindows
from pwauth_server.adapters.smtp import SmtpTransport
from pwauth_server.adapters.transport import Transport
from pwauth_server.adapters.webhook import WebhookTransport
from pwauth_server.config import Config
from pwauth_server.deps import Checkup, Deps, KeyHolder
from pwauth_server.events import TROUBLE, Occurrence
from pwauth_server.flows import keys
from pwauth_server.rules import limits
from pwauth_server.rules.letters import Letters
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.secret_files import secret_keys
from pwauth_server.store import epoch
from pwauth_server.store.connect import connect


async def make_deps(
    config: Config,
    *,
    log: Log | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    transports: Sequence[Transport] | None = None,
    config_file: Path | None = None,
    is_node: bool = False,
) -> Deps:
    """Open the world: database, keys, limits, mail. Tests bring their own clock, chance and transports."""
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    chosen = transports or _transports(config, clock)
    metrics = _metrics(config, chosen)
    db = await connect(config, listener=_listener(metrics, log), timing=metrics.query, is_node=is_node)
    try:
        ring = KeyRing(secret_keys(config, entropy, is_first_start=await epoch.key_check(db.reads) is None))
        await keys.check_secret_key(db, ring, entropy, now=clock.now())
        quotas = limits.table(per_minute=config.rate_limit_per_minute, mails_per_hour=config.email_rate_limit_per_hour)
        windows = _windows(config, clock, metrics, log)
        deps = Deps(
            config=config,
            clock=clock,
            entropy=entropy,
            db=db,
            ring=ring,
            keys=KeyHolder(keys.empty(config)),
            limiter=Limiter(quotas, storage=windows, clock=clock, on_limited=metrics.limited),
            metrics=metrics,
            letters=Letters(config.email_from, config.webauthn_rp_name, config.email_templates_path),
            transports=chosen,
            mail_bell=Bell(),
            checkup=Checkup(config_file),
        )
        await keys.prepare(deps)
    except BaseException:
        await db.close()  # its writer is a thread, which would outlive us
        raise
    return deps


def _metrics(config: Config, transports: Sequence[Transport]) -> Metrics:
    metrics = Metrics()
    if config.enrolment == "first_use":
        metrics.lets_anybody_enrol()
    for transport in transports:
        metrics.knows_transport(transport.name)
    return metrics


def _listener(metrics: Metrics, log: Log | None) -> Callable[[Occurrence], None]:
    """Return who is told of everything that was committed: always the metrics, of trouble the log too."""

    def heard(occurrence: Occurrence) -> None:
        metrics.heard(occurrence)
        if log is not None and occurrence.event in TROUBLE:
            log.warning(occurrence.event, reason=occurrence.reason, **occurrence.facts)

    return heard


def _windows(config: Config, clock: Clock, metrics: Metrics, log: Log | None) -> Windows:
    own = WindowTable(clock)
    url = config.redis_url.get_secret_value()
    if not url:
        return own
    # Its client takes memory that a server without it has no use for.
    from pwauth_server.adapters.redis_windows import RedisWindows  # noqa: PLC0415

    shared = RedisWindows(url, namespace=config.limits_namespace, clock=clock, patience=PATIENCE)
    return SharedWindows(shared, own=own, clock=clock, metrics=metrics, log=log)


def _transports(config: Config, clock: Clock) -> Sequence[Transport]:
    made: Mapping[str, Callable[[], Transport]] = {
        "smtp": lambda: SmtpTransport(config),
        "smtp2": lambda: SmtpTransport(config, "smtp2"),
        "webhook": lambda: WebhookTransport(config, clock),
        "console": ConsoleTransport,
    }
    return [made[name]() for name in config.transports]
