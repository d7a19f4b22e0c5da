import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from pwauth_server.errors import ConfigError
from pwauth_server.rules.letters import EXAMPLES, LetterKind, Letters
from tests.fakes import NEW_YEAR
from tests.mail_fakes import SIGN_IN, parsed

ODD = ("a&b'c{}|~@ex.com", "#!$%*+/=?^_`@ex.com", "o'neil+tag@ex.com", "x" * 64 + "@" + "d" * 60 + "." + "e" * 60 + ".ex.com")
#: Characters that a mail program, a wrapped line or a careless encoder might touch.
LONG_LINK = "https://auth.example.com/verify/magic?token=pwm_" + "aZ09_-" * 60 + "=3D=20.--_From"


def raw(
    kind: LetterKind = LetterKind.SIGN_IN, to: str = "ann@ex.com", folder: str = "", product: str = "Ex & Sons", **changes: str
) -> bytes:
    """Return a letter as it goes over the wire."""
    letters = Letters("auth@example.com", product, folder)
    return letters.render(kind, {**EXAMPLES[kind], **changes}, to=to, message_id="<1@example.com>", date=NEW_YEAR).content


def build(kind: LetterKind = LetterKind.SIGN_IN, **changes: str) -> EmailMessage:
    """Return a letter as its reader's program parses it."""
    return parsed(raw(kind, **changes))


def part(letter: EmailMessage, kind: str) -> str:
    """Return the text of the part of a kind."""
    found = letter.get_body((kind,))
    assert found is not None
    text: str = found.get_content()
    return text.replace("\r\n", "\n")


def test_text_comes_before_html() -> None:
    """A program shows the last part that it understands (RFC 2046 section 5.1.4)."""
    letter = build()
    assert letter.get_content_type() == "multipart/alternative"
    assert [it.get_content_type() for it in letter.iter_parts()] == ["text/plain", "text/html"]
    assert [list(it.defects) for it in letter.walk()] == [[], [], []]


@pytest.mark.parametrize("kind", tuple(LetterKind))
def test_every_line_fits_the_wire(kind: LetterKind) -> None:
    """Servers refuse or cut lines of more than 998 bytes, bytes above 127 and bare line ends (RFC 5321 section 4.5.3.1)."""
    content = raw(kind, to="x" * 64 + "@" + "d" * 60 + ".ex.com", product="Säge & Söhne " * 5)
    assert content.isascii()
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(len(line) for line in head.split(b"\r\n")) <= 998
    assert max(len(line) for line in body.split(b"\r\n")) <= 76
    assert content.endswith(b"\r\n")


@pytest.mark.parametrize("to", ODD)
def test_an_odd_address_stays_one_mailbox(to: str) -> None:
    """No accepted local part adds a recipient or a header (SEC-04, SEC-80)."""
    letter = build(to=to)
    assert [it.addr_spec for it in letter["To"].addresses] == [to]
    assert len(letter.get_all("To") or []) == 1
    assert letter.keys() == build().keys()


@pytest.mark.parametrize("to", ("=?utf-8?q?x?=@ex.com", "=?utf-8?b?eUBleC5jb20sIHg=?=@ex.com"))
def test_an_address_that_looks_encoded_is_written_as_it_is(to: str) -> None:
    """Decoding it would name another mailbox (SEC-04)."""
    assert f"\r\nTo: {to}\r\n".encode() in raw(to=to)


@pytest.mark.parametrize("kind", tuple(LetterKind))
def test_headers_say_that_a_machine_wrote(kind: LetterKind) -> None:
    """No vacation notice answers, and a second try carries the same identifier and date (SEC-84)."""
    letter = build(kind)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["Message-ID"] == "<1@example.com>"
    assert letter["Date"].datetime.timestamp() == NEW_YEAR
    assert letter["From"].addresses[0].addr_spec == "auth@example.com"


@pytest.mark.parametrize("product", ("Ex & Sons", "Säge & Söhne", 'The "best", they say', "a, b <c@d.ex>", "Long " * 30 + "end"))
def test_a_product_of_any_spelling_is_only_a_name(product: str) -> None:
    """Quotes, commas and umlauts stay in the display name and the subject (RFC 2047)."""
    letter = build(product=product)
    (sender,) = letter["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (product, "auth@example.com")
    assert letter["Subject"] == f"Sign in to {product}"


def test_a_product_cannot_add_a_header() -> None:
    """A line break in a setting is a space in a letter (SEC-80)."""
    letter = build(product="Ex\r\nBcc: eve@ex.com")
    assert letter.keys() == build().keys()
    assert letter["Subject"] == "Sign in to Ex Bcc: eve@ex.com"


def test_a_sign_in_letter_has_one_link_and_its_code_on_a_line_of_its_own() -> None:
    """Both parts carry exactly one link, the text carries exactly one code line (SEC-80)."""
    letter = build()
    text, html = part(letter, "plain"), part(letter, "html")
    assert [line for line in text.splitlines() if line.startswith("http")] == [SIGN_IN["link"]]
    assert re.findall(r"(?m)^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$", text) == [SIGN_IN["code"]]
    assert len(re.findall(r"https?://", text)) == len(re.findall(r"https?://", html)) == 1
    assert html.count(SIGN_IN["code"]) == 1


def test_a_link_arrives_byte_for_byte() -> None:
    """Quoted-printable wraps it on the way, and whoever decodes it gets it back whole (SEC-80)."""
    letter = build(link=LONG_LINK)
    assert LONG_LINK in part(letter, "plain").splitlines()
    assert f'href="{LONG_LINK}"' in part(letter, "html")


@pytest.mark.parametrize("text", ("--=_pwauth--", ".", "From here", "tail ", "=", "ünï"))
def test_no_text_ends_a_part_or_gets_lost(text: str, tmp_path: Path) -> None:
    """Whatever an operator's template says is body and stays body."""
    (tmp_path / "sign_in").mkdir()
    (tmp_path / "sign_in" / "body.txt").write_text(f"begin\n{text}\nend\n", encoding="utf-8")
    assert part(build(folder=str(tmp_path)), "plain") == f"begin\n{text}\nend\n"


@pytest.mark.parametrize("kind", ("plain", "html"))
def test_a_sign_in_letter_says_who_asked(kind: str) -> None:
    """Somebody who did not ask can see when, from where and with what it was asked for (SEC-58)."""
    text = part(build(), kind)
    assert all(SIGN_IN[fact] in text for fact in ("asked_at", "asked_from", "asked_with", "minutes"))


@pytest.mark.parametrize(("minutes", "words"), (("1", "1 minute"), ("10", "10 minutes")))
def test_minutes_are_counted_properly(minutes: str, words: str) -> None:
    """One minute is not one minutes."""
    letter = build(minutes=minutes)
    assert all(re.search(rf"{words}\b", part(letter, kind)) for kind in ("plain", "html"))


def test_a_subject_cannot_carry_a_fact(tmp_path: Path) -> None:
    """Locked screens and mail logs show subjects: an operator's template that wants the code there stops the start (SEC-80)."""
    assert build()["Subject"] == "Sign in to Ex & Sons"
    (tmp_path / "sign_in").mkdir()
    (tmp_path / "sign_in" / "subject.txt").write_text("{{ code }} is your code")
    with pytest.raises(ConfigError):
        build(folder=str(tmp_path))


@pytest.mark.parametrize("kind", (LetterKind.DISOWNED, LetterKind.FAREWELL))
def test_what_only_tells_carries_no_link(kind: LetterKind) -> None:
    """Where there is nothing to press the letter is not worth imitating (SEC-58)."""
    letter = build(kind)
    for text in (part(letter, "plain"), part(letter, "html")):
        assert all(fact in text for fact in EXAMPLES[kind].values())
        assert "http" not in text
        assert "href" not in text


@pytest.mark.parametrize("fact", tuple(SIGN_IN))
def test_html_is_escaped(fact: str) -> None:
    """No fact can break out of the markup (SEC-80)."""
    html = part(parsed(raw(LetterKind.SIGN_IN, **{fact: "\"'><script>&"})), "html")
    assert "<script>" not in html
    assert "&#34;&#39;&gt;&lt;script&gt;&amp;" in html
    assert "Ex &amp; Sons" in html


@pytest.mark.parametrize("kind", tuple(LetterKind))
def test_html_fetches_nothing(kind: LetterKind) -> None:
    """Opening a letter tells nobody: no image, font, script or style from outside."""
    html = part(build(kind), "html")
    assert not re.search(r"<(img|script|link|iframe)\b|url\(|@import|src=", html)


def test_a_folder_of_the_operator_overrides_one_file(tmp_path: Path) -> None:
    """What the folder lacks is taken from the built-in letters."""
    (tmp_path / "sign_in").mkdir()
    (tmp_path / "sign_in" / "subject.txt").write_text("Your door to {{ product }}")
    letter = build(folder=str(tmp_path))
    assert letter["Subject"] == "Your door to Ex & Sons"
    assert SIGN_IN["code"] in part(letter, "plain")


@pytest.mark.parametrize("text", ("{{ password }}", "{% if %}", "{% include 'nothing.txt' %}"))
def test_a_template_that_cannot_be_built_stops_the_start(text: str, tmp_path: Path) -> None:
    """The operator learns of it at once, not the first person who cannot sign in."""
    (tmp_path / "sign_in").mkdir()
    (tmp_path / "sign_in" / "body.txt").write_text(text)
    with pytest.raises(ConfigError) as refused:
        Letters("auth@example.com", "Ex", str(tmp_path))
    assert [problem.split(" (")[0] for problem in refused.value.problems] == ["email_templates_path: the letter sign_in cannot be built"]


def test_a_letter_with_a_hole_is_never_built() -> None:
    """A fact that is missing is an error, not an empty place."""
    letters = Letters("auth@example.com", "Ex", "")
    with pytest.raises(UndefinedError):
        letters.render(LetterKind.SIGN_IN, {"link": "https://x"}, to="ann@ex.com", message_id="<1@example.com>", date=NEW_YEAR)
