"""Signatures of what we post to others, as Standard Webhooks has them: the receiver knows who said it, when, and once."""

import base64
import hashlib
import hmac


def headers(secret: bytes, *, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body; ``at`` in Unix seconds.

    The same id comes with every try, so that a receiver can drop what it already has.
    """
    signed = b".".join((message_id.encode("ascii"), b"%d" % at, body))
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode("ascii")
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}
