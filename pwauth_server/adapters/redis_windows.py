"""Windows in Redis: the storage of the ``limits`` library, with windows as exact as those in memory.

The library's own count takes whole seconds only (after a fraction it leaves a key that never ends), opens a
window anew when all of it was given back, and tells ends by a clock that is not ours, up to half a second early.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import cast

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.limiter import Use
from pwauth_server.errors import ConfigError
from pwauth_server.rules.limits import Limit

#: Connections at most: a flood of requests waits for one of them, and must not become a flood of connections.
CONNECTIONS = 16

# A script is one step for everybody, and Redis' own clock ends what it counts. Whatever key has no end is given one.
_COUNT = """
for number, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[2 * number]) end
  if count > tonumber(ARGV[2 * number - 1]) then return number - 1 end
end
return #KEYS
"""
_GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then return redis.call('DECR', KEYS[1]) end
return 0
"""


class RedisWindows:
    """Counters that all nodes with the same Redis and the same namespace share."""

    def __init__(self, url: str, *, namespace: str, clock: Clock, patience: float) -> None:
        """Prepare a client, which connects when it is first asked; raise ConfigError if the URL means nothing to it."""
        try:
            self._pool = BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=patience,
                socket_timeout=patience,
                socket_connect_timeout=patience,
                # Once more and at once: a connection that was idle may have died with the Redis before this one.
                retry=Retry(NoBackoff(), 1),
            )
            self._pool.connection_class(**self._pool.connection_kwargs)  # would refuse an option only when it connects
        except (ValueError, TypeError):
            # Without its cause, whose words may hold the password.
            raise ConfigError(["redis_url: cannot be understood; look at what follows the host"]) from None
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=namespace,
            connection_pool=self._pool,  # type: ignore[arg-type] # documented, and missing in its annotation
        )
        self._clock = clock
        client = Redis(connection_pool=self._pool)
        self._count, self._give_back, self._pttl = client.register_script(_COUNT), client.register_script(_GIVE_BACK), client.pttl

    async def count(self, uses: Sequence[Use]) -> int:
        """Count uses until one goes beyond its quota; return how many did not."""
        names = [self._named(limit, key) for limit, key, _ in uses]
        bounds = [bound for *_, quota in uses for bound in (quota.amount, max(1, round(quota.seconds * 1000)))]
        return cast("int", await self._count(names, bounds))

    async def give_back(self, limit: Limit, key: str) -> None:
        """Take one use back, if its window is still open."""
        await self._give_back([self._named(limit, key)])

    async def clear(self, limit: Limit, key: str) -> None:
        """Close a window, with all its uses."""
        await self._storage.clear(_short(limit, key))

    async def counted(self, limit: Limit, key: str) -> int:
        """Return how many uses there are."""
        return await self._storage.get(_short(limit, key))

    async def ends_at(self, limit: Limit, key: str) -> float:
        """Return when the window ends (Unix seconds of our clock)."""
        left = await self._pttl(self._named(limit, key))
        return self._clock.now() + max(0, left) / 1000

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()

    def _named(self, limit: Limit, key: str) -> str:
        return self._storage.bridge.prefixed_key(_short(limit, key))


def _short(limit: Limit, key: str) -> str:
    """Return the limit's name and a hash: Redis needs to know nobody's address, and no key is longer than another."""
    # A client may send half a surrogate pair, which no encoding takes as it stands.
    return f"{limit}/{blake2b(key.encode(errors='surrogatepass'), digest_size=16).hexdigest()}"
