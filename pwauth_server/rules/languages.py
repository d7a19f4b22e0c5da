"""Which of our languages a reader likes best (RFC 9110 section 12.5.4)."""

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=256)
def preferred(accept_language: str, ours: Sequence[str]) -> str:
    """Return the language of ``ours`` that the header ranks highest; the first of ours if it names none.

    ``de-AT`` is served by ``de``. What cannot be read counts as not said.
    """
    ranked = sorted((_read(part) for part in accept_language[:200].split(",")), key=lambda wish: -wish[1])
    wishes = (language.partition("-")[0] for language, weight in ranked if weight > 0)
    return next((language for language in wishes if language in ours), ours[0])


def _read(part: str) -> tuple[str, float]:
    language, _, parameter = part.strip().lower().partition(";")
    name, _, weight = parameter.strip().partition("=")
    if not name:
        return language, 1.0
    try:
        return language.strip(), float(weight) if name == "q" and weight[:1] in "01" else 0.0
    except ValueError:
        return language.strip(), 0.0
