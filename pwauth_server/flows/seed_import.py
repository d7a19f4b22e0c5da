"""People of the Rust server, with their authenticator apps and passkeys (``docs/decisions/0013-import.md``).

A few accounts at a time, each whole or not at all: an import that was interrupted goes on where it stopped. What
strangers may have planted there is worth here what it is worth with `first_use`: nothing, until the mailbox is proven.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from pwauth_server.deps import Deps
from pwauth_server.events import ON_THE_HOST, Event, Occurrence
from pwauth_server.flows import notices, totp
from pwauth_server.flows.passkeys import MAX_PASSKEYS
from pwauth_server.rules import assurance, authenticators, ids, seed
from pwauth_server.rules.seed import Problem, SeedAccount, SeedPasskey
from pwauth_server.store import factors, passkeys, seed_file, users
from pwauth_server.store import totp as secrets
from pwauth_server.store.passkeys import Passkey
from pwauth_server.store.sqlite_copy import Watch
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

#: Accounts of one unit: other writers of a SQLite file wait that long.
BATCH = 100

ACCOUNTS, SECRETS, PASSKEYS = "users", "totp_secret", "webauthn_registrations"


@dataclass(slots=True)
class Report:
    """What came along, and what did not."""

    #: Rows there, and rows carried over, by what they are.
    found: Counter[str] = field(default_factory=Counter)
    carried: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    #: Accounts that were carried over before.
    here: int = 0
    #: Accounts whose factors are worth little until their mailbox is proven.
    waiting: int = 0

    def add(self, part: Self) -> None:
        """Count what another unit did as well."""
        self.carried += part.carried
        self.problems += part.problems
        self.here += part.here
        self.waiting += part.waiting


class _UndoneError(Exception):
    """Ends a unit of a dry run, so that nothing of it stays but the report."""

    def __init__(self, report: Report) -> None:
        """Carry what would have come along."""
        super().__init__()
        self.report = report


@dataclass(frozen=True, slots=True)
class _Unit:
    deps: Deps
    #: Of this unit alone, from its beginning: one that is begun anew counts anew.
    report: Report
    now: float
    #: Whether the operator vouches for the factors of accounts whose mailbox was shown there.
    trust: bool

    async def carry(self, tx: Tx, it: SeedAccount) -> None:
        """Carry one account over, or say why not."""
        there = await users.hold_by_email(tx, it.email)
        if there is None:
            await self._as_new(tx, it)
        elif there.imported and there.id == it.id:
            await self._once_more(tx, it, there)
        elif self.trust and it.proven and there.verified and not there.disabled and assurance.ADMIN not in there.roles:
            await self._what_it_lacks(tx, it, there)
        else:
            self._leave_out(it, "account left out: the address has one here, which stays as it is")

    async def _as_new(self, tx: Tx, it: SeedAccount) -> None:
        if it.id and await tx.has_recorded(it.id, Event.USER_DELETED, since=0):
            return self._leave_out(it, "account left out: it was deleted here")
        is_trusted = self.trust and it.proven
        user = await users.take_over(
            tx,
            user_id=it.id or self.deps.entropy.row_id(self.now),
            email=it.email,
            created_at=it.created_at,
            verified_at=self.now if is_trusted else None,
            handle=it.handle,
            now=self.now,
        )
        if user is None:
            return self._leave_out(it, "account left out: another one has its id here")
        if it.id is None:
            self._leave_out(it, "id left out: it is no UUID, so the account has another one here")
        has_secret = it.secret is not None and await self._give_secret(tx, it.secret, user)
        number = sum([await self._give_passkey(tx, one, user, created_at=one.created_at) for one in it.passkeys])
        facts: dict[str, str | int | float] = {"totp": int(has_secret), "passkeys": number, "trusted": int(is_trusted)}
        await tx.record(Occurrence(Event.USER_IMPORTED, self.now, ON_THE_HOST, user.id, facts=facts))
        self.report.carried[ACCOUNTS] += 1
        self.report.waiting += not is_trusted and bool(has_secret or number)
        return None

    async def _once_more(self, tx: Tx, it: SeedAccount, there: User) -> None:
        """Leave an account alone that came before, but for the trust that it now gets; nothing can have been added to it since."""
        self.report.here += 1
        if self.trust and it.proven and not there.verified:
            await users.verify(tx, there.id, self.now)
            await tx.record(Occurrence(Event.USER_IMPORTED, self.now, ON_THE_HOST, there.id, facts={"trusted": 1}))

    async def _what_it_lacks(self, tx: Tx, it: SeedAccount, there: User) -> None:
        """Add to an account of ours what it has nothing of; its owner is told, and can take it back."""
        owned = await factors.owned(tx, there.id)
        if it.secret is not None and not owned.totp and await self._give_secret(tx, it.secret, there):
            await self._tell(tx, Event.TOTP_ADDED, there)
        elif it.secret is not None:
            self._leave_out(it, "one-time password left out: the account has one here")
        # Authenticators say whose a passkey is, and an account has one name for all of them.
        if it.passkeys and await users.give_handle(tx, there.id, it.handle) != it.handle:
            return self._leave_out(it, f"{len(it.passkeys)} passkeys left out: authenticators know the account by another name here")
        if any([await self._give_passkey(tx, one, there, created_at=self.now) for one in it.passkeys]):
            await self._tell(tx, Event.PASSKEY_ADDED, there)
        return None

    async def _give_secret(self, tx: Tx, secret: bytes, user: User) -> bool:
        is_given = await secrets.take_over(tx, user.id, totp.seal(self.deps, user.id, secret), now=self.now)
        self.report.carried[SECRETS] += is_given
        return is_given

    async def _give_passkey(self, tx: Tx, it: SeedPasskey, user: User, *, created_at: float) -> bool:
        passkey = Passkey(
            id=self.deps.entropy.row_id(self.now),
            user_id=user.id,
            credential_id=it.credential_id,
            public_key=it.public_key,
            sign_count=it.sign_count,
            backup_eligible=None,
            backed_up=False,
            transports=it.transports,
            aaguid=ids.NIL,  # of which make it is was not kept there
            name=authenticators.name_of(ids.NIL),
            created_at=created_at,
        )
        is_given = await passkeys.create(tx, passkey)
        self.report.carried[PASSKEYS] += is_given
        if not is_given:
            self.report.problems.append(Problem(user.email, "passkey left out: one has its id here"))
        return is_given

    async def _tell(self, tx: Tx, event: Event, owner: User) -> None:
        await notices.tell(tx, self.deps, Occurrence(event, self.now, ON_THE_HOST, owner.id, facts={"imported": 1}), owner)

    def _leave_out(self, it: SeedAccount, why: str) -> None:
        self.report.problems.append(Problem(it.email, why))


async def run(deps: Deps, path: Path, *, trust: bool, is_dry: bool, watch: Watch) -> Report:
    """Carry over whoever is in the database of the Rust server at ``path``, which is only read; say what came along.

    A dry run does the same and undoes it. With ``trust`` accounts whose mailbox was shown there count as
    proven, with their factors. Raises Fault for any other file.
    """
    contents = seed_file.read(path)
    now = deps.clock.now()
    accounts, problems = seed.judge(contents, now=now, max_passkeys=MAX_PASSKEYS)
    has_secret = sum(row.totp_secret not in {None, ""} for row in contents.users)
    found = Counter({ACCOUNTS: len(contents.users), SECRETS: has_secret, PASSKEYS: len(contents.passkeys), **contents.others})
    report = Report(found, problems=problems)

    async def work(tx: Tx, batch: Sequence[SeedAccount]) -> Report:
        it = _Unit(deps, Report(), now, trust)
        for account in batch:
            await it.carry(tx, account)
        if is_dry:
            raise _UndoneError(it.report)
        return it.report

    for start in range(0, len(accounts), BATCH):
        watch("importing", start, len(accounts))
        try:
            report.add(await deps.db.unit(partial(work, batch=accounts[start : start + BATCH])))
        except _UndoneError as undone:
            report.add(undone.report)
    return report
