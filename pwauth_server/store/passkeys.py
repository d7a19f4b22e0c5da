"""Passkeys: public keys of authenticators, several for each person (SEC-44 to SEC-46)."""

from dataclasses import dataclass
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.store.fields import Key, Uuid, as_uuid, words
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import UserRow


class PasskeyRow(Model):
    """The table ``passkeys``; times in Unix seconds. The id is ours and public; the authenticator's is `credential_id`."""

    id = Uuid(primary_key=True)
    user: fields.ForeignKeyRelation[UserRow] = fields.ForeignKeyField("models.UserRow", on_delete=fields.CASCADE)
    credential_id = Key(unique=True)
    #: COSE_Key (RFC 9052 section 7).
    public_key = fields.BinaryField()
    sign_count = fields.BigIntField()
    #: Whether a provider may synchronise it (BE), and whether one did at the last use (BS).
    backup_eligible = fields.BooleanField()
    backed_up = fields.BooleanField()
    transports = fields.CharField(max_length=100)
    aaguid = Uuid()
    name = fields.CharField(max_length=64)
    created_at = fields.FloatField()
    last_used_at = fields.FloatField(null=True)
    #: Since when its owner disowns it: it then counts for nothing.
    suspended_at = fields.FloatField(null=True)
    #: Whether `backup_eligible` is still to be learnt, at the first use here: the Rust server did not keep it.
    kind_unknown = fields.BooleanField(db_default=False)

    class Meta:
        """A person's passkeys are looked up by person, one by its credential id."""

        table = "passkeys"
        indexes = (("user_id", "id"),)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as flows see it."""

    id: UUID
    user_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    #: None until the first use here tells.
    backup_eligible: bool | None
    backed_up: bool
    transports: tuple[str, ...]
    aaguid: UUID
    name: str
    created_at: float
    last_used_at: float | None = None
    suspended_at: float | None = None


# In the order of the fields of `Passkey`.
_COLUMNS = """id, user_id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name,
    created_at, last_used_at, suspended_at, kind_unknown"""
# An id that somebody else's passkey has already is refused, whoever comes second (SEC-46).
_CREATE = Sql(
    "create_passkey",
    f"""INSERT INTO passkeys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (credential_id) DO NOTHING RETURNING id""",
)
_FIND = Sql("find_passkey", f"SELECT {_COLUMNS} FROM passkeys WHERE user_id = ? AND id = ?")
_FIND_BY_CREDENTIAL = Sql("find_passkey_by_credential", f"SELECT {_COLUMNS} FROM passkeys WHERE credential_id = ?")
_LIST = Sql("list_passkeys", f"SELECT {_COLUMNS} FROM passkeys WHERE user_id = ? ORDER BY id")
_COUNT = Sql("count_passkeys", "SELECT COUNT(*) AS n FROM passkeys WHERE user_id = ?")
_USED = Sql(
    "passkey_used",
    """UPDATE passkeys SET sign_count = ?, backup_eligible = ?, backed_up = ?, last_used_at = ?, kind_unknown = FALSE WHERE id = ?""",
)
_RENAME = Sql("rename_passkey", "UPDATE passkeys SET name = ? WHERE user_id = ? AND id = ?")
_DELETE = Sql("delete_passkey", "DELETE FROM passkeys WHERE user_id = ? AND id = ?")


async def create(tx: Tx, it: Passkey) -> bool:
    """Store a passkey; False if its credential id is taken, by whomever."""
    row = await tx.one(
        _CREATE, it.id, it.user_id, it.credential_id, it.public_key, it.sign_count, bool(it.backup_eligible), it.backed_up,
        " ".join(it.transports), it.aaguid, it.name, it.created_at, it.last_used_at, it.suspended_at, it.backup_eligible is None,
    )  # fmt: skip
    return row is not None


async def find(db: Runs, user_id: UUID, passkey_id: UUID) -> Passkey | None:
    """Return a person's passkey; somebody else's is as missing as one that never was (SEC-48)."""
    return _passkey(await db.one(_FIND, user_id, passkey_id))


async def find_by_credential(db: Runs, credential_id: bytes) -> Passkey | None:
    """Return the passkey that an authenticator names."""
    return _passkey(await db.one(_FIND_BY_CREDENTIAL, credential_id))


async def of_user(db: Runs, user_id: UUID) -> list[Passkey]:
    """Return a person's passkeys, suspended ones too, the oldest first."""
    return [found for row in await db.all(_LIST, user_id) if (found := _passkey(row))]


async def count_of(db: Runs, user_id: UUID) -> int:
    """Return how many passkeys a person has, suspended ones too."""
    row = await db.one(_COUNT, user_id)
    return int(row["n"]) if row else 0


async def record_use(tx: Tx, passkey_id: UUID, *, sign_count: int, backup_eligible: bool, backed_up: bool, now: float) -> None:
    """Remember what a passkey's authenticator said last."""
    await tx.run(_USED, sign_count, backup_eligible, backed_up, now, passkey_id)


async def rename(tx: Tx, user_id: UUID, passkey_id: UUID, name: str) -> bool:
    """Give a person's passkey another name; False if there is none."""
    return await tx.run(_RENAME, name, user_id, passkey_id) == 1


async def delete(tx: Tx, user_id: UUID, passkey_id: UUID) -> bool:
    """Forget a person's passkey; False if there is none."""
    return await tx.run(_DELETE, user_id, passkey_id) == 1


def _passkey(row: Row | None) -> Passkey | None:
    if row is None:
        return None
    return Passkey(
        id=as_uuid(row["id"]),
        user_id=as_uuid(row["user_id"]),
        credential_id=row["credential_id"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        backup_eligible=None if row["kind_unknown"] else bool(row["backup_eligible"]),
        backed_up=bool(row["backed_up"]),
        transports=words(row["transports"]),
        aaguid=as_uuid(row["aaguid"]),
        name=row["name"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        suspended_at=row["suspended_at"],
    )
