"""Which ways to send letters may be set."""

import pytest

from pwauth_server.config import load
from tests.test_config import STRONG, named, problems


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("email_transports", "smtp,carrier-pigeon"),
        ("email_transports", "console,console"),
        ("email_transports", ""),
        ("smtp2_tls", "perhaps"),
        *(("smtp_host", host) for host in ("smtp://mail.ex.com", "mail.ex.com:587", "[::1]:25", "hunter2@ex.com", "ex.com ", "-x.ex.com")),
        ("smtp2_host", "mail.ex.com/hunter2"),
        ("email_webhook_url", "http://mail.ex.com/letters"),
        ("email_webhook_url", "https://user:hunter2hunter2@mail.ex.com"),
        ("email_webhook_url", "https://mail.ex.com/#hunter2hunter2"),
        ("email_webhook_url", "ftp://mail.ex.com/hunter2hunter2"),
        ("email_webhook_url", "https://mail.ex.com/a b"),
    ),
)
def test_a_wrong_setting_is_named_in_one_line_without_its_value(name: str, value: str) -> None:
    """Whatever is wrong with it (SEC-25)."""
    found = problems(environment={f"PWAUTH_{name.upper()}": value})
    assert named(found) == [name]
    assert not value or value not in found[0]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    ("settings", "name"),
    (
        ({"smtp2_host": "mail.ex.com", "smtp2_tls": "plain"}, "smtp2_tls"),
        ({"smtp_host": "mail.ex.com", "email_transports": "smtp,smtp2"}, "smtp2_host"),
        ({"smtp2_host": "mail.ex.com", "email_transports": "smtp,smtp2"}, "smtp_host"),
        ({"email_transports": "webhook", "email_webhook_secret": STRONG}, "email_webhook_url"),
        ({"email_transports": "webhook", "email_webhook_url": "https://mail.ex.com"}, "email_webhook_secret"),
        ({"email_webhook_url": "https://mail.ex.com", "email_webhook_secret": "hunter2hunter2"}, "email_webhook_secret"),
        ({"webhook_url": "https://hooks.ex.com"}, "webhook_secret"),
        ({"webhook_url": "https://hooks.ex.com", "webhook_secret": "supersecretandlongenoughforhs256"}, "webhook_secret"),
        ({"webhook_url": "http://hooks.ex.com", "webhook_secret": STRONG}, "webhook_url"),
    ),
)
def test_what_is_named_must_be_set_and_good(settings: dict[str, str], name: str) -> None:
    """Rather no start than letters that go nowhere, or in the clear (SEC-25, SEC-81)."""
    assert named(problems(environment={f"PWAUTH_{key.upper()}": value for key, value in settings.items()})) == [name]


@pytest.mark.parametrize(
    ("settings", "chain"),
    (
        ({}, ["console"]),
        ({"email_transports": "smtp"}, ["console"]),
        *(({"smtp_host": it}, ["smtp"]) for it in ("mail.ex.com", "mail_pit", "MAIL.ex.com.", "bücher.ex", "192.0.2.1", "fe80::1%eth0")),
        ({"smtp_host": "mail.ex.com", "email_transports": "console"}, ["console"]),
        ({"smtp2_host": "::1", "smtp2_tls": "plain", "email_transports": "smtp2, console"}, ["smtp2", "console"]),
        (
            {"email_transports": '["webhook"]', "email_webhook_url": "https://mail.ex.com/x?y=z", "email_webhook_secret": STRONG},
            ["webhook"],
        ),
        ({"email_transports": "webhook", "email_webhook_url": "http://localhost:8025", "email_webhook_secret": STRONG}, ["webhook"]),
    ),
)
def test_letters_go_the_ways_that_are_named(settings: dict[str, str], chain: list[str]) -> None:
    """In that order; as long as nothing is set, to the terminal."""
    assert load(None, {f"PWAUTH_{key.upper()}": value for key, value in settings.items()}).transports == chain
