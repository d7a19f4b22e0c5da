"""Challenges for the tests of passkeys, and what the rules make of the answers."""

from typing import Any

from pwauth_server.rules import passkey_options, passkeys
from pwauth_server.rules.passkey_options import Owner
from pwauth_server.rules.passkeys import Known, NewPasskey, Site, Use
from tests.authenticator import Authenticator

SITE = Site("ex.com", ("https://ex.com", "https://app.ex.com"))
CHALLENGE = bytes(range(32))
OWNER = Owner(b"h" * 64, "a@ex.com", "")
CREATION = passkey_options.creation(rp_id="ex.com", rp_name="Ex", owner=OWNER, challenge=CHALLENGE, own=(), life=300.0)
REQUEST = passkey_options.request(rp_id="ex.com", challenge=CHALLENGE, allowed=(), life=300.0)


def device(**facts: Any) -> Authenticator:
    """Return an authenticator that sits before our page."""
    return Authenticator(origin="https://ex.com", rp_id="ex.com", **facts)


def made(response: Any) -> NewPasskey:
    """Return what the rules make of a registration."""
    return passkeys.verify_new(response, challenge=CHALLENGE, site=SITE)


def known(authenticator: Authenticator) -> Known:
    """Return what we know after an honest registration."""
    it = made(authenticator.make(CREATION))
    return Known(it.public_key, it.backup_eligible, OWNER.handle)


def used(response: Any, of: Known, *, is_named: bool = False) -> Use:
    """Return what the rules make of a sign-in."""
    return passkeys.verify_use(response, challenge=CHALLENGE, site=SITE, known=of, is_named=is_named)
