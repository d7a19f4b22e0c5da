"""The page behind a link: harmless to open, and only our own to send."""

import re
from html import escape

import pytest

from tests.people import NAVIGATION, OWN_FORM, Person

PAGE = {"accept": NAVIGATION["accept"]}


def test_the_page_leaks_nothing_and_runs_nothing(alice: Person) -> None:
    """Escaped, framed by nobody, kept by nobody, alone on its host (SEC-13)."""
    token = '"><script>1</script>'
    page = alice.device().open_link(token)
    assert page.status_code == 200
    assert token not in page.text
    assert escape(token, quote=False)[2:] in page.text
    assert "<script" not in page.text
    headers = page.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    policy = headers["content-security-policy"]
    for directive in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert all(re.match(r"/(?!/)|#", target) for target in re.findall(r'(?:src|href|action)="([^"]*)"', page.text))
    assert not re.search(r"\bon\w+=|style=|http-equiv", page.text)


def test_the_page_of_a_live_link_is_that_of_any_other(alice: Person) -> None:
    """Live, used and invented links show the same bytes but for the token itself (SEC-13, contract section 6)."""
    phone = alice.device()
    used, live = alice.link(phone).token, ""
    assert phone.verify(used).status_code == 200
    live = alice.link(phone).token
    invented = "pwm_" + "A" * (len(live) - 4)
    pages = {alice.device().open_link(token).text.replace(token, "TOKEN") for token in (live, used, invented, "no-such-token")}
    assert len(pages) == 1
    assert alice.address not in pages.pop()


def test_a_person_signs_in_by_the_page(alice: Person) -> None:
    """The button of the page opens a session in a cookie that no script reads, and shows no token (SEC-17, SEC-18)."""
    browser = alice.device()
    token = alice.link(browser).token
    done = browser.press_button(browser.open_link(token))
    assert (done.status_code, done.headers["location"]) == (303, "/")
    cookie = next(line for line in done.headers.get_list("set-cookie") if line.startswith("__Host-pwauth_session="))
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "access_token" not in done.text
    assert browser.get("/me").json()["email"] == alice.address
    assert alice.address in browser.get("/", headers=NAVIGATION).text


ORIGINS = {
    "another site": {"origin": "https://evil.example"},
    "another site by its mark": {"sec-fetch-site": "cross-site", "origin": "null"},
    "a neighbour": {"sec-fetch-site": "same-site"},
    "nobody": {},
    "nobody in particular": {"origin": "null"},
    "own mark, other origin": {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    "other mark, own origin": {"sec-fetch-site": "cross-site", "origin": "OWN"},
    "a longer host": {"origin": "OWN.evil.example"},
}


@pytest.mark.parametrize("headers", ORIGINS.values(), ids=ORIGINS.keys())
def test_another_site_cannot_sign_a_browser_in(alice: Person, headers: dict[str, str]) -> None:
    """A form of another origin is refused and the link still works (SEC-18)."""
    browser = alice.device()
    token = alice.link(browser).token
    page = browser.open_link(token)
    sent = {name: value.replace("OWN", alice.server.public_url) for name, value in headers.items()}
    assert browser.press_button(page, headers=PAGE | sent).status_code == 403
    assert browser.verify(token).status_code == 200


def test_every_honest_browser_can_press_the_button(alice: Person) -> None:
    """Origin, Sec-Fetch-Site or both may be there; without a referrer browsers say "null" (SEC-18)."""
    own = alice.server.public_url
    for headers in (
        {"origin": own},
        {"origin": own, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ):
        browser = alice.device()
        page = browser.open_link(alice.link(browser).token)
        assert browser.press_button(page, headers=PAGE | headers).status_code == 303


def test_a_form_without_the_nonce_of_our_page_is_refused(alice: Person) -> None:
    """The form must come from our page, and the link survives (SEC-18)."""
    browser = alice.device()
    token = alice.link(browser).token
    page = browser.open_link(token)
    for nonce in ("", "0" * 64, "é"):
        assert browser.press_button(page, nonce=nonce).status_code in {400, 403}
    assert browser.post("/verify/magic", form={"token": token}, headers=OWN_FORM).status_code == 400
    assert browser.verify(token).status_code == 200


def test_another_browser_asks_its_person_first(alice: Person) -> None:
    """The page of another browser shows time, address and browser of the request, then signs in here (SEC-17)."""
    phone = alice.device()
    token = alice.link(alice.device(user_agent=NAVIGATION["user-agent"])).token
    question = phone.press_button(phone.open_link(token))
    assert question.status_code == 403
    assert question.headers["content-type"].startswith("text/html")
    for fact in ("Firefox on Linux", "127.0.0.1", "UTC"):
        assert fact in question.text
    assert not [line for line in question.headers.get_list("set-cookie") if "session" in line]
    assert phone.press_button(question).status_code == 303
    assert phone.get("/me").json()["email"] == alice.address


def test_a_dead_link_is_told_to_people_as_a_page(alice: Person) -> None:
    """Somebody who presses the button of a used link reads a sentence, not JSON."""
    browser = alice.device()
    token = alice.link(browser).token
    page = browser.open_link(token)
    assert browser.press_button(page).status_code == 303
    again = browser.press_button(page)
    assert again.status_code == 401
    assert again.headers["content-type"].startswith("text/html")


def test_a_cut_link_is_told_to_people_as_a_page(alice: Person) -> None:
    """Mail programs break long links: a person reads a sentence, a program gets its problem document."""
    for path in ("/verify/magic", "/verify/magic?token=a&token=b"):
        page, answer = alice.device().get(path, headers=NAVIGATION), alice.device().get(path, headers={"accept": "application/json"})
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (400, "text/html")
        assert "The link is not complete." in page.text
        assert (answer.status_code, answer.json()["error"]) == (400, "malformed_request")
