"""Who may administer (SEC-90): off until somebody configured it, then keys with a scope, and administrators."""

from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Forbidden, StepUpRequired, Unauthenticated
from pwauth_server.flows import api_keys, keys
from pwauth_server.rules import assurance
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx

READ, WRITE = "admin:read", "admin:write"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who administers: a person in a session, or a program with a key."""

    id: UUID
    #: None for a program.
    session_id: UUID | None = None

    @property
    def word(self) -> str:
        """Return what the audit log calls it."""
        return f"{'user' if self.session_id else 'key'}:{self.id}"


async def is_on(deps: Deps) -> bool:
    """Tell whether anybody could administer at all: a live key, an administrator, or an address that may become one."""
    if deps.config.admin_emails:
        return True
    now = deps.clock.now()
    held = await keys.fresh(deps)
    if any(key.is_live(now) and not key.scopes.isdisjoint({READ, WRITE}) for key in held.api_keys.values()):
        return True
    return await deps.db.remembered(("administrators",), lambda: users.is_any_with(deps.db.reads, assurance.ADMIN))


async def of_key(deps: Deps, text: str, client: str, *, writes: bool) -> Actor:
    """Let a program in whose key has the scope; ``client`` pays for wrong keys."""
    return Actor(await api_keys.authenticate(deps, text, WRITE if writes else READ, client))


def of_person(deps: Deps, session: Session, *, writes: bool) -> Actor:
    """Let an administrator in; what changes something needs a passkey, shown lately.

    Raises Forbidden for anybody else, and StepUpRequired where only the passkey is missing.
    """
    if assurance.ADMIN not in session.roles:
        raise Forbidden
    if writes and not _has_shown_passkey(session, deps.clock.now()):
        raise StepUpRequired(methods=assurance.ways(Owned(passkeys=1)), max_age=int(assurance.MAX_AGE))
    return Actor(session.user_id, session.id)


async def still_may(tx: Tx, actor: Actor, now: float) -> None:
    """Look once more, in the transaction that changes something: the guard looked before it began, a bulk action long before.

    Raises Unauthenticated if the session of a person has ended since, and Forbidden if the role was taken.
    """
    if actor.session_id is None:
        return
    session = await sessions.find(tx, actor.session_id)
    if session is None or not session.is_live(now):
        raise Unauthenticated
    if assurance.ADMIN not in session.roles:
        raise Forbidden


def _has_shown_passkey(session: Session, now: float) -> bool:
    return session.acr == assurance.PHISHING_RESISTANT and assurance.is_recent(session.auth_time, now)
