"""Recovery codes: ten for each person, each usable once, only their slow hashes kept (SEC-39)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import UserRow


class RecoveryCodeRow(Model):
    """The table ``recovery_codes``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    user: fields.ForeignKeyRelation[UserRow] = fields.ForeignKeyField("models.UserRow", on_delete=fields.CASCADE)
    #: The first symbol of the code: it tells which hash to compare, so that one slow hash is enough.
    position = fields.IntField()
    salt = fields.BinaryField()
    hash = fields.BinaryField()
    created_at = fields.FloatField()
    used_at = fields.FloatField(null=True)
    suspended_at = fields.FloatField(null=True)

    class Meta:
        """A person has one code at each position."""

        table = "recovery_codes"
        unique_together = (("user_id", "position"),)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a code."""

    id: UUID
    position: int
    salt: bytes
    hash: bytes


_CREATE = Sql(
    "create_recovery_code", "INSERT INTO recovery_codes (id, user_id, position, salt, hash, created_at) VALUES (?, ?, ?, ?, ?, ?)"
)
_FIND = Sql("find_recovery_code", "SELECT id, position, salt, hash FROM recovery_codes WHERE user_id = ? AND position = ?")
_USE = Sql("use_recovery_code", "UPDATE recovery_codes SET used_at = ? WHERE id = ? AND used_at IS NULL AND suspended_at IS NULL")
_DELETE = Sql("delete_recovery_codes", "DELETE FROM recovery_codes WHERE user_id = ?")


async def replace(tx: Tx, user_id: UUID, codes: Sequence[Kept], now: float) -> None:
    """Give somebody these codes instead of all others."""
    await tx.run(_DELETE, user_id)
    for code in codes:
        await tx.run(_CREATE, code.id, user_id, code.position, code.salt, code.hash, now)


async def find(tx: Tx, user_id: UUID, position: int) -> Kept | None:
    """Return somebody's code at a position, used or suspended ones too."""
    row = await tx.one(_FIND, user_id, position)
    return Kept(as_uuid(row["id"]), row["position"], row["salt"], row["hash"]) if row else None


async def use(tx: Tx, code_id: UUID, now: float) -> bool:
    """Use a code up; False for everybody but the first, and if there are new codes by now."""
    return await tx.run(_USE, now, code_id) == 1
