import asyncio
from typing import Any
from uuid import UUID

import pytest

from pwauth_server.rules.ids import earliest
from pwauth_server.store import api_keys, epoch, sessions, signing_keys, users
from pwauth_server.store.api_keys import ApiKeyRow
from pwauth_server.store.signing_keys import SigningKeyRow
from pwauth_server.store.statements import ConstraintViolated, Sql
from pwauth_server.store.transaction import Database
from tests.fakes import NEW_YEAR
from tests.store.rows import USER, does, row_id, session

NOW = NEW_YEAR
DISABLE = Sql("test_disable", "UPDATE users SET disabled_at = ?, roles = 'admin auditor' WHERE id = ?")
DELETE_USER = Sql("test_delete_user", "DELETE FROM users WHERE id = ?")


async def person(database: Database, number: int = 1, email: str = USER) -> UUID:
    """Store a person and return the id."""
    found, _ = await does(database, users.find_or_create, user_id=row_id(number), email=email, now=NOW)
    return found.id


# -- people


async def test_a_proven_mailbox_becomes_a_person_once(database: Database) -> None:
    """The second proof finds the person of the first (SEC-05)."""
    first, is_new = await does(database, users.find_or_create, user_id=row_id(1), email=USER, now=NOW)
    again, is_new_again = await does(database, users.find_or_create, user_id=row_id(2), email=USER, now=NOW + 1)
    assert (is_new, is_new_again) == (True, False)
    assert first == again
    assert (first.id, first.email, first.verified, first.disabled, first.roles, first.created_at) == (row_id(1), USER, True, False, (), NOW)
    assert await users.find(database.reads, row_id(1)) == await users.find_by_email(database.reads, USER) == first
    assert await users.find(database.reads, row_id(2)) is None
    assert await users.find_by_email(database.reads, "other@ex.com") is None


async def test_parallel_first_sign_ins_share_one_person(database: Database) -> None:
    """Twenty proofs of one new mailbox at once make one row (SEC-05)."""
    found = await asyncio.gather(*(does(database, users.find_or_create, user_id=row_id(n), email=USER, now=NOW) for n in range(20)))
    assert len({user.id for user, _ in found}) == 1
    assert [is_new for _, is_new in found].count(True) == 1


async def test_a_disabled_person_shows_as_disabled(database: Database) -> None:
    """Flag and roles are read with every person (SEC-09)."""
    user_id = await person(database)
    await database.unit(lambda tx: tx.run(DISABLE, NOW, user_id))
    await does(database, users.record_sign_in, user_id, NOW + 5)
    found = await users.find(database.reads, user_id)
    assert found is not None
    assert (found.disabled, found.verified, found.roles) == (True, True, ("admin", "auditor"))


# -- sessions


async def test_a_session_reads_back_with_its_owner_and_the_epoch(database: Database) -> None:
    """One read brings all that a token is checked against (SEC-09, SEC-24, SEC-53)."""
    user_id = await person(database)
    await does(database, epoch.begin)
    await does(database, sessions.create, session(user_id))
    assert await sessions.find(database.reads, row_id(1)) == session(user_id)
    await does(database, epoch.advance)
    await database.unit(lambda tx: tx.run(DISABLE, NOW, user_id))
    found = await sessions.find(database.reads, row_id(1))
    assert found == session(user_id, epoch=2, disabled=True, roles=("admin", "auditor"))
    assert not found.is_live(NOW)
    assert await sessions.find(database.reads, row_id(9)) is None


async def test_a_session_needs_its_person(database: Database) -> None:
    """A session of nobody cannot be stored, and goes with its person (SEC-09)."""
    with pytest.raises(ConstraintViolated):
        await does(database, sessions.create, session(row_id(404)))
    user_id = await person(database)
    await does(database, sessions.create, session(user_id))
    with pytest.raises(ConstraintViolated):
        await does(database, sessions.create, session(user_id))
    await database.unit(lambda tx: tx.run(DELETE_USER, user_id))
    assert await sessions.find(database.reads, row_id(1)) is None


@pytest.mark.parametrize(("now", "live"), ((NOW, True), (NOW + 604_799.9, True), (NOW + 604_800, False), (NOW + 10**7, False)))
def test_a_session_is_over_exactly_at_its_end(now: float, live: bool) -> None:  # noqa: FBT001
    """Idle end is exclusive; ended or disabled means dead at any time (SEC-53)."""
    assert session(row_id(1)).is_live(now) is live
    assert not session(row_id(1), ended=True).is_live(now)
    assert not session(row_id(1), disabled=True).is_live(now)


async def test_rotation_moves_the_counter_once(database: Database) -> None:
    """Only the live generation of a session that has not ended moves (SEC-50)."""
    user_id = await person(database)
    await does(database, epoch.begin)
    await does(database, sessions.create, session(user_id))

    async def rotates(generation: int, now: float = NOW + 5) -> bool:
        rotated = await does(database, sessions.rotate, row_id(1), generation=generation, now=now, idle=45)
        assert rotated is None or rotated == await sessions.find(database.reads, row_id(1))
        return rotated is not None

    assert [await rotates(generation) for generation in (1, 0, 0, -1)] == [False, True, False, False]
    found = await sessions.find(database.reads, row_id(1))
    assert found == session(user_id, generation=1, rotated_at=NOW + 5, last_used_at=NOW + 5, expires_at=NOW + 50)
    assert not await rotates(1, now=NOW + 50)
    assert await does(database, sessions.end, row_id(1), now=NOW, reason="logout")
    assert not await rotates(1)
    assert not await does(database, sessions.end, row_id(1), now=NOW, reason="logout")


async def test_a_cookie_moves_the_idle_end_of_a_live_session_only(database: Database) -> None:
    """Using a session that has ended does not revive it (SEC-53)."""
    user_id = await person(database)
    await does(database, epoch.begin)
    await does(database, sessions.create, session(user_id))
    await does(database, sessions.touch, row_id(1), now=NOW + 9, expires_at=NOW + 99)
    assert await sessions.find(database.reads, row_id(1)) == session(user_id, last_used_at=NOW + 9, expires_at=NOW + 99)
    await does(database, sessions.end, row_id(1), now=NOW + 10, reason="logout")
    await does(database, sessions.touch, row_id(1), now=NOW + 11, expires_at=NOW + 999)
    found = await sessions.find(database.reads, row_id(1))
    assert found is not None
    assert (found.last_used_at, found.expires_at, found.ended) == (NOW + 9, NOW + 99, True)


async def test_lists_and_counts_show_live_sessions_of_one_person(database: Database) -> None:
    """Ended, expired and foreign sessions are nobody's business (SEC-54)."""
    await does(database, epoch.begin)
    mine, theirs = await person(database, 1), await person(database, 2, "other@ex.com")
    for number in (1, 2, 3):
        await does(database, sessions.create, session(mine, number))
    await does(database, sessions.create, session(mine, 4, expires_at=NOW + 10))
    await does(database, sessions.create, session(theirs, 5))
    await does(database, sessions.end, row_id(2), now=NOW, reason="logout")
    assert [found.id for found in await sessions.live_of(database.reads, mine, NOW + 10)] == [row_id(3), row_id(1)]
    assert [found.id for found in await sessions.live_of(database.reads, mine, NOW + 9)] == [row_id(4), row_id(3), row_id(1)]
    assert await sessions.count_live_of(database.reads, mine, NOW + 10) == 2
    assert await sessions.count_live(database.reads, NOW + 10) == 3
    newest = await sessions.newest(database.reads, NOW + 10, limit=3, offset=0)
    assert [found.id for found in newest] == sorted((found.id for found in newest), reverse=True)
    assert [found.id for found in await sessions.newest(database.reads, NOW + 10, limit=1, offset=1)] == [newest[1].id]


async def test_ending_the_others_spares_one_and_strangers(database: Database) -> None:
    """Signing out everywhere else returns what it ended, once (SEC-54)."""
    mine, theirs = await person(database, 1), await person(database, 2, "other@ex.com")
    for number in (1, 2, 3):
        await does(database, sessions.create, session(mine, number))
    await does(database, sessions.create, session(mine, 4, expires_at=NOW - 1))
    await does(database, sessions.create, session(theirs, 5))
    ended = await does(database, sessions.end_others, mine, keep=row_id(2), now=NOW, reason="ended_by_user")
    assert sorted(ended) == [row_id(1), row_id(3)]
    assert await does(database, sessions.end_others, mine, keep=row_id(2), now=NOW, reason="ended_by_user") == []
    assert await sessions.count_live(database.reads, NOW) == 2


async def test_old_sessions_are_purged_in_batches(database: Database) -> None:
    """Only sessions whose absolute life is over go, so many at a time."""
    user_id = await person(database)
    for number in range(5):
        await does(database, sessions.create, session(user_id)._replace(id=row_id(number, NOW - 999), absolute_expires_at=NOW - 1))
    await does(database, sessions.create, session(user_id)._replace(id=row_id(5, NOW - 999)))
    await does(database, sessions.create, session(user_id)._replace(id=row_id(6, NOW), absolute_expires_at=NOW - 1))
    purged = [await does(database, sessions.purge, below=earliest(NOW), now=NOW, limit=2) for _ in range(4)]
    assert purged == [2, 2, 1, 0]
    assert await sessions.find(database.reads, row_id(0, NOW - 999)) is None


# -- keys and the epoch


async def test_the_epoch_begins_once_and_only_moves_forward(database: Database) -> None:
    """Two nodes that start at once begin one epoch; every change moves it (SEC-24)."""
    assert await epoch.current(database.reads) == 0
    await asyncio.gather(does(database, epoch.begin), does(database, epoch.begin))
    assert await epoch.current(database.reads) == 1
    await asyncio.gather(*(does(database, epoch.advance) for _ in range(10)))
    await does(database, epoch.begin)
    assert await epoch.current(database.reads) == 11


async def test_the_key_check_is_kept_and_replaced(database: Database) -> None:
    """The proof of the `secret_key` is one row of bytes (SEC-71)."""
    assert await epoch.key_check(database.reads) is None
    for sealed in (b"\x00one", b"two\xff"):
        await does(database, epoch.set_key_check, sealed)
        assert await epoch.key_check(database.reads) == sealed
    assert await epoch.current(database.reads) == 0


def signing_key(kid: str, created_at: float = NOW, **changes: Any) -> SigningKeyRow:
    """Return a key that was published ahead."""
    return SigningKeyRow(kid=kid, algorithm="ES256", sealed_private=b"\x00sealed", created_at=created_at, **changes)


async def test_signing_keys_are_listed_by_age_and_algorithm(database: Database) -> None:
    """Oldest first; another algorithm's keys are kept but not used (SEC-20, SEC-24)."""
    for row in (signing_key("b", NOW + 1), signing_key("c", NOW), signing_key("a", NOW + 1)):
        await does(database, signing_keys.create, row)
    await does(database, signing_keys.create, SigningKeyRow(kid="ed", algorithm="EdDSA", sealed_private=b"x", created_at=NOW - 1))
    assert [row.kid for row in await signing_keys.of_algorithm(database.reads, "ES256")] == ["c", "a", "b"]
    everything = await signing_keys.everything(database.reads)
    assert [row.kid for row in everything] == ["ed", "c", "a", "b"]
    assert bytes(everything[1].sealed_private) == b"\x00sealed"
    with pytest.raises(ConstraintViolated):
        await does(database, signing_keys.create, signing_key("a"))


async def test_signing_keys_take_over_retire_and_vanish(database: Database) -> None:
    """A key's times are changed in place; a purge spares what may still verify; a drop happens once (SEC-24)."""
    for kid in ("one", "two"):
        await does(database, signing_keys.create, signing_key(kid))
    one = (await signing_keys.of_algorithm(database.reads, "ES256"))[0]
    one.signs_from, one.verifies_until = NOW, NOW + 10
    await does(database, signing_keys.set_times, one)
    found = (await signing_keys.of_algorithm(database.reads, "ES256"))[0]
    assert (found.signs_from, found.verifies_until) == (NOW, NOW + 10)
    assert [await does(database, signing_keys.purge, now) for now in (NOW + 9, NOW + 10, NOW + 11)] == [0, 0, 1]
    assert [await does(database, signing_keys.drop, kid) for kid in ("two", "two", "none")] == [True, False, False]
    assert await signing_keys.everything(database.reads) == []


async def test_api_keys_are_revoked_once(database: Database) -> None:
    """A revoked key keeps its row and its first time of revocation (SEC-70, SEC-90)."""
    for number, name in ((2, "later"), (1, "earlier")):
        row = ApiKeyRow(id=row_id(number), name=name, scopes="users:read", secret_hash=b"\xffh", created_at=NOW, expires_at=None)
        await does(database, api_keys.create, row)
    assert [await does(database, api_keys.revoke, row_id(number), NOW + 1) for number in (1, 1, 9)] == [True, False, False]
    found = await api_keys.everything(database.reads)
    assert [(row.id, row.name, bytes(row.secret_hash), row.revoked_at) for row in found] == [
        (row_id(1), "earlier", b"\xffh", NOW + 1),
        (row_id(2), "later", b"\xffh", None),
    ]


# -- hostile values


@pytest.mark.parametrize("text", ("'; DROP TABLE users; --", "$1", "?", "%s", "\u00e9\u4e2d\U0001f600", "a\r\nb", '{"a": 1}', "x" * 254))
async def test_a_value_is_only_ever_a_value(database: Database, text: str) -> None:
    """Bound parameters: nothing that is stored can become a statement (SEC-75)."""
    user_id = await person(database, 1, text)
    found = await users.find_by_email(database.reads, text)
    assert found is not None
    assert (found.id, found.email) == (user_id, text)
    assert await users.find_by_email(database.reads, text + "x") is None
