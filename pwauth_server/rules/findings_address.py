"""Judgement over where people reach the server: public_url, passkey domain, proxies."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from pwauth_server.rules import client_address
from pwauth_server.rules.findings import Finding, fail, ok, warn


class Sighting(StrEnum):
    """What a request tells of proxies (the `seen` label of the metric)."""

    DIRECT = "direct"  #: from anybody, without X-Forwarded-For
    BELIEVED = "believed"  #: from a trusted proxy that names its client
    IGNORED = "ignored"  #: from somebody who is not trusted to name one
    MISSING = "missing"  #: from a trusted proxy that names none


def public_url(url: str, *, rp_id: str, origins: Sequence[str], server_host: str) -> list[Finding]:
    """Judge the settings against each other."""
    host = urlsplit(url).hostname or ""
    found = []
    if host == "localhost" or host.endswith(".localhost") or client_address.is_loopback(host):
        found.append(warn("address", "People reach the server at {url}, which is this machine only.",
                          "Set public_url to the https address that people use.", url=url))  # fmt: skip
    else:
        found.append(ok("address", "People reach the server at {url}.", url=url))
    if rp_id != host:
        written = "Passkeys are made for {domain} and work on all its subdomains, not only on {host}."
        found.append(ok("passkeys", written, domain=rp_id, host=host))
    foreign = [origin for origin in origins if urlsplit(origin).hostname != host]
    if foreign:
        found.append(ok("passkeys", "Pages of {origins} may use passkeys as well.", origins=", ".join(foreign)))
    if url.startswith("https:") and server_host not in {"0.0.0.0", "::"} and not client_address.is_loopback(server_host):  # noqa: S104
        found.append(ok("address", "The server listens on {host}; TLS must end in front of it.", host=server_host))
    return found


def reachable(url: str, problem: str) -> Finding:
    """Judge whether the public address answered; ``problem`` says why not."""
    if problem:
        advice = "Look at DNS, the proxy and its certificate."
        return warn("address", "{url} does not answer from here: {problem}.", advice, url=url, problem=problem)
    return ok("address", "{url} answers.", url=url)


def proxies(seen: Mapping[str, float] | None, *, url: str, are_trusted: bool) -> list[Finding]:
    """Judge what a running server has seen of X-Forwarded-For; None if none could be asked."""
    if seen is None:
        return [warn("proxy", "No running server could be asked which proxy headers it sees.", "Start the server and ask again.")]
    believed, ignored, missing = (seen.get(word, 0) for word in (Sighting.BELIEVED, Sighting.IGNORED, Sighting.MISSING))
    found = []
    if ignored and not believed:
        found.append(fail("proxy", "{number} requests named their client in X-Forwarded-For and were not believed: all people behind that "
                          "proxy share one limit.", "Name the proxy in trusted_proxies.", number=f"{ignored:.0f}"))  # fmt: skip
    elif ignored:
        found.append(warn("proxy", "{number} requests came with X-Forwarded-For from somebody who is not in trusted_proxies.",
                          "A second proxy that is missing there, or somebody who can reach the server past the proxy.",
                          number=f"{ignored:.0f}"))  # fmt: skip
    if missing and not believed:
        found.append(fail("proxy", "The trusted proxy sends no X-Forwarded-For: all people behind it share one limit.",
                          "Let the proxy set X-Forwarded-For."))  # fmt: skip
    if are_trusted and not found:
        found.append(ok("proxy", "{number} requests came through a trusted proxy that names its clients.", number=f"{believed:.0f}"))
    if not are_trusted and not found and url.startswith("https:"):
        found.append(warn("proxy", "public_url is https, but no proxy is trusted: all people may share one limit.",
                          "Name the proxy that ends TLS in trusted_proxies."))  # fmt: skip
    return found or [ok("proxy", "No proxy is used.")]
