"""Two nodes that start at once on one database, with different secrets by mistake: one of them is the second one (SEC-71)."""

import asyncio

import pytest

from pwauth_server.errors import ConfigError
from pwauth_server.flows import keys
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.store import epoch
from pwauth_server.store.transaction import Database
from tests.fakes import NEW_YEAR, FakeEntropy

OLD, ONE, OTHER = ("old" * 11, "one" * 11, "other" * 11)


@pytest.mark.parametrize("before", ((), (OLD,)), ids=("a new database", "one that both can open"))
async def test_of_two_secrets_one_opens_the_database(database: Database, before: tuple[str, ...]) -> None:
    """Else each seals what nobody can open after the next start, and finds everything well."""
    entropy = FakeEntropy()
    for secret in before:
        await keys.check_secret_key(database, KeyRing([secret]), entropy, now=NEW_YEAR)
    rings = [KeyRing([first, *before]) for first in (ONE, OTHER)]
    ends = await asyncio.gather(*(keys.check_secret_key(database, ring, entropy, now=NEW_YEAR) for ring in rings), return_exceptions=True)
    sealed = await epoch.key_check(database.reads)
    assert sealed is not None
    assert [end is None for end in ends] == [keys.opens(ring, sealed) for ring in rings]
    (refused,) = (end for end in ends if end is not None)
    assert isinstance(refused, ConfigError)
