import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import browsers

MOZILLA = "Mozilla/5.0"
KHTML = "(KHTML, like Gecko)"
IPHONE = f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 {KHTML}"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    (
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {KHTML} Chrome/140.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {KHTML} Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"{MOZILLA} (Windows NT 10.0) AppleWebKit/537.36 {KHTML} Chrome/140.0.0.0 Safari/537.36 OPR/120.0", "Opera on Windows"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 {KHTML} Version/18.0 Safari/605.1.15", "Safari on macOS"),
        (f"{IPHONE} Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/140.0 Mobile Safari/604.1", "Chrome on iPhone"),
        (f"{MOZILLA} (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 {KHTML} FxiOS/140.0 Mobile Safari/604.1", "Firefox on iPad"),
        (f"{MOZILLA} (Linux; Android 15; Pixel 9) AppleWebKit/537.36 {KHTML} Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{MOZILLA} (Linux; Android 15; SM-S931B) {KHTML} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari", "Samsung Internet on Android"),
        (f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 {KHTML} Chrome/140.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32", "a Python program"),
        ("Go-http-client/2.0", "a Go program"),
        ("reqwest/0.12", "a Rust program"),
        (f"{MOZILLA} (X11; Linux x86_64)", "a browser on Linux"),
        ("", "an unknown program"),
        ("\u0000\r\n\ud800", "an unknown program"),
    ),
)
def test_a_browser_is_named_in_words(user_agent: str, words: str) -> None:
    """People read in their letter which browser asked (SEC-17)."""
    assert browsers.in_words(user_agent) == words


@given(st.text(max_size=200), st.sampled_from(["", "Firefox", "Chrome Linux", "iPhone Safari"]))
def test_nobody_writes_his_own_words_into_a_letter(text: str, mark: str) -> None:
    """The words come from a closed list whatever the header says, and fit their column (SEC-58, SEC-73, SEC-74)."""
    words = browsers.in_words(text + mark + text)
    names = {name for _, name in browsers._BROWSERS} | {"a browser"}
    systems = {name for _, name in browsers._SYSTEMS}
    assert words in names | {"an unknown program"} | {f"{name} on {system}" for name in names for system in systems}
    assert len(words) <= 60
