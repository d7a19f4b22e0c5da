"""The last administrator stays, on both databases."""

import asyncio

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Forbidden, Unauthenticated
from pwauth_server.flows import admin_users, invites, own_data
from pwauth_server.flows.admin_users import Change
from pwauth_server.store import users
from pwauth_server.store.sessions import Session
from tests.admins import BOSS, HERE, acting, arrive, change


async def test_the_last_administrator_stays(deps: Deps) -> None:
    """Not shut out, not demoted, not deleted, neither by others nor by themselves; one who is shut out counts for none (SEC-59)."""
    boss = await arrive(deps, "boss@ex.com", "admin")
    gone = await arrive(deps, "gone@ex.com", "admin")
    await change(deps, gone.user_id, disabled=True)
    for wanted in ({"disabled": True}, {"roles": ()}, {"roles": ("staff",)}, {"disabled": True, "name": "x"}):
        with pytest.raises(Conflict, match="last administrator"):
            await change(deps, boss.user_id, **wanted)
    with pytest.raises(Conflict, match="last administrator"):
        await admin_users.delete(deps, BOSS, str(boss.user_id), HERE)
    with pytest.raises(Conflict, match="last administrator"):
        await own_data.delete(deps, boss, HERE)
    found = await users.find(deps.db.reads, boss.user_id)
    assert found is not None
    assert (found.name, found.roles, found.disabled) == ("", ("admin",), False)
    await change(deps, gone.user_id, disabled=False)
    await own_data.delete(deps, boss, HERE)
    assert await users.find(deps.db.reads, boss.user_id) is None


@pytest.mark.parametrize("how", ("disable", "demote", "delete", "leave"))
async def test_of_administrators_that_go_at_once_one_stays(deps: Deps, how: str) -> None:
    """Eight in parallel, each the others' colleague: exactly one is refused (SEC-59)."""
    admins = [await arrive(deps, f"boss{number}@ex.com", "admin") for number in range(8)]

    async def go(session: Session) -> bool:
        user_id = session.user_id
        try:
            if how == "delete":
                await admin_users.delete(deps, BOSS, str(user_id), HERE)
            elif how == "leave":
                await own_data.delete(deps, session, HERE)
            else:
                await change(deps, user_id, **({"disabled": True} if how == "disable" else {"roles": ()}))
        except Conflict:
            return False
        return True

    assert sorted(await asyncio.gather(*map(go, admins))) == [False] + [True] * 7
    left = [user for user in await users.with_role(deps.db.reads, "admin") if not user.disabled]
    assert len(left) == 1


async def test_of_two_that_shut_each_other_out_one_succeeds(deps: Deps) -> None:
    """Even with colleagues left: whoever is shut out first no longer decides about anybody (SEC-09)."""
    first, second, _ = [await arrive(deps, f"boss{number}@ex.com", "admin") for number in range(3)]

    async def shut(actor: Session, target: Session) -> bool:
        try:
            await admin_users.change(deps, acting(actor), str(target.user_id), Change(disabled=True), HERE)
        except Unauthenticated:
            return False
        return True

    assert sorted(await asyncio.gather(shut(first, second), shut(second, first))) == [False, True]


async def test_who_is_shut_out_meanwhile_decides_nothing_any_more(deps: Deps) -> None:
    """Between the guard and the write an administrator may go, and a session may end (SEC-09, SEC-54)."""
    boss, colleague = await arrive(deps, "boss@ex.com", "admin"), await arrive(deps, "two@ex.com", "admin")
    demoted, ann = await arrive(deps, "three@ex.com", "admin"), await arrive(deps, "ann@ex.com")
    await change(deps, boss.user_id, disabled=True)
    await deps.db.unit(lambda tx: users.set_roles(tx, demoted.user_id, ()))
    for gone, refusal in ((boss, Unauthenticated), (demoted, Forbidden)):
        with pytest.raises(refusal):
            await admin_users.end_session(deps, acting(gone), str(ann.id), HERE)
        with pytest.raises(refusal):
            await admin_users.delete(deps, acting(gone), str(ann.user_id), HERE)
        with pytest.raises(refusal):
            await invites.invite(deps, acting(gone), email="new@ex.com", days=1, caller=HERE)
    await admin_users.end_session(deps, acting(colleague), str(ann.id), HERE)
    with pytest.raises(Unauthenticated):
        await own_data.delete(deps, ann, HERE)
    assert await users.find(deps.db.reads, ann.user_id) is not None
