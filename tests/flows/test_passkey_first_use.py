"""Passkeys of the open enrolment: whoever comes first may add one, until the owner of the mailbox comes (SEC-01, SEC-06)."""

import asyncio

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import CeremonyOver, Missing, SignInFailed, Unauthenticated
from pwauth_server.events import Method
from pwauth_server.flows import passkeys, sign_in
from pwauth_server.flows.passkeys import Passkey
from pwauth_server.flows.sign_in import Current, Proof
from pwauth_server.store.sessions import Session
from tests.authenticator import Authenticator
from tests.flows.passkey_holders import ANN, ME, add, by_mail, enter

#: A world that lets anybody enrol first.
SETTINGS = {"enrolment": "first_use"}


async def test_the_calls_of_old_work_in_their_order(deps: Deps) -> None:
    """Options and completion by address, then signing in: the session says that nobody has proven the mailbox (SEC-07)."""
    key = Authenticator()
    await add(deps, None, key, email=ANN)
    for email in (ANN, None):
        session = await enter(deps, key, email=email)
        assert (session.verified, session.acr, session.amr) == (False, "unverified", ("hwk", "user", "mfa"))


async def test_only_the_first_factor_is_added_so(deps: Deps) -> None:
    """An account with a factor, or one that somebody has proven, is nobody's to add to (SEC-01)."""
    await add(deps, None, Authenticator(), email=ANN)
    await by_mail(deps, "proven@ex.com")
    for email in (ANN, "proven@ex.com", None):
        with pytest.raises(Unauthenticated):
            await passkeys.begin(deps, None, email=email, caller=ME)


async def test_of_two_who_begin_one_gets_in(deps: Deps) -> None:
    """Both may have a challenge, but only one passkey is the first (SEC-01)."""

    async def begun(key: Authenticator) -> tuple[str, dict[str, object]]:
        options = await passkeys.begin(deps, None, email=ANN, caller=ME)
        return options.pending_id, key.make(options.public_key)

    async def finish(pending_id: str, response: dict[str, object]) -> Passkey:
        return await passkeys.finish(deps, None, pending_id=pending_id, response=response, name=None, caller=ME)

    answers = [await begun(Authenticator()) for _ in range(4)]
    outcomes = await asyncio.gather(*(finish(*answer) for answer in answers), return_exceptions=True)
    assert sorted(type(it).__name__ for it in outcomes) == ["Passkey", *["Unauthenticated"] * 3]


async def test_a_challenge_is_over_when_the_owner_comes(deps: Deps) -> None:
    """What a stranger began does not end in the account of whoever proved the mailbox (SEC-06)."""
    options = await passkeys.begin(deps, None, email=ANN, caller=ME)
    ann = await by_mail(deps)
    answer = Authenticator().make(options.public_key)
    with pytest.raises(CeremonyOver):
        await passkeys.finish(deps, None, pending_id=options.pending_id, response=answer, name=None, caller=ME)
    assert (await passkeys.listed(deps, ann)).passkeys == []


async def test_the_owner_of_the_mailbox_wipes_what_was_planted(deps: Deps) -> None:
    """The planted passkey is gone, and the account is another one (SEC-06)."""
    planted = Authenticator()
    await add(deps, None, planted, email=ANN)
    stranger = await enter(deps, planted)
    ann = await by_mail(deps)
    assert ann.user_id != stranger.user_id
    assert (await passkeys.listed(deps, ann)).handle is None
    with pytest.raises(SignInFailed):
        await enter(deps, planted)


async def test_who_holds_both_keeps_the_passkey(deps: Deps) -> None:
    """A link that is used with the account's own session proves that they belong to one person (policy a)."""
    key = Authenticator()
    await add(deps, None, key, email=ANN)
    own, now = await enter(deps, key), deps.clock.now()
    proof = Proof(Method.LINK, ("email",), ANN)
    ending = await deps.db.unit(lambda tx: sign_in.finish(tx, deps, proof, ME, now, current=Current(own, on_purpose=True)))
    assert isinstance(ending, Session)
    assert ending.user_id == own.user_id
    assert (await enter(deps, key)).verified


async def test_a_session_does_not_finish_what_nobody_began(deps: Deps) -> None:
    """A challenge without a session is for callers without one (SEC-40)."""
    options = await passkeys.begin(deps, None, email=ANN, caller=ME)
    other = await by_mail(deps, "other@ex.com")
    answer = Authenticator().make(options.public_key)
    with pytest.raises(Missing):
        await passkeys.finish(deps, other, pending_id=options.pending_id, response=answer, name=None, caller=ME)
