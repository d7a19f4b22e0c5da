"""Somebody with a passkey, over HTTP."""

from typing import Any

import httpx

from tests.authenticator import Authenticator
from tests.people import Device
from tests.server import Server


def key_for(server: Server, **facts: Any) -> Authenticator:
    """Return an authenticator in a browser that shows a page of the server."""
    return Authenticator(origin=server.public_url, rp_id="localhost", **facts)


def options(device: Device, step: str, token: str | None = None, **body: Any) -> dict[str, Any]:
    """Return the options of a ceremony: ``register`` or ``login``."""
    answer = device.post(f"/webauthn/{step}/options", json=body, token=token)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def add(device: Device, key: Authenticator, *, name: str | None = None, **lies: Any) -> httpx.Response:
    """Go through a registration with the device's session."""
    token = device.tokens["access_token"]
    asked = options(device, "register", token)
    body: dict[str, Any] = {"pending_id": asked["pending_id"], "response": key.make(asked["publicKey"], **lies)}
    if name:
        body["name"] = name
    return device.post("/webauthn/register/complete", json=body, token=token)


def enter(device: Device, key: Authenticator, *, email: str | None = None, token: str | None = None, **lies: Any) -> httpx.Response:
    """Go through a sign-in; what comes of it becomes the device's session."""
    asked = options(device, "login", **({"email": email} if email else {}))
    response = key.use(asked["publicKey"], **lies)
    answer = device.post("/webauthn/login/complete", json={"pending_id": asked["pending_id"], "response": response}, token=token)
    if answer.status_code == httpx.codes.OK:
        device.tokens = answer.json()
    return answer
