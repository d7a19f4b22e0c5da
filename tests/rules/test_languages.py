"""The reader's language."""

import pytest

from pwauth_server.rules.languages import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    (
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,de;q=0.5", "de"),
        ("fr", "en"),
        ("en;q=0.1, de;q=0.2", "de"),
        ("de;q=0", "en"),
        ("DE", "de"),
        ("*", "en"),
        ("de;q=nonsense", "en"),
        ("de;x=1", "en"),
        (";;;,,,\x00", "en"),
        ("de;q=" + "9" * 300, "en"),
    ),
)
def test_the_best_of_ours_is_chosen(header: str, language: str) -> None:
    """What the browser ranks highest wins; what cannot be read counts as not said (RFC 9110 section 12.5.4)."""
    assert preferred(header, ("en", "de")) == language
