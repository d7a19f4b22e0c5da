"""Passkeys: public keys of authenticators, several for each person (SEC-44 to SEC-46)."""

from tortoise import Model, fields

from pwauth_server.store.fields import Key, Uuid
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

    class Meta:
        """A person's passkeys are looked up by person, one by its credential id."""

        table = "passkeys"
        indexes = (("user_id", "id"),)
