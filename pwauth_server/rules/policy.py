"""Who may sign up, and where a sign-in may lead (SEC-08, SEC-94)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pwauth_server.rules import client_address
from pwauth_server.rules.addresses import domain_of
from pwauth_server.rules.moments import DAY

#: Life of an account whose mailbox nobody has proven, and of its sessions, in seconds (SEC-07).
UNVERIFIED_LIFE = DAY
_MAX_URL = 2048
#: Host names as they occur: RFC 1123, and the underscore of container networks. What ends in a number is an IP address to browsers.
_LABEL = r"(?!-)[\w-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\.?$){_LABEL}\.?")


def may_sign_up(address: str, *, signup: str, domains: Sequence[str], invited: bool = False) -> bool:
    """Tell whether a canonical address without an account may get one; domains match exactly.

    Whoever is ``invited`` may, from whichever domain.
    """
    return invited or signup == "open" or (signup == "domains" and domain_of(address) in domains)


def is_host(text: str) -> bool:
    """Tell whether a text names one host and nothing else: no scheme, no port, no path, no blank, no ``*``."""
    return client_address.parse(text) is not None or bool(_HOST.fullmatch(text))


def origin_of(url: str) -> str | None:
    """Return ``scheme://host[:port]`` of an http(s) URL without userinfo that leads to one host, else None."""
    if not _is_plain(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or set("@%") & set(parts.netloc) or port == 0:
        return None
    if not is_host(parts.hostname):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, default} else "")


def safe_return(url: str, allowed: Sequence[str]) -> str:
    """Return ``url`` if it may be the end of a sign-in: a path of ours, or an allowed origin.

    Raises ValueError otherwise. Only printable ASCII without backslash is looked at, so that browsers and this parser
    cannot read it differently.
    """
    if not 0 < len(url) <= _MAX_URL or not _is_plain(url):
        raise ValueError("return_to")
    lowered = url.lower()
    if "%0d" in lowered or "%0a" in lowered:
        raise ValueError("return_to")
    if url.startswith("/"):
        if url.startswith("//"):
            raise ValueError("return_to")
        return url
    origin = origin_of(url)
    rest = url[len(origin) :] if origin and url.startswith(origin) else None
    if origin in allowed and rest is not None and rest[:1] in {"", "/", "?"}:
        return url
    raise ValueError("return_to")


def _is_plain(url: str) -> bool:
    """Tell whether browsers and Python cut this URL alike: Python drops tabs and line breaks, browsers turn backslashes."""
    return all("!" <= char <= "~" and char not in '\\"<>' for char in url)
