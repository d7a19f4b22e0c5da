import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import addresses

ATOM = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20).filter(lambda text: "=?" not in text)
LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?", fullmatch=True)
ADDRESS = st.builds(
    lambda local, labels, end: f"{local}@{'.'.join(labels)}.{end}", ATOM, st.lists(LABEL, min_size=1, max_size=3), st.just("cOm")
)


@pytest.mark.parametrize(
    ("typed", "key"),
    (
        ("user@ex.com", "user@ex.com"),
        ("User@EX.com", "user@ex.com"),
        ("first.last+tag@sub.ex.co.uk", "first.last+tag@sub.ex.co.uk"),
        ("o'brien@ex.com", "o'brien@ex.com"),
        ("a&b{c}|~@ex.com", "a&b{c}|~@ex.com"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@1-2.3com", "a@1-2.3com"),
        (f"{'l' * 64}@ex.com", f"{'l' * 64}@ex.com"),
        (f"a@{'d' * 63}.com", f"a@{'d' * 63}.com"),
    ),
)
def test_an_address_has_one_key(typed: str, key: str) -> None:
    """Case is folded and nothing else is changed (SEC-03)."""
    assert addresses.canonical(typed) == key


@pytest.mark.parametrize(
    "typed",
    (
        "", "@", "a", "a@", "@ex.com", "a@ex", "a@b@ex.com", "a@corp.com@evil.io",
        "\u212aim@ex.com", "user\uff20ex.com", "\u017f@ex.com", "a@ex\u00adample.com", "\u0430dmin@ex.com", "a@e\u0301x.com",
        "=?utf-8?q?x?=@ex.com",
        "a@b\u00fccher.example",
        '"a@evil.com x"@ex.com', '"a"@ex.com', "a@ex.com,b@evil.com", '["a@ex.com","b@evil.com"]', "a <a@ex.com>", "<a@ex.com>",
        "a(x)@ex.com",
        "a:b@ex.com", "a;b@ex.com", "a\\b@ex.com", "a[b]@ex.com", "mailto:a@ex.com",
        "a@ex.com\u0000", "a\u0000@ex.com", "a@ex.com\r\nBcc: b@evil.com", "a@ex.com\n", "\na@ex.com", " a@ex.com", "a@ex.com ",
        "a b@ex.com", "a@ex.com\t", "a\x7f@ex.com",
        ".a@ex.com", "a.@ex.com", "a..b@ex.com",
        "a@ex.com.", "a@.ex.com", "a@ex..com", "a@-ex.com", "a@ex-.com", "a@ex_y.com", "a@ex.com:25", "a@ex.com/x",
        "a@[127.0.0.1]", "a@127.0.0.1", "a@[IPv6:::1]", "a@1.2", "a@ex.123",
        f"{'l' * 65}@ex.com", f"a@{'d' * 64}.com", f"a@{'d.' * 126}com", "\ud800@ex.com",
    ),
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(typed: str) -> None:
    """Look-alikes, lists, quotes, comments, controls and literals never become a key (SEC-03, SEC-04, SEC-08)."""
    with pytest.raises(ValueError, match=r"^address$"):
        addresses.canonical(typed)


def test_the_longest_address_is_accepted_and_no_longer_one() -> None:
    """The whole address has 254 characters at the most (SEC-03; RFC 5321 section 4.5.3.1)."""
    domain = ".".join(["d" * 61] * 3) + ".com"
    longest = "l" * (253 - len(domain)) + "@" + domain
    assert len(longest) == 254
    assert addresses.canonical(longest) == longest
    with pytest.raises(ValueError, match="address"):
        addresses.canonical("l" + longest)


@given(ADDRESS)
def test_the_key_of_a_key_is_itself(typed: str) -> None:
    """Folding twice is folding once, so an address cannot have two accounts (SEC-03)."""
    key = addresses.canonical(typed)
    assert key == typed.lower()
    assert addresses.canonical(key) == key


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(typed: str) -> None:
    """Whatever comes in, the key is ASCII with one @ and no white space, or there is none (SEC-03)."""
    try:
        key = addresses.canonical(typed)
    except ValueError:
        return
    assert key.isascii()
    assert key.isprintable()
    assert key.count("@") == 1
    assert not set(key) & set(' ,;:<>()[]"\\')


@pytest.mark.parametrize("typed", ("a" * 64 + "@" + "a" * 190, "a." * 120 + "@", "a@" + "a-" * 120, "a@" + "1." * 120 + "!"))
def test_a_hostile_address_is_refused_quickly(typed: str) -> None:
    """No input makes the patterns backtrack: thousands of tries fit into the time of one request (SEC-03)."""
    for _ in range(2000):
        with pytest.raises(ValueError, match="address"):
            addresses.canonical(typed)


@pytest.mark.parametrize(
    ("address", "domain"),
    (("a@corp.com", "corp.com"), ("a@corp.com.evil.io", "corp.com.evil.io"), ("a@evilcorp.com", "evilcorp.com")),
)
def test_the_domain_is_everything_behind_the_at(address: str, domain: str) -> None:
    """A domain is the whole right side, never a part of it (SEC-08)."""
    assert addresses.domain_of(address) == domain


@pytest.mark.parametrize(
    ("address", "key"),
    (
        ("v@ex.com", "v@ex.com"),
        ("v+1@ex.com", "v@ex.com"),
        ("v+1+2@ex.com", "v@ex.com"),
        ("v+@ex.com", "v@ex.com"),
        ("v.w@ex.com", "v.w@ex.com"),
        ("+only@ex.com", "+only@ex.com"),
    ),
)
def test_tags_share_the_quota_of_their_mailbox(address: str, key: str) -> None:
    """Twenty tags are one mailbox to the mail quota; a mailbox that is all tag keeps its name (SEC-63)."""
    assert addresses.mailbox_key(addresses.canonical(address)) == key
