"""What pages say about errors, in the reader's language."""

import pytest

from pwauth_server.errors import RateLimited
from pwauth_server.web import words


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    (
        (1, "1 second.", "1 Sekunde"),
        (119, "119 seconds.", "119 Sekunden"),
        (120, "2 minutes.", "2 Minuten"),
        (121, "3 minutes.", "3 Minuten"),
        (3600, "60 minutes.", "60 Minuten"),
    ),
)
def test_a_refusal_says_how_long_to_wait(seconds: int, english: str, german: str) -> None:
    """Never too short, and in a unit that people count in (SEC-60)."""
    error = RateLimited(seconds=seconds, headers={})
    assert error.detail.endswith(f" in {english}")
    assert words.of("en").error(error) == error.detail
    assert f" in {german} " in words.of("de").error(error)


def test_stored_words_are_read_in_the_readers_language() -> None:
    """Browsers and reasons are stored in English; what was never described is shown as it is, and escaped (SEC-13)."""
    german = words.of("de")
    assert [german.browser(it) for it in ("Firefox on Linux", "a browser on iPad", "a Go program", "<b> on <i>")] == [
        "Firefox auf Linux", "Browser auf iPad", "Go-Programm", "&lt;b&gt; auf &lt;i&gt;"
    ]  # fmt: skip
    assert [german.delivery(it) for it in ("smtp_550", "http_503", "no_tls", "<odd>", "down_timeout")] == [
        "der Mailserver sagte 550", "der Mailserver sagte 503", "der Mailserver bietet kein STARTTLS an", "&lt;odd&gt;",
        "der Mailserver hat nicht rechtzeitig geantwortet",
    ]  # fmt: skip
