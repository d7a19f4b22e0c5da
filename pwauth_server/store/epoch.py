"""Server state: facts about the whole installation, one named row each.

The row ``epoch`` is a number that moves whenever anything that nodes keep in memory (signing keys,
API keys) changes. Every read of a session brings it along, so a change made by any process counts
from the next request on, without a message bus (SEC-24, SEC-54).
"""

from tortoise import Model, fields

from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx


class ServerState(Model):
    """The table ``server_state``."""

    name = fields.CharField(max_length=40, primary_key=True)
    number = fields.BigIntField(default=0)
    sealed = fields.BinaryField(null=True)

    class Meta:
        """Name of the table."""

        table = "server_state"


_EPOCH = Sql("epoch", "SELECT number FROM server_state WHERE name = 'epoch'")
_ADVANCE = Sql("advance_epoch", "UPDATE server_state SET number = number + 1 WHERE name = 'epoch'")
_BEGIN = Sql("begin_epoch", "INSERT INTO server_state (name, number) VALUES ('epoch', 1) ON CONFLICT (name) DO NOTHING")
_KEY_CHECK = Sql("key_check", "SELECT sealed FROM server_state WHERE name = 'key_check'")
_BACKED_UP = Sql("backed_up_at", "SELECT number FROM server_state WHERE name = 'backup'")
_SET_KEY_CHECK = Sql(
    "set_key_check",
    """INSERT INTO server_state (name, number, sealed) VALUES ('key_check', 0, ?)
    ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed""",
)


async def current(db: Runs) -> int:
    """Return the epoch; 0 before the first start."""
    row = await db.one(_EPOCH)
    return int(row["number"]) if row else 0


async def advance(tx: Tx) -> None:
    """Tell every node that keys have changed."""
    await tx.run(_ADVANCE)


async def begin(tx: Tx) -> None:
    """Make the epoch's row on the first start, and hold it: of nodes that begin at once one comes after the other."""
    await tx.run(_BEGIN)
    await tx.lock(_EPOCH)


async def key_check(db: Runs) -> bytes | None:
    """Return the value that proves which ``secret_key`` sealed this database."""
    row = await db.one(_KEY_CHECK)
    return bytes(row["sealed"]) if row else None


async def backed_up_at(db: Runs) -> float:
    """Return when the last backup was made, in Unix seconds; 0 if there is none (`sqlite_copy.mark_backed_up` writes it)."""
    row = await db.one(_BACKED_UP)
    return float(row["number"]) if row else 0.0


async def set_key_check(tx: Tx, sealed: bytes) -> None:
    """Store the proof of the present ``secret_key``."""
    await tx.run(_SET_KEY_CHECK, sealed)
