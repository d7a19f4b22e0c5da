"""What pages say, in the reader's language: every sentence lies in `sentences/`, one file for each language."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from pwauth_server.errors import PwauthError, RateLimited
from pwauth_server.flows.delivery import AWAY
from pwauth_server.rules import languages

#: The first is for readers of no other; errors are written in it.
LANGUAGES = ("en", "de")


class Words:
    """The sentences of one language; templates know it as ``t``."""

    def __init__(self, language: str) -> None:
        """Read the file of a language."""
        self.language = language
        text = files("pwauth_server.web").joinpath(f"sentences/{language}.toml").read_text("utf-8")
        self._sentences: dict[str, str] = dict(_flat("", tomllib.loads(text)))

    def __call__(self, key: str, **values: Any) -> Markup:
        """Return a sentence with its ``{gaps}`` filled; both are escaped. Raises KeyError for one that is missing."""
        return Markup(escape(self._sentences[key])).format(**values)  # noqa: S704 - escaped right here, and `format` escapes values

    def count(self, key: str, number: int) -> Markup:
        """Return the sentence for one or for several."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", number=number)

    def error(self, error: PwauthError) -> Markup:
        """Return the public sentence of an error, or what it says about its case; what is said in English only stays so."""
        if isinstance(error, RateLimited):
            return self.count(f"wait.{error.unit}", error.number)
        key = f"errors.{error.word}" if error.detail == error.sentence() else f"details.{error.detail}"
        return escape(self._sentences.get(key, error.detail))

    def event(self, word: str) -> Markup:
        """Return what happened, in words; an event that nobody has described is named as it is."""
        return self.known("events.", word)

    def known(self, family: str, word: str) -> Markup:
        """Return the sentence ``family`` + ``word``; a word that nobody has described is said as it is."""
        return escape(self._sentences.get(family + word, word))

    def browser(self, stored: str) -> Markup:
        """Return a browser and its system, as they are stored (`rules.browsers`), in the reader's words."""
        browser, on, system = stored.partition(" on ")
        name = self.known("browsers.", browser)
        return self("browsers.on", browser=name, system=system) if on else name

    def place(self, ip: str) -> Markup:
        """Return from where somebody came: an address, or the machine of the server."""
        return self.known("places.", ip)

    def delivery(self, reason: str) -> Markup:
        """Return why a letter has not left, by the word that the queue and the audit log keep."""
        reason = reason.removeprefix(AWAY)
        if reason.startswith(("smtp_", "http_")):
            return self("deliveries.said", code=reason.rpartition("_")[2])
        return self.known("deliveries.", reason)

    def finding(self, written: str, facts: Mapping[str, str]) -> Markup:
        """Return a sentence of the doctor with its gaps filled; what stands in them is translated where it is words of ours."""
        return self.known("findings.", written).format(**{name: self.known("findings.", fact) for name, fact in facts.items()})

    def number(self, value: float) -> str:
        """Return a number as people write it: two digits behind the sign at the most."""
        text = f"{value:.2f}".rstrip("0").rstrip(".") if value < 10 else f"{value:.0f}"  # noqa: PLR2004 - who has tens needs no hundredths
        return text.replace(".", self._sentences["decimal"])

    def clock(self, at: float) -> str:
        """Return the time of day of a moment (Unix seconds), in UTC."""
        return f"{datetime.fromtimestamp(at, UTC):%H:%M}"

    def moment(self, at: float) -> Markup:
        """Return a moment (Unix seconds) as people write it, in UTC."""
        when = datetime.fromtimestamp(at, UTC)
        month = self._sentences["months"].split()[when.month - 1]
        return self("moment", day=when.day, month=month, year=when.year, time=f"{when:%H:%M}")

    @property
    def keys(self) -> frozenset[str]:
        """Return the names of all sentences."""
        return frozenset(self._sentences)


def of(accept_language: str) -> Words:
    """Return the words for a reader whose browser sends this header."""
    return _WORDS[languages.preferred(accept_language, LANGUAGES)]


def _flat(prefix: str, table: Mapping[str, Any]) -> Any:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value


_WORDS = {language: Words(language) for language in LANGUAGES}
