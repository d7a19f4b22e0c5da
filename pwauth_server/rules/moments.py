"""Moments (Unix seconds) as text, and what they are counted in."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

#: In seconds.
MINUTE, HOUR, DAY = 60, 3600, 86_400

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_FIELD = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?", re.ASCII)
_STAMP = "%Y%m%dT%H%M%SZ"


def in_words(moment: float) -> str:
    """Return a moment as people read it, in UTC."""
    return _minute(int(moment // 60))


@lru_cache(maxsize=16)
def _minute(number: int) -> str:
    """Return a minute since 1970 in words; all letters of a minute say the same."""
    return datetime.fromtimestamp(60 * number, UTC).strftime("%-d %B %Y, %H:%M UTC")


def day(moment: float) -> str:
    """Return the day of a moment as forms write it (UTC)."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def days_until(text: str, now: float) -> int:
    """Return how many days after today (UTC) the day is that a form names; raise ValueError for what is no day."""
    return (date.fromisoformat(text) - datetime.fromtimestamp(now, UTC).date()).days


def stamp(moment: float) -> str:
    """Return a moment as part of a file name (whole seconds, UTC): names sort by time."""
    return datetime.fromtimestamp(int(moment), UTC).strftime(_STAMP)


def moment_of(text: str) -> float:
    """Return the moment that `stamp` wrote; raise ValueError for any other text."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC).timestamp()


def rfc3339(moment: float) -> str:
    """Return a moment as programs read it (RFC 3339, whole seconds, UTC)."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_rfc3339(text: str) -> float:
    """Read a moment as programs write it, with its zone; raise ValueError for anything else."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("moment")
    return datetime.fromisoformat(text.upper()).timestamp()


def from_field(text: str) -> float:
    """Read a moment as a form's field for date and time writes it, taken as UTC; raise ValueError for anything else."""
    if not _FIELD.fullmatch(text):
        raise ValueError("moment")
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
