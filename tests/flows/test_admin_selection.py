"""One thing done to several people, on both databases."""

from uuid import uuid4

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict
from pwauth_server.flows import admin_selection, admin_users
from pwauth_server.flows.admin_selection import MOST, Action
from tests.admins import BOSS, HERE, acting, arrive


async def disabled(deps: Deps) -> list[str]:
    """Return the addresses of those who are shut out."""
    found = await admin_users.search(deps, q="", limit=100, offset=0)
    return [it.user.email for it in found.profiles if it.user.disabled]


async def test_who_acts_comes_last(deps: Deps) -> None:
    """An administrator who is among those whom they disable gets to the others first; the last one stays (SEC-91)."""
    ann, bob, eve = [await arrive(deps, f"{name}@ex.com", "admin") for name in ("ann", "bob", "eve")]
    outcomes = await admin_selection.perform(deps, acting(ann), Action.DISABLE, [str(ann.user_id), str(bob.user_id)], HERE)
    assert [(it.profile.user.email, it.problem) for it in outcomes] == [("bob@ex.com", None), ("ann@ex.com", None)]
    (outcome,) = await admin_selection.perform(deps, acting(eve), Action.DELETE, [str(eve.user_id)], HERE)
    assert isinstance(outcome.problem, Conflict)
    assert await disabled(deps) == ["ann@ex.com", "bob@ex.com"]


async def test_one_who_is_refused_takes_nobody_else_back(deps: Deps) -> None:
    """Each has a transaction of their own, so what worked stays."""
    ann, bob = [(await arrive(deps, f"{name}@ex.com", *roles)).user_id for name, roles in (("ann", ["admin"]), ("bob", []))]
    outcomes = await admin_selection.perform(deps, BOSS, Action.DISABLE, [str(ann), str(bob)], HERE)
    assert [it.problem is None for it in outcomes] == [False, True]
    assert await disabled(deps) == ["bob@ex.com"]
    assert all(it.problem is None for it in await admin_selection.perform(deps, BOSS, Action.ENABLE, [str(ann), str(bob)], HERE))
    assert await disabled(deps) == []


async def test_only_people_who_are_there_are_chosen(deps: Deps) -> None:
    """Unknown ids, junk and repetitions are left out, and nobody chooses more than a page holds."""
    ann = str((await arrive(deps, "ann@ex.com")).user_id)
    assert [it.user.email for it in await admin_selection.chosen(deps, [ann, ann, str(uuid4()), "x"])] == ["ann@ex.com"]
    assert await admin_selection.chosen(deps, [*["x"] * MOST, ann]) == []
