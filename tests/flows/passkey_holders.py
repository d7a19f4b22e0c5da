"""People with passkeys, for the tests of flows: they sign in, add a passkey and use it without a web around."""

from typing import Any

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Method
from pwauth_server.flows import passkey_sign_in, passkeys, sign_in
from pwauth_server.flows.passkeys import Passkey
from pwauth_server.flows.sign_in import Current, Proof, SignedIn
from pwauth_server.store import users
from pwauth_server.store.sessions import Session
from tests.authenticator import Authenticator

ME = Caller("203.0.113.9", "Firefox on Linux")
ANN, BEN = "ann@ex.com", "ben@ex.com"


async def by_mail(deps: Deps, email: str = ANN) -> Session:
    """Return a session of somebody who has just proven a mailbox."""
    proof, now = Proof(Method.LINK, ("email",), email), deps.clock.now()
    session = await deps.db.unit(lambda tx: sign_in.finish(tx, deps, proof, ME, now))
    assert isinstance(session, Session)
    return session


async def strongly(deps: Deps, email: str = ANN) -> Session:
    """Return a session that may change factors whatever the account has."""
    user = await users.find(deps.db.reads, (await by_mail(deps, email)).user_id)
    proof, now = Proof(Method.HOST_LINK, ("host",), email, user), deps.clock.now()
    session = await deps.db.unit(lambda tx: sign_in.finish(tx, deps, proof, ME, now))
    assert isinstance(session, Session)
    return session


async def add(
    deps: Deps, session: Session | None, authenticator: Authenticator, *, email: str | None = None, name: str | None = None, **lies: Any
) -> Passkey:
    """Go through a whole registration."""
    options = await passkeys.begin(deps, session, email=email, caller=ME)
    response = authenticator.make(options.public_key, **lies)
    return await passkeys.finish(deps, session, pending_id=options.pending_id, response=response, name=name, caller=ME)


async def enter(
    deps: Deps, authenticator: Authenticator, *, email: str | None = None, current: Session | None = None, **lies: Any
) -> Session:
    """Go through a whole sign-in."""
    options = await passkey_sign_in.begin(deps, email=email)
    held = Current(current, on_purpose=True) if current else None
    done = await passkey_sign_in.finish(
        deps, pending_id=options.pending_id, response=authenticator.use(options.public_key, **lies), caller=ME, current=held
    )
    assert isinstance(done, SignedIn)
    return done.session
