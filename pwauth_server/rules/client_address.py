"""The address a request came from, believed only as far as it can be (SEC-60 to SEC-62)."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: Peers without an address (a UNIX socket) share this one bucket.
LOCAL = "local"
_MAX_HOPS = 32
#: Longer than any spelling of an address.
_MAX_LENGTH = 64


@lru_cache(maxsize=4096)
def parse(text: str) -> Address | None:
    """Read an address: IPv4-mapped IPv6 is unwrapped, a scope id dropped; None for anything else."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read CIDRs; raise ValueError naming none of them."""
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=4096)
def in_normal_spelling(peer: str) -> str:
    """Return a peer's address in normal spelling, `LOCAL` if it has none."""
    here = parse(peer)
    return LOCAL if here is None else str(here)


def client(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the client's address in normal spelling.

    ``forwarded_for`` holds the lines of X-Forwarded-For in order. They count only if the TCP peer is
    trusted, and are walked from the right past trusted hops; at the first thing that is not an
    address the last trustworthy hop is the answer: garbage never skips a control (SEC-61).
    """
    here = parse(peer)
    if here is None or not forwarded_for or not trusted:
        return in_normal_spelling(peer)
    hops = ",".join(forwarded_for).split(",")[-_MAX_HOPS:]
    while hops and _within(here, trusted):
        hop = parse(hops.pop().strip()[:_MAX_LENGTH])
        if hop is None:
            break
        here = hop
    return str(here)


@lru_cache(maxsize=4096)
def is_trusted(peer: str, trusted: tuple[Network, ...]) -> bool:
    """Tell whether a TCP peer may say for whom it speaks."""
    here = parse(peer)
    return here is not None and _within(here, trusted)


@lru_cache(maxsize=4096)
def bucket(address: str) -> str:
    """Return the key of limits: an IPv4 address, an IPv6 /64, or ``local`` (SEC-62)."""
    found = parse(address)
    if found is None:
        return LOCAL
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)


def is_loopback(address: str) -> bool:
    """Tell whether a peer is this machine."""
    found = parse(address)
    return found is not None and found.is_loopback


def _within(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in trusted)


def in_words(address: str) -> str:
    """Return an address as people read it in letters."""
    return "the server itself" if address == LOCAL else address
