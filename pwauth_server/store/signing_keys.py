"""Keys that sign access tokens: one signs, the next is published ahead, old ones still verify (SEC-24)."""

from tortoise import Model, fields

from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx


class SigningKeyRow(Model):
    """The table ``signing_keys``; times in Unix seconds."""

    #: RFC 7638 thumbprint of the public key.
    kid = fields.CharField(max_length=64, primary_key=True)
    algorithm = fields.CharField(max_length=10)
    sealed_private = fields.BinaryField()
    created_at = fields.FloatField()
    #: From when on it signs; null for the key that is published ahead.
    signs_from = fields.FloatField(null=True)
    #: Until when it verifies; null while it signs or waits.
    verifies_until = fields.FloatField(null=True)

    class Meta:
        """Name of the table."""

        table = "signing_keys"


_CREATE = Sql(
    "create_signing_key",
    "INSERT INTO signing_keys (kid, algorithm, sealed_private, created_at, signs_from, verifies_until) VALUES (?, ?, ?, ?, ?, ?)",
)
_LOCK = Sql("lock_signing_keys", "SELECT kid FROM signing_keys ORDER BY kid")
_SET_TIMES = Sql("set_signing_key_times", "UPDATE signing_keys SET signs_from = ?, verifies_until = ? WHERE kid = ?")
_SET_SEALED = Sql("set_signing_key_sealed", "UPDATE signing_keys SET sealed_private = ? WHERE kid = ?")


async def create(tx: Tx, row: SigningKeyRow) -> None:
    """Store a new key."""
    await tx.run(_CREATE, row.kid, row.algorithm, row.sealed_private, row.created_at, row.signs_from, row.verifies_until)


async def of_algorithm(db: Runs, algorithm: str) -> list[SigningKeyRow]:
    """Return all keys of an algorithm, oldest first."""
    return await SigningKeyRow.filter(algorithm=algorithm).using_db(db.orm).order_by("created_at", "kid")


async def hold(tx: Tx, algorithm: str) -> list[SigningKeyRow]:
    """Return the same in a transaction that decides which of them sign: nobody else decides meanwhile."""
    await tx.lock(_LOCK)
    return await of_algorithm(tx, algorithm)


async def everything(db: Runs) -> list[SigningKeyRow]:
    """Return every key, oldest first."""
    return await SigningKeyRow.all(using_db=db.orm).order_by("created_at", "kid")


async def set_times(tx: Tx, row: SigningKeyRow) -> None:
    """Store from when on a key signs and until when it verifies."""
    await tx.run(_SET_TIMES, row.signs_from, row.verifies_until, row.kid)


async def set_sealed(tx: Tx, row: SigningKeyRow) -> None:
    """Store a key that was sealed again."""
    await tx.run(_SET_SEALED, row.sealed_private, row.kid)


async def drop(tx: Tx, kid: str) -> bool:
    """Delete a key at once; False if there is none of that name."""
    return await SigningKeyRow.filter(kid=kid).using_db(tx.orm).delete() == 1


async def purge(tx: Tx, now: float) -> int:
    """Delete keys whose last token has expired."""
    return await SigningKeyRow.filter(verifies_until__lt=now).using_db(tx.orm).delete()
