"""What a reverse proxy tells of a request that it asks about, and what it is told of a person (SEC-97)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pwauth_server.rules import policy

#: What a header's value may hold as it is: anything printable but the sign of an escape. Letters beyond ASCII are escaped.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to an app, as its proxy describes it."""

    method: str
    #: None where the proxy does not tell.
    url: str | None
    accepts: str
    #: What a browser says of it (Fetch Metadata): None for whoever says nothing.
    fetch_mode: str | None


def url_of(scheme: str | None, host: str | None, uri: str | None) -> str | None:
    """Return the URL that three headers of Traefik and Caddy spell; None without any of them.

    Raises ValueError if they spell no http(s) URL: a request that the proxy and we could read differently is refused,
    whoever sends it.
    """
    if scheme is None and host is None and uri is None:
        return None
    if scheme not in {None, "http", "https"} or not host or any(char in host for char in "/?#@"):
        raise ValueError("host")
    if uri is not None and not uri.startswith("/"):
        raise ValueError("uri")
    return checked(f"{scheme or 'https'}://{host}{uri or '/'}")


def checked(url: str) -> str:
    """Return a URL of an app; raise ValueError for what is none."""
    origin = policy.origin_of(url)
    if origin is None:
        raise ValueError("url")
    return url


def sign_in_url(asked: Asked, *, public_url: str, allowed: Sequence[str]) -> str | None:
    """Return where a person signs in, and comes back from if the URL is of an allowed origin; None for programs.

    Only what a browser shows can be led away: a script would read the sign-in page as its data. From the sign-in itself,
    which a proxy guards by mistake, the way would lead in circles.
    """
    sign_in = f"{public_url}/signin"
    is_page = asked.method in {"GET", "HEAD"} and "text/html" in asked.accepts and asked.fetch_mode in {None, "navigate"}
    if not is_page or (asked.url or "").partition("?")[0] == sign_in:
        return None
    back = _way_back(asked.url, allowed)
    return sign_in + (f"?return_to={quote(back, safe='')}" if back else "")


def _way_back(url: str | None, allowed: Sequence[str]) -> str | None:
    """Return where to come back to: a URL that is too long leads to the app's front door, a foreign one nowhere (SEC-94)."""
    for target in (url, f"{policy.origin_of(url)}/") if url else ():
        try:
            return policy.safe_return(target, allowed)
        except ValueError:
            continue
    return None


def header_value(text: str) -> str:
    """Return a text as a header carries it: percent-encoded UTF-8 beyond printable ASCII, so that it breaks no line."""
    return quote(text, safe=_PLAIN)
