"""One-time passwords by time: what is computed (RFC 6238), and how an app is told."""

from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree.ElementTree import fromstring

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import totp
from tests.totp_app import App

#: RFC 6238 appendix B, the rows of SHA-1; ours are the last six of its eight digits.
RFC_SECRET = b"12345678901234567890"
RFC_VECTORS = (
    (59, "94287082"),
    (1_111_111_109, "07081804"),
    (1_111_111_111, "14050471"),
    (1_234_567_890, "89005924"),
    (2_000_000_000, "69279037"),
    (20_000_000_000, "65353130"),
)
ISSUER, ACCOUNT = "Passwordless Auth", "ann@ex.com"
SVG = "{http://www.w3.org/2000/svg}"
TIMES = st.floats(min_value=90, max_value=4e9)
SECRETS = st.binary(min_size=20, max_size=20)


@pytest.mark.parametrize(("moment", "code"), RFC_VECTORS)
def test_the_vectors_of_the_standard_hold(moment: int, code: str) -> None:
    """Apps and server compute alike because both follow RFC 6238 appendix B."""
    assert totp.matching_step(RFC_SECRET, code[-6:], moment) == moment // 30
    assert App(RFC_SECRET).at(moment) == code[-6:]
    assert pyotp.TOTP(totp.shown(RFC_SECRET), digits=8).at(moment) == code


@given(SECRETS, TIMES)
def test_three_implementations_agree(secret: bytes, moment: float) -> None:
    """Whatever the secret and the time: ours, the library's and one that is written from the standard."""
    code = App(secret).at(moment)
    assert pyotp.TOTP(totp.shown(secret)).at(moment) == code
    step = totp.matching_step(secret, code, moment)
    assert step is not None
    assert abs(step - int(moment) // 30) <= 1


@pytest.mark.parametrize(("steps", "counts"), ((-2, False), (-1, True), (0, True), (1, True), (2, False)))
@pytest.mark.parametrize("offset", (0.0, 15.0, 29.9))
def test_only_the_neighbours_of_now_count(steps: int, counts: bool, offset: float) -> None:  # noqa: FBT001 - a column
    """One step to either side and not a moment more (SEC-34)."""
    now = 1_767_225_600.0 + offset
    step = totp.matching_step(RFC_SECRET, App(RFC_SECRET).at(now + 30 * steps), now)
    assert step == (int(now) // 30 + steps if counts else None)


@given(SECRETS, TIMES)
def test_a_wrong_code_matches_nothing(secret: bytes, moment: float) -> None:
    """There is no step for it."""
    assert totp.matching_step(secret, App(secret).wrong(moment), moment) is None


ACCOUNTS = ("ann@ex.com", "a&secret=jbswy3dpehpk3pxp&x@ex.com", "a?b#c%20d+e@ex.com", "o'hara/x=y@ex.com")


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("issuer", (ISSUER, "A&B=C: D/E?F#G", "Prüfstand"))
def test_no_address_adds_a_parameter(account: str, issuer: str) -> None:
    """Each parameter is there once and reads back as it was, whatever is in the names (SEC-36)."""
    url = urlsplit(totp.url(RFC_SECRET, issuer=issuer, account=account))
    assert (url.scheme, url.netloc, url.fragment) == ("otpauth", "totp", "")
    pairs = parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
    assert sorted(name for name, _ in pairs) == ["algorithm", "digits", "issuer", "period", "secret"]
    assert dict(pairs) == {
        "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "issuer": issuer.replace(":", " "),
        "algorithm": "SHA1",
        "digits": "6",
        "period": "30",
    }
    assert unquote(url.path) == f"/{issuer.replace(':', ' ')}:{account}"
    assert url.path.count("/") == 1


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_names_make_a_url_that_an_app_can_read(issuer: str, account: str) -> None:
    """The library's own reader finds the secret and the names again (SEC-36)."""
    url = totp.url(RFC_SECRET, issuer=issuer or "x", account=account.encode("utf-8", "replace").decode())
    assert url.isascii()
    assert dict(parse_qsl(urlsplit(url).query))["secret"] == totp.shown(RFC_SECRET)
    assert urlsplit(url).path.count(":") == 1


def test_the_picture_can_be_read_on_any_ground_and_by_anybody() -> None:
    """It brings its own white ground with a quiet zone, scales with its place and has a name (dark mode, WCAG 1.1.1)."""
    drawn = totp.drawn(totp.url(RFC_SECRET, issuer=ISSUER, account=ACCOUNT))
    picture = fromstring(drawn)
    assert picture.tag == f"{SVG}svg"
    assert picture.attrib["role"] == "img"
    assert {"width", "height"} & picture.attrib.keys() == set()
    title, ground, ink = picture
    assert (title.tag, title.text) == (f"{SVG}title", "QR code for your authenticator app")
    size = int(picture.attrib["viewBox"].split()[2])
    assert (ground.attrib["fill"], ground.attrib["d"]) == ("#fff", f"M0 0h{size}v{size}h-{size}z")
    assert ink.attrib["stroke"] == "#000"
    assert ink.attrib["d"].startswith("M4 4.5")
    assert totp.shown(RFC_SECRET) not in drawn
    assert "script" not in drawn
    assert "style" not in drawn
