"""Mail addresses: one canonical key per mailbox (SEC-03, SEC-63)."""

import re

#: RFC 5321 section 4.5.3.1 and RFC 3696 erratum 1690.
_MAX_LOCAL = 64
_MAX_ADDRESS = 254

# RFC 5322 dot-atom without the quote characters that make mail programs disagree about where an
# address ends. ASCII is demanded *before* any folding: U+212A lowers to "k", U+FF20 looks like "@".
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


def canonical(address: str) -> str:
    """Return the one key of a mailbox: local part and domain in lower case, nothing else changed.

    Raises ValueError for anything but a plain ASCII ``local@domain.tld``. Plus-tags and dots stay:
    they are different mailboxes to some servers (SEC-03).
    """
    if not address.isascii() or len(address) > _MAX_ADDRESS:
        raise ValueError("address")
    local, at, domain = address.partition("@")
    if not at or len(local) > _MAX_LOCAL or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError("address")
    if "=?" in local:  # mail programs decode RFC 2047 words even where none may stand: another mailbox to them
        raise ValueError("address")
    return f"{local.lower()}@{domain.lower()}"


def is_domain(text: str) -> bool:
    """Tell whether a text is a plain ASCII mail domain."""
    return bool(_DOMAIN.fullmatch(text))


def domain_of(address: str) -> str:
    """Return the domain of a canonical address."""
    return address.rpartition("@")[2]


def mailbox_key(address: str) -> str:
    """Return the key of mail quotas: the canonical address without its ``+tag`` (SEC-63)."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
