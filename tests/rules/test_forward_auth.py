"""What a proxy tells of a request, and where a person is led (SEC-97)."""

import pytest

from pwauth_server.rules import forward_auth
from pwauth_server.rules.forward_auth import Asked

APP = "https://app.example.com"
HTML = "text/html,*/*"
AUTH = "https://auth.example.com"
#: The app's front door as a place to come back to.
BACK = f"{AUTH}/signin?return_to=https%3A%2F%2Fapp.example.com%2F"
SIGN_IN = f"{AUTH}/signin"


@pytest.mark.parametrize(
    ("parts", "url"),
    (
        ((None, None, None), None),
        (("https", "app.example.com", "/a?b=c"), f"{APP}/a?b=c"),
        (("http", "app.example.com:8080", "/"), "http://app.example.com:8080/"),
        ((None, "app.example.com", None), f"{APP}/"),
        (("https", "[::1]:8443", "/x"), "https://[::1]:8443/x"),
    ),
)
def test_three_headers_are_a_url(parts: tuple[str | None, str | None, str | None], url: str | None) -> None:
    """What is missing is taken from what is usual; without anything there is no URL."""
    assert forward_auth.url_of(*parts) == url


@pytest.mark.parametrize(
    "parts",
    (
        ("https", None, "/"),
        ("https", "", "/"),
        ("ftp", "app.example.com", "/"),
        ("https", "a@app.example.com", "/"),
        ("https", "app.example.com/x", "/"),
        ("https", "app.example.com", "x"),
        ("https", "app.example.com", "//\\evil"),
        ("https", "app.example.com", "/a b"),
        ("https", "app.example.com", "/\u00e9"),
        ("https", "app.example.com:port", "/"),
        ("https://evil.example/?", "app.example.com", "/"),
    ),
)
def test_what_is_no_url_is_refused(parts: tuple[str | None, str | None, str | None]) -> None:
    """Whatever a proxy and we could read differently lets nobody through."""
    with pytest.raises(ValueError, match=r".*"):
        forward_auth.url_of(*parts)


@pytest.mark.parametrize("url", ("", "/path", "javascript:alert(1)", "https://", "https://a@b/", "https://app.example.com/\t"))
def test_a_url_of_nginx_is_read_as_strictly(url: str) -> None:
    """Its header is taken as a whole, and by the same rule."""
    with pytest.raises(ValueError, match="url"):
        forward_auth.checked(url)


@pytest.mark.parametrize(
    ("asked", "to"),
    (
        (Asked("GET", f"{APP}/a?b=c&d=%20", HTML, "navigate"), f"{BACK}a%3Fb%3Dc%26d%3D%2520"),
        (Asked("HEAD", f"{APP}/", HTML, None), BACK),
        (Asked("GET", f"{APP}/{'a' * 3000}", HTML, "navigate"), BACK),
        (Asked("POST", f"{APP}/", HTML, "navigate"), None),
        (Asked("GET", f"{APP}/", "application/json", "navigate"), None),
        (Asked("GET", f"{APP}/", HTML, "cors"), None),
        (Asked("GET", f"{APP}/", HTML, "no-cors"), None),
        (Asked("POST", None, HTML, "navigate"), None),
        (Asked("GET", None, "*/*", "navigate"), None),
        (Asked("GET", None, HTML, "navigate"), SIGN_IN),
        (Asked("GET", f"{AUTH}/signin", HTML, "navigate"), None),
        (Asked("GET", f"{AUTH}/signin?return_to=https%3A%2F%2Fapp", HTML, "navigate"), None),
        (Asked("GET", "https://evil.example/", HTML, "navigate"), SIGN_IN),
        (Asked("GET", "https://app.example.com.evil.example/", HTML, "navigate"), SIGN_IN),
        (Asked("GET", "http://app.example.com/", HTML, "navigate"), SIGN_IN),
    ),
)
def test_a_browsers_page_leads_to_the_sign_in_and_back_to_an_app_of_ours(asked: Asked, to: str | None) -> None:
    """Scripts and programs get a plain refusal; a foreign place is not led back to, nor the sign-in to itself (SEC-94)."""
    assert forward_auth.sign_in_url(asked, public_url=AUTH, allowed=[APP]) == to


@pytest.mark.parametrize(
    ("text", "value"),
    (("", ""), ("Ann O'Hara, Dr.", "Ann O'Hara, Dr."), ("Zoë", "Zo%C3%AB"), ("a\r\nb", "a%0D%0Ab"), ("100%", "100%25")),
)
def test_a_header_carries_any_name(text: str, value: str) -> None:
    """In plain ASCII as it is, anything else percent-encoded, so that it can be read back and starts no other header."""
    assert forward_auth.header_value(text) == value
