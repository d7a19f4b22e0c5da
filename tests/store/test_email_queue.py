from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from pwauth_server.store import email_queue, letter_list, magic_links
from pwauth_server.store.email_queue import Letter
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Database
from tests.fakes import NEW_YEAR
from tests.store.rows import does, link, row_id

NOW = NEW_YEAR
LEASE = NOW + 60.0
LIFE = 600.0
ROW = Sql("letter_row", "SELECT * FROM email_queue WHERE id = ?")
#: Every way to let go of a claimed letter that only the holder of the lease may use.
LET_GO = (
    lambda tx, it: email_queue.defer(tx, it, until=NOW + 9, error="smtp_451", transport="smtp"),
    lambda tx, it: email_queue.mark_failed(tx, it, now=NOW, error="smtp_550", transport="smtp"),
    lambda tx, it: email_queue.mark_expired(tx, it, now=NOW, error="expired", transport="smtp"),
    email_queue.release,
)


async def queue(database: Database, number: int = 1, *, at: float = NOW, life: float = LIFE, link_id: UUID | None = None) -> UUID:
    """Queue a letter."""
    letter_id = row_id(number, at)
    await does(
        database,
        email_queue.create,
        letter_id=letter_id,
        kind="sign_in",
        recipient="ann@ex.com",
        message_id=f"<{number}@ex.com>",
        body=b"sealed",
        now=at,
        expires_at=at + life,
        link_id=link_id,
    )
    return letter_id


async def claim(database: Database, *, now: float = NOW, lease_until: float = LEASE) -> Letter:
    """Claim a letter that must be there."""
    letter = await does(database, email_queue.claim, now=now, lease_until=lease_until)
    assert letter is not None
    return letter


async def row(database: Database, letter_id: UUID) -> Mapping[str, Any]:
    """Return what is stored of a letter."""
    found = await database.reads.one(ROW, letter_id)
    assert found is not None
    return found


async def test_a_letter_is_claimed_once(database: Database) -> None:
    """Two senders never hold the same letter (SEC-84)."""
    letter_id = await queue(database)
    letter = await claim(database)
    assert (letter.id, letter.body, letter.attempts, letter.lease_until) == (letter_id, b"sealed", 1, LEASE)
    assert await does(database, email_queue.claim, now=NOW, lease_until=LEASE) is None


async def test_the_letter_that_is_due_longest_comes_first(database: Database) -> None:
    """Nobody is overtaken for good, and what is not due waits."""
    await queue(database, 1, at=NOW + 5)
    oldest = await queue(database, 2, at=NOW - 5)
    await queue(database, 3)
    assert (await claim(database)).id == oldest
    assert (await claim(database)).id == row_id(3)
    assert await does(database, email_queue.claim, now=NOW, lease_until=LEASE) is None


async def test_a_sent_letter_is_wiped(database: Database) -> None:
    """What was delivered is no longer worth stealing (SEC-72)."""
    letter_id = await queue(database)
    assert await does(database, email_queue.mark_sent, await claim(database), now=NOW + 1, transport="smtp")
    found = await row(database, letter_id)
    assert (found["status"], found["body"], found["finished_at"], found["transport"]) == ("sent", None, NOW + 1, "smtp")


async def test_a_dead_letter_keeps_its_sealed_body_until_its_life_is_over(database: Database) -> None:
    """An operator can requeue it for as long as somebody could use it (SEC-72)."""
    letter_id = await queue(database)
    await does(database, email_queue.mark_failed, await claim(database), now=NOW, error="smtp_550", transport="smtp")
    await does(database, email_queue.purge, before=NOW - 1, now=NOW + LIFE - 1, limit=10)
    assert (await row(database, letter_id))["body"] == b"sealed"
    await does(database, email_queue.purge, before=NOW - 1, now=NOW + LIFE, limit=10)
    assert (await row(database, letter_id))["body"] is None
    assert not await does(database, email_queue.requeue, letter_id, NOW)


async def test_an_expired_letter_is_wiped(database: Database) -> None:
    """Waiting is over when the link is (SEC-72, SEC-84)."""
    letter_id, other = await queue(database), await queue(database, 2, life=2 * LIFE)
    assert await does(database, email_queue.expire_stale, NOW + LIFE) == 1
    assert (await row(database, letter_id))["status"] == "expired"
    assert (await row(database, letter_id))["body"] is None
    assert (await row(database, other))["status"] == "pending"


async def test_a_letter_whose_link_is_closed_is_given_up(database: Database) -> None:
    """Somebody signed in by another letter meanwhile (SEC-84)."""
    closed, live = link(1), link(2, email="bob@ex.com")
    for it in (closed, live):
        await does(database, magic_links.create, it)
    letter_id, other = await queue(database, 1, link_id=closed.id), await queue(database, 2, link_id=live.id)
    assert await does(database, magic_links.consume, closed.id, NOW)
    assert await does(database, email_queue.expire_stale, NOW) == 1
    assert (await row(database, letter_id))["status"] == "expired"
    assert (await row(database, other))["status"] == "pending"


async def test_a_lost_letter_is_put_back_when_its_lease_is_over(database: Database) -> None:
    """Its sender crashed; not before, for it may only be slow (SEC-84)."""
    letter_id = await queue(database)
    await claim(database)
    assert await does(database, email_queue.reclaim, now=LEASE - 1, leases_before=LEASE - 1) == 0
    assert await does(database, email_queue.reclaim, now=LEASE, leases_before=LEASE) == 1
    assert (await row(database, letter_id))["status"] == "pending"
    assert (await claim(database, now=LEASE, lease_until=LEASE + 60)).attempts == 2


async def test_everything_in_hand_can_be_put_back_at_once(database: Database) -> None:
    """Whoever is alone on a database need not wait for the leases of a dead predecessor (SEC-84)."""
    await queue(database)
    await claim(database)
    assert await does(database, email_queue.reclaim, now=NOW, leases_before=float("inf")) == 1


@pytest.mark.parametrize("let_go", LET_GO, ids=("defer", "fail", "expire", "release"))
async def test_who_lost_the_lease_cannot_put_a_letter_back(database: Database, let_go: Any) -> None:
    """Another sender has it in hand: putting it back would send it a third time (SEC-84)."""
    letter_id = await queue(database)
    slow = await claim(database)
    await does(database, email_queue.reclaim, now=LEASE, leases_before=LEASE)
    await claim(database, now=LEASE, lease_until=LEASE + 60)
    assert not await does(database, let_go, slow)
    assert (await row(database, letter_id))["status"] == "sending"


@pytest.mark.parametrize("let_go", LET_GO, ids=("defer", "fail", "expire", "release"))
async def test_the_holder_of_the_lease_can(database: Database, let_go: Any) -> None:
    """Every outcome is written down once."""
    await queue(database)
    letter = await claim(database)
    assert await does(database, let_go, letter)
    assert not await does(database, let_go, letter)


async def test_a_letter_that_left_is_sent_even_if_its_lease_was_over(database: Database) -> None:
    """It must not leave again only because its note came late (SEC-84)."""
    letter_id = await queue(database)
    slow = await claim(database)
    await does(database, email_queue.reclaim, now=LEASE, leases_before=LEASE)
    assert await does(database, email_queue.mark_sent, slow, now=LEASE, transport="smtp")
    assert (await row(database, letter_id))["status"] == "sent"


async def test_a_released_letter_was_not_tried(database: Database) -> None:
    """A shutdown uses no try up."""
    letter_id = await queue(database)
    await does(database, email_queue.release, await claim(database))
    found = await row(database, letter_id)
    assert (found["status"], found["attempts"], found["next_attempt_at"]) == ("pending", 0, NOW)


async def test_letters_that_wait_for_a_server_become_due_when_it_is_back(database: Database) -> None:
    """What a server said about a letter itself stands (SEC-84)."""
    away, greylisted = await queue(database, 1, at=NOW - 2), await queue(database, 2, at=NOW - 1)
    for reason in ("down_refused", "smtp_451"):
        await does(database, email_queue.defer, await claim(database), until=NOW + 99, error=reason, transport="smtp")
    assert await does(database, email_queue.due_again, now=NOW, error_prefix="down_") == 1
    assert (await row(database, away))["next_attempt_at"] == NOW
    assert (await row(database, greylisted))["next_attempt_at"] == NOW + 99


async def test_the_next_look_is_at_the_first_letter_due_or_the_first_lease_over(database: Database) -> None:
    """Between the two nothing has to be looked at."""
    assert await email_queue.next_due(database.reads) is None
    await queue(database, 1, at=NOW + 99)
    assert await email_queue.next_due(database.reads) == NOW + 99
    await queue(database, 2)
    assert await email_queue.next_due(database.reads) == NOW
    await claim(database)
    assert await email_queue.next_due(database.reads) == LEASE


async def test_a_requeued_letter_begins_anew(database: Database) -> None:
    """Only a dead one, and only while somebody could use it."""
    letter_id = await queue(database)
    assert not await does(database, email_queue.requeue, letter_id, NOW)
    await does(database, email_queue.mark_failed, await claim(database), now=NOW, error="smtp_550", transport="smtp")
    assert not await does(database, email_queue.requeue, letter_id, NOW + LIFE)
    assert await does(database, email_queue.requeue, letter_id, NOW + 5)
    found = await row(database, letter_id)
    assert (found["status"], found["attempts"], found["next_attempt_at"], found["finished_at"]) == ("pending", 0, NOW + 5, None)


async def test_a_list_shows_no_body(database: Database) -> None:
    """Whoever may look at the queue may not read the letters (SEC-72)."""
    for number in (1, 2, 3):
        await queue(database, number, at=NOW + number)
    found = await letter_list.page(database.reads, limit=2, offset=1)
    assert [row["created_at"] for row in found] == [NOW + 2, NOW + 1]
    assert not {"body", "message_id", "link_id"} & set(dict(found[0]))


async def test_counts_and_age_are_told(database: Database) -> None:
    """An operator sees a queue that grows."""
    assert await email_queue.oldest(database.reads) is None
    for number in (1, 2):
        await queue(database, number, at=NOW - number)
    await claim(database)
    assert await email_queue.counts(database.reads) == {"pending": 1, "sending": 1}
    assert await email_queue.oldest(database.reads) == NOW - 2


async def test_only_finished_letters_of_their_time_are_deleted(database: Database) -> None:
    """A waiting letter is never thrown away, however old; a batch is no larger than asked."""
    for number in (1, 2, 3):
        await queue(database, number, at=NOW - 100 + number)
        if number < 3:
            await does(database, email_queue.mark_sent, await claim(database), now=NOW, transport="smtp")
    assert await does(database, email_queue.purge, before=NOW - 1, now=NOW, limit=10) == 0
    assert await does(database, email_queue.purge, before=NOW, now=NOW, limit=1) == 1
    assert await does(database, email_queue.purge, before=NOW, now=NOW, limit=10) == 1
    assert await email_queue.counts(database.reads) == {"pending": 1}
