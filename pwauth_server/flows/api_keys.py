"""API keys: how programs prove themselves; made and revoked on the host (SEC-27, SEC-90)."""

from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Forbidden, Missing, Unauthenticated
from pwauth_server.events import Event, by_hand
from pwauth_server.flows import keys
from pwauth_server.rules import ids, secrets
from pwauth_server.rules.limits import Limit
from pwauth_server.store import api_keys, epoch
from pwauth_server.store.api_keys import ApiKeyRow
from pwauth_server.store.transaction import Tx

SCOPES = ("introspect", "admin:read", "admin:write")


async def create(deps: Deps, *, name: str, scopes: list[str], expires_at: float | None) -> str:
    """Store a new API key and return its text, which nobody can read again."""
    now = deps.clock.now()
    key_id, secret = deps.entropy.row_id(now), deps.entropy.random(32)
    row = ApiKeyRow(
        id=key_id, name=name, scopes=" ".join(scopes), secret_hash=secrets.digest(secret), created_at=now, expires_at=expires_at
    )

    async def work(tx: Tx) -> None:
        await api_keys.create(tx, row)
        await epoch.advance(tx)
        await tx.record(by_hand(Event.API_KEY_CREATED, now, key=str(key_id)))

    await deps.db.unit(work)
    return secrets.issue(secrets.API_KEY, key_id, secret)


async def revoke(deps: Deps, key_id: str) -> None:
    """Revoke an API key at once; raise Missing if there is no live one of that id."""
    found, now = ids.parse(key_id), deps.clock.now()

    async def work(tx: Tx) -> bool:
        if found is None or not await api_keys.revoke(tx, found, now):
            return False
        await epoch.advance(tx)
        await tx.record(by_hand(Event.API_KEY_REVOKED, now, key=str(found)))
        return True

    if not await deps.db.unit(work):
        raise Missing


async def listed(deps: Deps) -> list[ApiKeyRow]:
    """Return all API keys, oldest first."""
    return await api_keys.everything(deps.db.reads)


async def authenticate(deps: Deps, text: str, scope: str, client: str) -> UUID:
    """Return the id of the presented key; refuse a wrong one (401) or one without ``scope`` (403).

    ``client`` is the bucket of limits that pays for wrong keys (SEC-90).
    """
    held = (await keys.fresh(deps)).api_key(text)
    if held is None or not held.is_live(deps.clock.now()):
        await deps.limiter.take(Limit.API_KEY_FAILURES, client)
        raise Unauthenticated
    if scope not in held.scopes:
        raise Forbidden
    return held.id
