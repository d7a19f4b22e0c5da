"""What letters that nobody asked for by themselves may cost: a mailbox its share, all of us our name as a sender."""

from pwauth_server.deps import Deps
from pwauth_server.errors import MailCapReached, RateLimited
from pwauth_server.rules import addresses
from pwauth_server.rules.limits import Limit


async def take(deps: Deps, email: str) -> None:
    """Count a letter to a canonical address like a sign-in letter; raise RateLimited or MailCapReached if it is one too many."""
    mailbox = addresses.mailbox_key(email)
    try:
        await deps.limiter.check(Limit.MAIL_GLOBAL)
    except RateLimited as limited:
        raise MailCapReached(headers=limited.headers) from limited
    await deps.limiter.take_each([(Limit.MAIL_PER_MAILBOX_HOUR, mailbox), (Limit.MAIL_PER_MAILBOX_DAY, mailbox)])
    await deps.limiter.is_first(Limit.MAIL_GLOBAL)
