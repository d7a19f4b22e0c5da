"""What is still unset or unsafe, for the administration's start page: judged as the check-up does, from here and at once.

The check-up (`flows.doctor`) also asks mail servers, DNS and disks, which takes a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.flows import doctor, last_admin
from pwauth_server.rules import findings, findings_address, findings_mail
from pwauth_server.rules.addresses import domain_of
from pwauth_server.rules.findings import Finding, Level
from pwauth_server.store import epoch, factors


class Topic(StrEnum):
    """What is looked at, in this order (keys of `admin.checklist`)."""

    PASSKEYS = "passkeys"
    COLLEAGUE = "colleague"
    ADDRESS = "address"
    MAIL = "mail"
    SENDER = "sender"
    BACKUP = "backup"
    SECRETS = "secrets"
    METRICS = "metrics"
    ENROLMENT = "enrolment"
    SCRIPTS = "scripts"


@dataclass(frozen=True, slots=True)
class Item:
    """A topic, and whether it is as it should be."""

    topic: Topic
    is_well: bool


async def items(deps: Deps) -> list[Item]:
    """Look at the settings, at who administers and at the last backup."""
    async with deps.db.apart() as reads:
        able = await last_admin.able(reads)
        passkeys = [(await factors.owned(reads, admin.id)).passkeys for admin in able]
        backed_up_at = await epoch.backed_up_at(reads)
    well = {Topic.PASSKEYS: bool(able) and all(passkeys), Topic.COLLEAGUE: len(able) > 1, **_settings(deps.config)}
    if deps.config.is_sqlite:
        backup = findings.backups(deps.clock.now(), backed_up_at, every=doctor.backup_rhythm(deps.config))
        well[Topic.BACKUP] = _are_well([backup])
    return [Item(topic, well[topic]) for topic in Topic if topic in well]


def _settings(config: Config) -> dict[Topic, bool]:
    domain = domain_of(config.email_from)
    address = findings_address.public_url(
        config.public_url, rp_id=config.rp_id, origins=config.webauthn_origin, server_host=config.server_host
    )
    return {
        Topic.ADDRESS: _are_well(address),
        Topic.MAIL: config.transports[0] != "console",
        Topic.SENDER: not findings_mail.is_nobodys(domain),
        Topic.SECRETS: _are_well(findings.secrets(doctor.set_secrets(config))),
        Topic.METRICS: not config.enable_metrics or bool(config.metrics_token.get_secret_value()),
        Topic.ENROLMENT: config.enrolment == "session",
        Topic.SCRIPTS: not config.cors_allow_all,
    }


def _are_well(found: Sequence[Finding]) -> bool:
    return all(finding.level is Level.OK for finding in found)
