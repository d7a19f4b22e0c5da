import pytest

from pwauth_server.rules import moments


@pytest.mark.parametrize(
    ("moment", "words", "machine"),
    (
        (0.0, "1 January 1970, 00:00 UTC", "1970-01-01T00:00:00Z"),
        (1_767_225_599.999, "31 December 2025, 23:59 UTC", "2025-12-31T23:59:59Z"),
        (1_709_164_800.0, "29 February 2024, 00:00 UTC", "2024-02-29T00:00:00Z"),
    ),
)
def test_a_moment_is_told_in_utc(moment: float, words: str, machine: str) -> None:
    """People and programs read the same moment, whatever time zone the server runs in (RFC 3339)."""
    assert moments.in_words(moment) == words
    assert moments.rfc3339(moment) == machine
