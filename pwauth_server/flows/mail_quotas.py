"""What letters may cost: a mailbox its share, all of us our name as a sender."""

from pwauth_server.deps import Deps
from pwauth_server.errors import MailCapReached, RateLimited
from pwauth_server.rules import addresses
from pwauth_server.rules.limits import Limit


async def take(deps: Deps, email: str) -> None:
    """Count a letter that nobody asked for by themselves, to a canonical address, like a sign-in letter.

    Raises RateLimited or MailCapReached if it is one too many.
    """
    mailbox = addresses.mailbox_key(email)
    await check_cap(deps)
    await deps.limiter.take_each([(Limit.MAIL_PER_MAILBOX_HOUR, mailbox), (Limit.MAIL_PER_MAILBOX_DAY, mailbox)])
    await count(deps)


async def check_cap(deps: Deps) -> None:
    """Raise MailCapReached if everybody together has had their letters, without counting one."""
    try:
        await deps.limiter.check(Limit.MAIL_GLOBAL)
    except RateLimited as limited:
        raise MailCapReached(headers=limited.headers) from limited


async def count(deps: Deps) -> None:
    """Count one letter of everybody's: it leaves, even if another one took the last place since `check_cap` looked."""
    await deps.limiter.try_take(Limit.MAIL_GLOBAL)
