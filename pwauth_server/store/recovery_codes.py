"""Recovery codes: ten for each person, each usable once, only their slow hashes kept (SEC-39)."""

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid
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

    class Meta:
        """A person has one code at each position."""

        table = "recovery_codes"
        unique_together = (("user_id", "position"),)
