"""Signing in with a passkey: once, as its owner, with a counter that goes up."""

import asyncio

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, RateLimited, SignInFailed
from pwauth_server.events import Event, Reason
from pwauth_server.flows import passkey_sign_in, passkeys
from pwauth_server.flows.ceremonies import LIFE
from pwauth_server.flows.sign_in import SignedIn
from pwauth_server.store import challenges, sessions
from pwauth_server.store.statements import Sql
from tests.authenticator import SILENT, Authenticator, new_key
from tests.fakes import FakeClock
from tests.flows.passkey_holders import ANN, BEN, ME, add, by_mail, enter
from tests.mail_fakes import audited

SUSPEND = Sql("test_suspend", "UPDATE passkeys SET suspended_at = ?")
DISABLE = Sql("test_disable", "UPDATE users SET disabled_at = ?")
UNVERIFY = Sql("test_unverify", "UPDATE users SET verified_at = NULL")
LETTERS = Sql("test_letters", "SELECT COUNT(*) AS n FROM email_queue WHERE kind = 'notice'")
PENDING = Sql("test_pending", "SELECT COUNT(*) AS n FROM challenges")


async def why_not(deps: Deps) -> list[str]:
    """Return the reasons of failed sign-ins, in order."""
    return await audited(deps, Event.SIGN_IN_FAILED)


async def count(deps: Deps, sql: Sql) -> int:
    """Return what a statement counts."""
    row = await deps.db.reads.one(sql)
    return int(row["n"]) if row else 0


async def test_one_answer_opens_one_session(deps: Deps) -> None:
    """Twenty parallel completions of one answer are one sign-in (SEC-40)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    options = await passkey_sign_in.begin(deps, email=None)
    answer = key.use(options.public_key)

    async def finish() -> object:
        return await passkey_sign_in.finish(deps, pending_id=options.pending_id, response=answer, caller=ME)

    outcomes = await asyncio.gather(*(finish() for _ in range(20)), return_exceptions=True)
    assert [type(it) for it in outcomes].count(SignedIn) == 1
    assert {type(it) for it in outcomes} == {SignedIn, SignInFailed}


async def test_a_challenge_is_used_up_by_a_failure_and_by_time(deps: Deps, clock: FakeClock) -> None:
    """A wrong signature ends it, five minutes end it, and a registration's is none (SEC-40)."""
    key, ann = Authenticator(), await by_mail(deps)
    await add(deps, ann, key)

    async def fails(pending_id: str, answer: dict[str, object]) -> None:
        with pytest.raises(SignInFailed):
            await passkey_sign_in.finish(deps, pending_id=pending_id, response=answer, caller=ME)

    options = await passkey_sign_in.begin(deps, email=None)
    await fails(options.pending_id, key.use(options.public_key, signer=new_key()))
    await fails(options.pending_id, key.use(options.public_key))
    options = await passkey_sign_in.begin(deps, email=None)
    await fails("pwp_" + "A" * 64, key.use(options.public_key))
    ann = await enter(deps, key)
    registration = await passkeys.begin(deps, ann, email=None, caller=ME)
    await fails(registration.pending_id, key.use(registration.public_key))
    clock.tick(LIFE)
    await fails(options.pending_id, key.use(options.public_key))
    assert await why_not(deps) == [Reason.BAD_ASSERTION, *[Reason.UNKNOWN] * 4]


async def test_a_copied_passkey_is_refused_and_reported(deps: Deps) -> None:
    """A counter that stands still or goes back: audited, mailed once, and the owner's passkey stays (SEC-45)."""
    key = Authenticator(sign_count=5)
    await add(deps, await by_mail(deps), key)
    await enter(deps, key, sign_count=10)
    for number in (7, 10, 0):
        with pytest.raises(SignInFailed):
            await enter(deps, key, sign_count=number)
    await enter(deps, key, sign_count=11)
    assert await why_not(deps) == [Reason.CLONED] * 3
    assert len(await audited(deps, Event.PASSKEY_CLONED)) == 3
    assert await count(deps, LETTERS) == 2


async def test_a_stranger_raises_no_alarm(deps: Deps) -> None:
    """Who cannot sign is not taken for a copy, whatever counter is claimed (SEC-45)."""
    key = Authenticator(sign_count=5)
    await add(deps, await by_mail(deps), key)
    with pytest.raises(SignInFailed):
        await enter(deps, key, sign_count=1, signer=new_key())
    assert await audited(deps, Event.PASSKEY_CLONED) == []
    assert await why_not(deps) == [Reason.BAD_ASSERTION]


async def test_parallel_uses_of_one_counter_are_one_sign_in(deps: Deps) -> None:
    """Two answers with the same number cannot both be of one authenticator, though each has its own challenge (SEC-45)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    outcomes = await asyncio.gather(*(enter(deps, key, sign_count=1) for _ in range(5)), return_exceptions=True)
    assert [type(it) for it in outcomes].count(SignInFailed) == 4


async def test_who_is_named_gets_in_with_the_own_passkey_only(deps: Deps) -> None:
    """Options of one person are not answered by another, and a handle says the truth (SEC-44)."""
    hers, his = Authenticator(), Authenticator()
    await add(deps, await by_mail(deps), hers)
    await add(deps, await by_mail(deps, BEN), his)
    for email, lies in (
        (ANN, {}),
        (ANN, {"user_handle": hers.user_handle}),
        (ANN, {"user_handle": SILENT}),
        ("nobody@ex.com", {}),
        (None, {"user_handle": hers.user_handle}),
        (None, {"user_handle": SILENT}),
        (None, {"credential_id": hers.credential_id}),
        (None, {"credential_id": b"x" * 32}),
    ):
        with pytest.raises(SignInFailed):
            await enter(deps, his, email=email, **lies)
    wrong, bad, unknown = Reason.WRONG_ACCOUNT, Reason.BAD_ASSERTION, Reason.UNKNOWN
    assert await why_not(deps) == [wrong, bad, wrong, wrong, bad, bad, bad, unknown]
    assert (await enter(deps, his, email=BEN, user_handle=SILENT)).email == BEN


@pytest.mark.parametrize(("sql", "reason"), ((SUSPEND, Reason.SUSPENDED), (DISABLE, Reason.DISABLED)))
async def test_what_does_not_count_is_refused_in_the_same_words(deps: Deps, sql: Sql, reason: Reason) -> None:
    """A disowned passkey and a disabled person look like a wrong signature (SEC-09, SEC-33)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    await deps.db.unit(lambda tx: tx.run(sql, deps.clock.now()))
    with pytest.raises(SignInFailed):
        await enter(deps, key)
    assert await why_not(deps) == [reason]


async def test_without_a_proven_mailbox_a_passkey_opens_nothing(deps: Deps) -> None:
    """With the default setting an account that nobody has proven does not sign in (SEC-07)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    await deps.db.unit(lambda tx: tx.run(UNVERIFY))
    with pytest.raises(SignInFailed):
        await enter(deps, key)
    assert await why_not(deps) == [Reason.UNVERIFIED]


async def test_a_passkey_steps_up_its_owners_session(deps: Deps) -> None:
    """The session of before ends, and the new one knows what both have shown (SEC-56, SEC-57)."""
    ann, key, other = await by_mail(deps), Authenticator(), Authenticator()
    await add(deps, ann, key)
    await add(deps, await by_mail(deps, BEN), other)
    with pytest.raises(IdentityMismatch):
        await enter(deps, other, current=ann)
    stronger = await enter(deps, key, current=ann)
    assert (stronger.acr, stronger.amr) == ("phr", ("email", "hwk", "user", "mfa"))
    assert [it.id for it in await sessions.live_of(deps.db.reads, stronger.user_id, deps.clock.now())] == [stronger.id]


async def test_options_name_what_would_sign_in(deps: Deps) -> None:
    """One's own passkeys but the disowned ones, decoys for everybody else, nothing if nobody is named (SEC-41)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    await by_mail(deps, BEN)
    named = (await passkey_sign_in.begin(deps, email=ANN)).public_key
    assert [(it["id"], it["transports"]) for it in named["allowCredentials"]] == [
        (key.use({"challenge": "x"})["id"], ["hybrid", "internal"])
    ]
    assert (await passkey_sign_in.begin(deps, email=None)).public_key["allowCredentials"] == []
    for email in (BEN, "nobody@ex.com"):
        one, again = [(await passkey_sign_in.begin(deps, email=email)).public_key for _ in range(2)]
        assert set(one) == set(named)
        assert one["allowCredentials"] == again["allowCredentials"] != []
        assert one["challenge"] != again["challenge"]
    await deps.db.unit(lambda tx: tx.run(SUSPEND, deps.clock.now()))
    hidden = (await passkey_sign_in.begin(deps, email=ANN)).public_key["allowCredentials"]
    assert key.use({"challenge": "x"})["id"] not in [it["id"] for it in hidden]
    assert hidden != []


async def test_challenges_differ_and_do_not_pile_up(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is 32 new bytes, and whoever asks without end only pushes out the oldest (SEC-40, SEC-41)."""
    monkeypatch.setattr(challenges, "MAX_ROWS", 50)
    asked = [await passkey_sign_in.begin(deps, email=email) for email in (None, ANN) for _ in range(60)]
    assert len({it.public_key["challenge"] for it in asked}) == len({it.pending_id for it in asked}) == 120
    assert {len(it.public_key["challenge"]) for it in asked} == {43}
    assert await count(deps, PENDING) == 50


async def test_strangers_push_out_nobody_who_has_shown_something(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many challenges they ask for, a registration that has begun can be finished (SEC-41)."""
    monkeypatch.setattr(challenges, "MAX_ROWS", 5)
    ann, key = await by_mail(deps), Authenticator()
    options = await passkeys.begin(deps, ann, email=None, caller=ME)
    for _ in range(20):
        await passkey_sign_in.begin(deps, email=None)
    answer = key.make(options.public_key)
    await passkeys.finish(deps, ann, pending_id=options.pending_id, response=answer, name=None, caller=ME)


async def test_failures_are_limited(deps: Deps) -> None:
    """Thirty from one client, whatever was wrong, and then nothing is verified any more (SEC-31, SEC-64)."""
    key = Authenticator()
    await add(deps, await by_mail(deps), key)
    for _ in range(30):
        with pytest.raises(SignInFailed):
            await enter(deps, key, signer=new_key())
    for signer in (new_key(), key.key):
        with pytest.raises(RateLimited):
            await enter(deps, key, signer=signer)
