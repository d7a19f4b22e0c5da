"""What tests of administration share: every path of it, and administrators."""

import re
import time
from uuid import uuid4

from pwauth_server.app import ROUTES
from tests.people import Device
from tests.server import Server

_PART = re.compile(r"<(\w+):str>")


def fill(user_id: str) -> list[tuple[str, str]]:
    """Return method and path of every route of administration, about a person; other ids are unknown."""
    routes = [(route.method, route.path) for route in ROUTES if route.path.startswith("/admin")]
    return [(method, _PART.sub(lambda part: user_id if part[1] == "user_id" else str(uuid4()), path)) for method, path in routes]


#: The same about nobody.
PATHS = fill(str(uuid4()))


def become(server: Server, device: Device, *, acr: str, amr: str, age: int = 0, address: str = "") -> Device:
    """Make the person of a device an administrator who signed in so, and so long ago (seconds), behind the server's back."""
    session = device.tokens.get("session_id") or _newest(server, address)
    at = time.time() - age
    values = (acr, amr, at, bytes.fromhex(session.replace("-", "")))
    server.sql("UPDATE sessions SET acr = ?, amr = ?, auth_time = ? WHERE id = ?", *values)
    server.sql("UPDATE users SET roles = 'admin' WHERE id = (SELECT user_id FROM sessions WHERE id = ?)", values[-1])
    return device


def _newest(server: Server, address: str) -> str:
    (row,) = server.sql(
        "SELECT hex(s.id) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ? ORDER BY s.id DESC LIMIT 1", address
    )
    return str(row[0])
