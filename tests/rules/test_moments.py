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


@pytest.mark.parametrize(("text", "days"), (("1970-01-01", 0), ("1970-01-02", 1), ("1969-12-31", -1), ("1970-03-01", 59)))
def test_days_are_counted_from_today(text: str, days: int) -> None:
    """However late today is, tomorrow is one day away; what forms show is what they send back."""
    assert moments.days_until(text, 86_399.0) == days
    assert moments.day(days * 86_400.0) == text


@pytest.mark.parametrize("text", ("", "soon", "1970-02-30", "1970-1-1", "01.01.1970"))
def test_what_is_no_day_is_not_read(text: str) -> None:
    """Somebody typed it, and is told."""
    with pytest.raises(ValueError, match=r"isoformat|day"):
        moments.days_until(text, 0.0)


@pytest.mark.parametrize(
    ("text", "moment"),
    (
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t01:00:00.5+01:00", 0.5),
        ("2024-02-29T00:00:00Z", 1_709_164_800.0),
    ),
)
def test_a_moment_is_read_with_its_zone(text: str, moment: float) -> None:
    """Programs write it as we do (RFC 3339)."""
    assert moments.read_rfc3339(text) == moment


@pytest.mark.parametrize(
    "text",
    (
        "",
        "0",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-13-01T00:00:00Z",
        "1970-01-01T00:00:00Z ",
        "\u0661970-01-01T00:00:00Z",
    ),
)
def test_anything_else_is_no_moment(text: str) -> None:
    """Without a zone nobody knows which moment it is."""
    with pytest.raises(ValueError, match=r"moment|month|day|year"):
        moments.read_rfc3339(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    (
        ("1970-01-01T00:01", 60.0),
        ("1970-01-01T00:00:01", 1.0),
        ("1970-01-01 00:00:01.5", 1.5),
        ("1970-01-02", 86_400.0),
    ),
)
def test_a_field_of_a_form_is_read_in_utc(text: str, moment: float) -> None:
    """Browsers write date and time without a zone; who has no such field may type a date alone."""
    assert moments.from_field(text) == moment


@pytest.mark.parametrize("text", ("", "1", "1970-01-01T00", "1970-02-30", "1970-01-01T00:00Z", "1970-01-01T24:01", "\u0661970-01-01"))
def test_anything_else_is_no_field(text: str) -> None:
    """It is refused, not guessed at."""
    with pytest.raises(ValueError, match=r"moment|day|hour"):
        moments.from_field(text)
