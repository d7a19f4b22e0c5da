"""What administrators alone do with letters: send one to see whether any arrives."""

from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows import mail, mail_quotas
from pwauth_server.flows.admin_access import Actor


async def send_test(deps: Deps, actor: Actor, email: str, caller: Caller) -> UUID:
    """Queue a test letter to a canonical address and return its id; raise RateLimited or MailCapReached."""
    await mail_quotas.take(deps, email)
    return await mail.send_test(deps, email, caller, by=actor)
