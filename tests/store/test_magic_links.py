import asyncio
from typing import Any

import pytest

from pwauth_server.rules.codes import MAX_TRIES
from pwauth_server.rules.ids import earliest
from pwauth_server.store import magic_links
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.transaction import Database, Tx
from tests.fakes import NEW_YEAR
from tests.store.rows import USER, does, link, row_id

NOW = NEW_YEAR


async def test_a_request_reads_back(database: Database) -> None:
    """What was stored is what is found; unknown ids find nothing (SEC-15)."""
    for stored in (link(1), link(2, browser_hash=None, return_to=None)):
        await does(database, magic_links.create, stored)
        assert await magic_links.find(database.reads, stored.id) == stored
    assert await magic_links.find(database.reads, row_id(3)) is None


@pytest.mark.parametrize(
    ("changes", "now", "live"),
    (
        ({}, NOW, True),
        ({}, NOW + 599.999, True),
        ({}, NOW + 600, False),
        ({"closed": True}, NOW, False),
        ({"tries": MAX_TRIES - 1}, NOW, True),
        ({"tries": MAX_TRIES}, NOW, False),
    ),
)
def test_each_condition_alone_ends_a_request(changes: dict[str, Any], now: float, live: bool) -> None:  # noqa: FBT001
    """Expired, closed or guessed at too often: one is enough (SEC-11, SEC-15, SEC-16)."""
    assert link(**changes).is_live(now) is live


async def test_a_request_is_used_up_once(database: Database) -> None:
    """Of fifty at once, by link or code, one wins (SEC-10)."""
    await does(database, magic_links.create, link())
    answers = await asyncio.gather(*(does(database, magic_links.consume, row_id(1), NOW + 1) for _ in range(50)))
    assert answers.count(True) == 1
    found = await magic_links.find(database.reads, row_id(1))
    assert found == link(closed=True)
    assert not found.is_live(NOW)


@pytest.mark.parametrize(("now", "used"), ((NOW + 599.999, True), (NOW + 600, False), (NOW + 601, False)))
async def test_a_request_is_over_exactly_at_its_end(database: Database, now: float, used: bool) -> None:  # noqa: FBT001
    """The database itself refuses a late link, whatever was checked before (SEC-11)."""
    await does(database, magic_links.create, link())
    assert await does(database, magic_links.consume, row_id(1), now) is used


async def test_forty_parallel_guesses_are_five_tries(database: Database) -> None:
    """A try is reserved before anything is compared, so the counter cannot be overrun (SEC-16)."""
    await does(database, magic_links.create, link(1))
    await does(database, magic_links.create, link(2))
    answers = await asyncio.gather(*(does(database, magic_links.reserve_try, row_id(1), NOW) for _ in range(40)))
    assert sorted(answer.tries for answer in answers if answer is not None) == [1, 2, 3, 4, 5]
    assert await magic_links.find(database.reads, row_id(1)) == link(1, tries=MAX_TRIES)
    assert await magic_links.find(database.reads, row_id(2)) == link(2)


async def test_no_try_is_left_on_a_request_that_is_over(database: Database) -> None:
    """Expired, used and unknown requests take no guesses (SEC-16)."""
    await does(database, magic_links.create, link(1))
    await does(database, magic_links.create, link(2))
    await does(database, magic_links.consume, row_id(2), NOW)
    for number, now in ((1, NOW + 600), (2, NOW), (3, NOW)):
        assert await does(database, magic_links.reserve_try, row_id(number), now) is None


async def test_the_newest_request_of_a_browser_is_found(database: Database) -> None:
    """A second click in the same browser gets the id of the first letter; another browser does not (SEC-15, SEC-66)."""
    stored: tuple[MagicLink, ...] = (
        link(1), link(2), link(3, browser_hash=b"x" * 32), link(4, email="other@ex.com"), link(5, expires_at=NOW), link(6),
    )  # fmt: skip
    for one in stored:
        await does(database, magic_links.create, one)
    await does(database, magic_links.consume, row_id(6), NOW)
    assert await magic_links.latest_of_browser(database.reads, USER, b"b" * 32, NOW) == row_id(2)
    assert await magic_links.latest_of_browser(database.reads, USER, b"y" * 32, NOW) is None
    assert await magic_links.latest_of_browser(database.reads, USER, b"b" * 32, NOW + 600) is None


async def test_a_sign_in_closes_the_other_requests_of_its_address(database: Database) -> None:
    """Old letters are worthless afterwards; other people's are not touched (SEC-19)."""
    for one in (link(1), link(2), link(3, email="other@ex.com")):
        await does(database, magic_links.create, one)
    await does(database, magic_links.close_all_of, USER, NOW + 1)
    assert [await does(database, magic_links.consume, row_id(number), NOW + 2) for number in (1, 2, 3)] == [False, False, True]


async def test_room_is_made_from_the_oldest_but_not_within_the_cooldown(database: Database) -> None:
    """A stranger who asks again and again cannot push the owner's fresh link out (SEC-19, SEC-65)."""
    ages = {1: 300, 2: 200, 3: 100, 4: 10}
    for number, age in ages.items():
        await does(database, magic_links.create, link(number, created_at=NOW - age))
    await does(database, magic_links.create, link(5, email="other@ex.com", created_at=NOW - 300))

    async def alive() -> list[int]:
        found = [(number, await magic_links.find(database.reads, row_id(number, NOW - age))) for number, age in (ages | {5: 300}).items()]
        return [number for number, one in found if one is not None and not one.closed]

    await does(database, magic_links.make_room, USER, "203.0.113.9", keep=2, cooldown=60.0, now=NOW)
    assert await alive() == [3, 4, 5]
    await does(database, magic_links.make_room, USER, "198.51.100.1", keep=0, cooldown=60.0, now=NOW)
    assert await alive() == [3, 4, 5]
    await does(database, magic_links.make_room, USER, "203.0.113.9", keep=0, cooldown=60.0, now=NOW)
    assert await alive() == [4, 5]
    await does(database, magic_links.make_room, USER, "203.0.113.9", keep=0, cooldown=10.0, now=NOW)
    assert await alive() == [5]


async def test_old_requests_are_purged_and_counted(database: Database) -> None:
    """The purge tells how many nobody ever used, for the metrics."""
    for number in range(5):
        await does(database, magic_links.create, link(number, created_at=NOW - 9999))
    await does(database, magic_links.create, link(9))
    await does(database, magic_links.consume, row_id(0, NOW - 9999), NOW - 9998)
    purged = [await does(database, magic_links.purge, below=earliest(NOW - 5000), now=NOW, limit=3) for _ in range(3)]
    assert purged == [(3, 2), (2, 2), (0, 0)]
    assert await magic_links.find(database.reads, row_id(9)) is not None


async def test_links_of_one_mailbox_used_at_once_do_not_wait_for_each_other(database: Database) -> None:
    """Each would hold its own row and want the other's: one wins, the others are told so (SEC-10)."""
    for number in range(0, 30, 3):
        mine = [number + 1, number + 2, number + 3]
        for each in mine:
            await does(database, magic_links.create, link(each))

        async def use(each: int) -> bool:
            async def work(tx: Tx) -> bool:
                if not await magic_links.consume(tx, row_id(each), NOW):
                    return False
                await magic_links.close_all_of(tx, USER, NOW)
                return True

            return await database.unit(work)

        assert sorted(await asyncio.gather(*map(use, mine))) == [False, False, True]
