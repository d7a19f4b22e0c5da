"""Letters: what a mail says and how it is built (SEC-04, SEC-58, SEC-80)."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from enum import StrEnum

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from pwauth_server.rules.addresses import domain_of


class LetterKind(StrEnum):
    """A folder of `letters/` with subject.txt, body.txt and body.html."""

    SIGN_IN = "sign_in"
    REFRESH_REUSED = "refresh_reused"
    TEST = "test"


class Letters:
    """Renders letters; files of the operator's folder override the built-in ones."""

    def __init__(self, sender: str, product: str, folder: str) -> None:
        """Write as ``sender`` for ``product``; ``folder`` may be empty."""
        loaders = [FileSystemLoader(folder)] if folder else []
        self._templates = Environment(
            loader=ChoiceLoader([*loaders, PackageLoader("pwauth_server", "letters")]),
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._sender, self._product = sender, product

    def message_id(self, letter_id: str) -> str:
        """Return the Message-ID that every try of a letter carries."""
        return f"<{letter_id}@{domain_of(self._sender)}>"

    def render(self, kind: LetterKind, facts: Mapping[str, str], *, to: str, message_id: str, date: float) -> EmailMessage:
        """Return a letter to one canonical address; ``date`` in Unix seconds.

        Raises jinja2.UndefinedError if a template asks for a fact that the letter does not have.
        """
        known = {**facts, "product": self._product}
        message = EmailMessage(policy=SMTP)
        message["Subject"] = " ".join(self._text(kind, "subject.txt", known).split())
        message["From"] = Address(self._product, addr_spec=self._sender)
        message["To"] = _mailbox(to)
        message["Date"] = formatdate(date, usegmt=True)
        message["Message-ID"] = message_id
        # Answers to machines come from machines, and would bounce back and forth (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self._text(kind, "body.txt", known), cte="quoted-printable")
        message.add_alternative(self._text(kind, "body.html", known), subtype="html", cte="quoted-printable")
        return message

    def _text(self, kind: LetterKind, name: str, facts: Mapping[str, str]) -> str:
        return self._templates.get_template(f"{kind.value}/{name}").render(facts)


def _mailbox(address: str) -> Address:
    """Return an address object: a header made of text would be parsed, and commas would split it."""
    local, _, domain = address.rpartition("@")
    return Address(username=local, domain=domain)
