"""API keys of programs: the database holds a hash, scopes and an end (SEC-70)."""

from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx


class ApiKeyRow(Model):
    """The table ``api_keys``; times in Unix seconds."""

    id = Uuid(primary_key=True)
    name = fields.CharField(max_length=100)
    scopes = fields.CharField(max_length=200)
    secret_hash = fields.BinaryField()
    created_at = fields.FloatField()
    expires_at = fields.FloatField(null=True)
    revoked_at = fields.FloatField(null=True)

    class Meta:
        """Name of the table."""

        table = "api_keys"


_CREATE = Sql(
    "create_api_key",
    "INSERT INTO api_keys (id, name, scopes, secret_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
)


async def create(tx: Tx, row: ApiKeyRow) -> None:
    """Store a new key."""
    await tx.run(_CREATE, row.id, row.name, row.scopes, row.secret_hash, row.created_at, row.expires_at)


async def everything(db: Runs) -> list[ApiKeyRow]:
    """Return every key, oldest first."""
    return await ApiKeyRow.all(using_db=db.orm).order_by("id")


async def revoke(tx: Tx, key_id: UUID, now: float) -> bool:
    """Revoke a key; False if there is no live one of that id."""
    return await ApiKeyRow.filter(id=key_id, revoked_at=None).using_db(tx.orm).update(revoked_at=now) == 1
