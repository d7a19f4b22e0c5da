"""Administrators in tests of flows: who acts, who arrives, what they own."""

from uuid import UUID, uuid4

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Method
from pwauth_server.flows import admin_users, sign_in
from pwauth_server.flows.admin_access import Actor
from pwauth_server.flows.admin_users import Change
from pwauth_server.flows.sign_in import Proof
from pwauth_server.rules.ids import uuid7
from pwauth_server.store import users
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Tx
from tests.fakes import NEW_YEAR

#: A program with a key.
BOSS = Actor(uuid4())
HERE = Caller("203.0.113.9", "Firefox on Linux", "r1")
ADD_PASSKEY = Sql(
    "test_add_passkey",
    """INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name,
    created_at) VALUES (?, ?, ?, ?, 0, ?, ?, '', ?, 'key', 1)""",
)
ADD_TOTP = Sql("test_add_totp", "INSERT INTO totp (user_id, sealed_secret, confirmed_at) VALUES (?, ?, 1)")


async def arrive(deps: Deps, email: str, *roles: str) -> Session:
    """Sign somebody in by mail, who then has these roles."""

    async def work(tx: Tx) -> Session:
        session = await sign_in.finish(tx, deps, Proof(Method.LINK, ("email",), email), HERE, deps.clock.now())
        assert isinstance(session, Session)
        if roles:
            await users.set_roles(tx, session.user_id, roles)
        return session

    return await deps.db.unit(work)


def acting(session: Session) -> Actor:
    """Return somebody who administers in a session."""
    return Actor(session.user_id, session.id)


async def add_passkey(deps: Deps, user_id: UUID, number: int = 1) -> UUID:
    """Give somebody a passkey; return its id."""
    key = uuid7(NEW_YEAR, number.to_bytes(10, "big"))
    await deps.db.unit(lambda tx: tx.run(ADD_PASSKEY, key, user_id, key.bytes + user_id.bytes, b"k", *[False] * 2, uuid4()))
    return key


async def add_totp(deps: Deps, user_id: UUID) -> None:
    """Give somebody one-time passwords."""
    await deps.db.unit(lambda tx: tx.run(ADD_TOTP, user_id, b"sealed"))


async def change(deps: Deps, user_id: UUID, **wanted: object) -> admin_users.Details:
    """Change somebody."""
    return await admin_users.change(deps, BOSS, str(user_id), Change(**wanted), HERE)  # type: ignore[arg-type]
