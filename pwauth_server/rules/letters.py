"""Letters: what a mail says and how it is built (SEC-04, SEC-58, SEC-80).

A kind of letter is a folder of three Jinja2 templates. A folder of the operator's own may override
any of them.
"""

from binascii import b2a_qp
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from enum import StrEnum
from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError, select_autoescape

from pwauth_server.errors import ConfigError
from pwauth_server.rules.addresses import domain_of


class LetterKind(StrEnum):
    """A folder of `letters/` with subject.txt, body.txt and body.html."""

    SIGN_IN = "sign_in"
    NOTICE = "notice"
    DISOWNED = "disowned"
    INVITATION = "invitation"
    FAREWELL = "farewell"
    TEST = "test"


#: The facts of each kind, by example: an operator's templates are tried with them at the start.
EXAMPLES: Final[Mapping[LetterKind, Mapping[str, str]]] = {
    LetterKind.SIGN_IN: {
        "link": "https://auth.example.com/verify/magic?token=pwm_example",
        "code": "7KQ4-M2XH",
        "minutes": "10",
        "asked_at": "1 January 2026, 12:00 UTC",
        "asked_from": "203.0.113.7",
        "asked_with": "Firefox on Linux",
    },
    LetterKind.NOTICE: {
        "event": "passkey.added",
        "at": "1 January 2026, 12:00 UTC",
        "ip": "203.0.113.7",
        "browser": "Firefox on Linux",
        "link": "https://auth.example.com/not-me?token=example",
    },
    LetterKind.DISOWNED: {
        "account": "you@example.com",
        "since": "1 January 2026, 11:00 UTC",
        "at": "1 January 2026, 12:00 UTC",
        "ip": "203.0.113.7",
        "browser": "Firefox on Linux",
    },
    LetterKind.INVITATION: {"link": "https://auth.example.com/signin", "until": "8 January 2026, 12:00 UTC"},
    LetterKind.FAREWELL: {"at": "1 January 2026, 12:00 UTC", "ip": "203.0.113.7", "browser": "Firefox on Linux"},
    LetterKind.TEST: {"at": "1 January 2026, 12:00 UTC"},
}

#: A line of quoted-printable cannot hold "=_", so no body can be taken for the boundary (RFC 2045 section 6.7).
_BOUNDARY = "=_pwauth"
_EOL = "\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A finished letter."""

    kind: LetterKind
    message_id: str
    subject: str
    #: The two parts, for eyes.
    text: str
    html: str
    #: The whole letter as it goes over the wire (RFC 5322): ASCII, CRLF.
    content: bytes


class Letters:
    """Renders letters; files of the operator's folder override the built-in ones."""

    def __init__(self, sender: str, product: str, folder: str) -> None:
        """Write as ``sender`` for ``product``; ``folder`` may be empty.

        Raises ConfigError for a folder whose templates do not parse or ask for a fact that we do not
        have: that must stop the start, not the first letter.
        """
        loaders = [FileSystemLoader(folder)] if folder else []
        self._templates = Environment(
            loader=ChoiceLoader([*loaders, PackageLoader("pwauth_server", "letters")]),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._sender, self._product = sender, " ".join(product.split())
        self._from = formataddr((self._product, sender))
        self._subjects: dict[LetterKind, tuple[str, str]] = {}
        problems = [problem for kind in LetterKind if (problem := self._problem(kind))] if folder else []
        if problems:
            raise ConfigError(problems)

    def message_id(self, letter_id: str) -> str:
        """Return the Message-ID that every try of a letter carries."""
        return f"<{letter_id}@{domain_of(self._sender)}>"

    def render(self, kind: LetterKind, facts: Mapping[str, str], *, to: str, message_id: str, date: float) -> Message:
        """Return a letter to one canonical address; ``date`` in Unix seconds.

        Message-ID and date belong to the queued letter: whoever gets a second copy is shown one.
        Raises jinja2.TemplateError if a template asks for a fact that the letter does not have.
        """
        subject, folded = self._subject(kind)
        known = {"product": self._product, **facts}
        text, html = self._text(kind, "body.txt", known), self._text(kind, "body.html", known)
        headers = (
            f"From: {self._from}",
            # A canonical address is a dot-atom: it needs no quoting, and byte for byte it is one mailbox.
            f"To: {to}",
            f"Subject: {folded}",
            f"Date: {format_datetime(datetime.fromtimestamp(int(date), UTC))}",
            f"Message-ID: {message_id}",
            # Answers to machines come from machines, and would bounce back and forth (RFC 3834).
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"',
            "",
            "",
        )
        content = _EOL.join(headers).encode("ascii") + _part("plain", text) + _part("html", html) + f"--{_BOUNDARY}--{_EOL}".encode()
        return Message(kind, message_id, subject, text, html, content)

    def _subject(self, kind: LetterKind) -> tuple[str, str]:
        """Return a subject for eyes and for the wire.

        Subjects show on locked screens and in the logs of mail servers: no fact may get in there,
        above all no code. So there is one for each kind.
        """
        if kind not in self._subjects:
            subject = " ".join(self._text(kind, "subject.txt", {"product": self._product}).split())
            self._subjects[kind] = subject, Header(subject, header_name="Subject").encode(linesep=_EOL)
        return self._subjects[kind]

    def _text(self, kind: LetterKind, name: str, facts: Mapping[str, str]) -> str:
        return self._templates.get_template(f"{kind.value}/{name}").render(facts)

    def _problem(self, kind: LetterKind) -> str | None:
        try:
            self.render(kind, EXAMPLES[kind], to="somebody@example.com", message_id="<0@example.com>", date=0)
        except (TemplateError, ValueError) as cause:
            return f"email_templates_path: the letter {kind.value} cannot be built ({type(cause).__name__}: {cause})"
        return None


def _part(subtype: str, text: str) -> bytes:
    """Return one alternative; quoted-printable keeps every byte of a link through servers that rewrap lines."""
    head = f'--{_BOUNDARY}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    lines = _EOL.join(text.splitlines()) + _EOL
    return head.encode() + b2a_qp(lines.encode(), istext=True) + _EOL.encode()
