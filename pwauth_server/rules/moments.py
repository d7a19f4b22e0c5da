"""Moments (Unix seconds) as text."""

from datetime import UTC, datetime


def in_words(moment: float) -> str:
    """Return a moment as people read it, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %B %Y, %H:%M UTC")


def rfc3339(moment: float) -> str:
    """Return a moment as programs read it (RFC 3339, whole seconds, UTC)."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
