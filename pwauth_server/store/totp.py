"""One-time passwords by time: one secret for each person, and one that waits to be confirmed (SEC-02, SEC-30, SEC-71)."""

from tortoise import Model, fields

from pwauth_server.store.fields import Uuid
from pwauth_server.store.users import UserRow


class TotpRow(Model):
    """The table ``totp``; times in Unix seconds, secrets sealed for their owner."""

    user: fields.OneToOneRelation[UserRow] = fields.OneToOneField("models.UserRow", primary_key=True, on_delete=fields.CASCADE)
    sealed_secret = fields.BinaryField(null=True)
    confirmed_at = fields.FloatField(null=True)
    #: The newest time step that was accepted: it and all before it are spent.
    last_step = fields.BigIntField(db_default=0)
    suspended_at = fields.FloatField(null=True)
    #: A secret that changes nothing until a code of it was shown, and the session that asked for it.
    pending_secret = fields.BinaryField(null=True)
    pending_until = fields.FloatField(null=True)
    pending_session = Uuid(null=True)

    class Meta:
        """Name of the table."""

        table = "totp"
