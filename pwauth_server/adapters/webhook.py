"""Letters to a program of the operator's."""

import ssl

from pwauth_server.adapters.clock import Clock
from pwauth_server.adapters.signed_post import SignedPost
from pwauth_server.adapters.transport import Delivery
from pwauth_server.config import Config
from pwauth_server.rules.letters import Message


class WebhookTransport:
    """Posts letters to `email_webhook_url`."""

    name = "webhook"

    def __init__(self, config: Config, clock: Clock, *, tls_context: ssl.SSLContext | None = None) -> None:
        """Post as the configuration says; tests bring a context that trusts their certificate."""
        secret, patience = config.email_webhook_secret.get_secret_value(), config.smtp_timeout_seconds
        self._post = SignedPost(config.email_webhook_url, secret, clock, patience=patience, tls_context=tls_context)

    async def deliver(self, message: Message, recipient: str) -> Delivery:
        """Post one letter; whoever falls silent over it may have taken it."""
        letter = {
            "kind": message.kind.value,
            "message_id": message.message_id,
            "recipient": recipient,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
        }
        return await self._post.send(message.message_id, letter)

    async def rest(self) -> None:
        """Nothing is kept open."""
