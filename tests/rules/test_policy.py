import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import policy
from pwauth_server.rules.addresses import canonical

APP = "https://app.ex.com"
ALLOWED = [APP, "http://localhost:8080", "https://[2001:db8::1]"]


@pytest.mark.parametrize(
    ("address", "signup", "welcome"),
    (
        ("a@CORP.COM", "domains", True),
        ("a@corp.com.evil.io", "domains", False),
        ("a@evilcorp.com", "domains", False),
        ("a@sub.corp.com", "domains", False),
        ("corp.com@evil.io", "domains", False),
        ("a+corp.com@evil.io", "domains", False),
        ("a@evil.io", "open", True),
        ("a@corp.com", "invite", False),
        ("a@corp.com", "", False),
    ),
)
def test_a_domain_matches_exactly_or_not_at_all(address: str, signup: str, welcome: bool) -> None:  # noqa: FBT001
    """Neither a longer domain nor a local part opens the door; an unknown policy opens it to nobody (SEC-08)."""
    assert policy.may_sign_up(canonical(address), signup=signup, domains=["corp.com"], invited=False) is welcome


def test_domains_without_a_list_lets_nobody_in() -> None:
    """An empty list means nobody, not everybody (SEC-08)."""
    assert not policy.may_sign_up("a@ex.com", signup="domains", domains=[], invited=False)


@pytest.mark.parametrize(
    ("url", "origin"),
    (
        ("https://ex.com", "https://ex.com"),
        ("HTTPS://EX.com/path?q#f", "https://ex.com"),
        ("https://ex.com:443/", "https://ex.com"),
        ("http://ex.com:80", "http://ex.com"),
        ("http://ex.com:443", "http://ex.com:443"),
        ("https://ex.com:8443/x", "https://ex.com:8443"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://my_app:8080/x", "http://my_app:8080"),
        ("https://192.0.2.1/x", "https://192.0.2.1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ),
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    """Default ports and case are normal, everything behind the host is cut (SEC-94)."""
    assert policy.origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    (
        "", "ex.com", "//ex.com", "/path", "ftp://ex.com", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https:",
        "https://", "https:ex.com",
        "https:///ex.com", "https://:443", "https://user@ex.com", "https://user:pw@ex.com", "https://@ex.com", "https://ex.com:99999", "https://ex.com:x",
        "https://[::1", "https://[nonsense]/", "null",
        "https://ex.com\r", "https://e\nx.com", " https://ex.com", "https://ex.com ", "https://ex .com", "https://ex.com\u0000", "https://evil.io\\.ex.com",
        "https://b\u00fccher.example", "https://ex\uff0ecom", "https://ex.com\u2028",
        "https://*.ex.com", "https://*", "https://ex.*", "https://a;b.com", "https://a,b.com", "https://-ex.com", "https://ex-.com", "https://e..com",
        "https://.ex.com", "https://{a}.ex.com", "https://e'x.com", "https://ex%2ecom", "https://[fe80::1%25eth0]", "https://127.1", "https://1.2.3.4.5",
        "https://ex.com:0", "https://" + "x" * 64 + ".com",
    ),
)  # fmt: skip
def test_what_browsers_could_read_differently_has_no_origin(url: str) -> None:
    """Userinfo, other schemes, wildcards, control characters, backslashes and foreign scripts have none (SEC-14, SEC-94)."""
    assert policy.origin_of(url) is None


@pytest.mark.parametrize(
    "url",
    (
        "/", "/welcome?x=1#y", "/a/b", "/%2f/evil.io", "/@evil.io", "/:80",
        APP, f"{APP}/", f"{APP}/x?y=z#f", f"{APP}?x=1", "http://localhost:8080/x", "https://[2001:db8::1]/x",
    ),
)  # fmt: skip
def test_a_sign_in_may_end_at_home_or_where_it_is_allowed(url: str) -> None:
    """Own paths and exact origins of the list pass unchanged (SEC-94)."""
    assert policy.safe_return(url, ALLOWED) == url


@pytest.mark.parametrize(
    "url",
    (
        "", "//evil.io", "///evil.io", "/\\evil.io", "\\\\evil.io", "\\/evil.io", "/\t/evil.io", "\t//evil.io", " //evil.io",
        "/\n/evil.io", "https:evil.io", "https:/evil.io",
        "https:///evil.io", "evil.io", "welcome", "?x", "#x", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
        "vbscript:x", "blob:https://app.ex.com/1",
        f"{APP}@evil.io", f"{APP}:pw@evil.io", f"{APP}.evil.io", f"{APP}%2f@evil.io", f"{APP}%00.evil.io", f"{APP}\\@evil.io",
        f"{APP}\\.evil.io", f"{APP}:443@evil.io",
        f"{APP};evil.io", f"{APP}:8443", f"{APP}:443", f"{APP}:", f"{APP}#@evil.io", "http://app.ex.com", "https://ex.com",
        "https://evilapp.ex.com", "https://x.app.ex.com",
        "https://APP.ex.com@evil.io", "https://app.ex.com\u3002evil.io", "https://app.ex.c\u00f6m", "http://localhost", "http://localhost:80801",
        "/%0d%0aSet-Cookie:x", "/x%0D%0Ay", "/x\r\nSet-Cookie: y", "/x\u0000", "/\u00e9", '/"><script>', "/<script>", "/ x", "/\ud800",
        "/" + "x" * 10_240, f"{APP}/{'x' * 10_240}", "null", "about:blank",
    ),
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(url: str) -> None:
    """No trick of userinfo, slashes, schemes, suffixes or encodings leaves the list (SEC-94)."""
    with pytest.raises(ValueError, match=r"^return_to$"):
        policy.safe_return(url, ALLOWED)


def test_an_empty_list_allows_only_paths() -> None:
    """Without `allowed_redirects` every foreign origin is refused (SEC-94)."""
    with pytest.raises(ValueError, match="return_to"):
        policy.safe_return(APP, [])
    assert policy.safe_return("/x", []) == "/x"


@given(st.text(st.sampled_from("https:/\\@.%?#[]evil.ioapp.ex.com\t\n \u00e9"), max_size=60))
def test_only_an_exact_prefix_is_ever_allowed(text: str) -> None:
    """Of everything an attacker can write, only own paths and listed origins remain (SEC-94)."""
    for url in (text, f"{APP}{text}", f"/{text}"):
        try:
            safe = policy.safe_return(url, ALLOWED)
        except ValueError:
            continue
        if safe.startswith("/"):
            assert safe[1:2] not in {"/", "\\"}
        else:
            assert any(safe == origin or safe.startswith((f"{origin}/", f"{origin}?")) for origin in ALLOWED)
