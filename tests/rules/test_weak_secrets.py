import secrets
import string

import pytest

from pwauth_server.rules import weak_secrets

KEYBOARD = string.ascii_lowercase + string.digits


@pytest.mark.parametrize(
    ("secret", "why"),
    (
        ("", "shorter"),
        ("x", "shorter"),
        ("Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6Ka", "shorter"),
        ("\u00fc" * 15, "shorter"),
        ("supersecretandlongenoughforhs256", "published"),
        ("your-super-secret-jwt-key-min-32-characters-long", "published"),
        ("a-string-secret-at-least-256-bits-long", "published"),
        ("your-256-bit-secret-your-256-bit-secret", "published"),
        ("please change this in production 8f3kq0z7", "published"),
        ("change_in_production_8f3kq0z7w5v1m9x2c4b6", "published"),
        ("django-insecure-8f3kq0z7w5v1m9x2c4b6n8l0@", "published"),
        ("dev_secret_key_do_not_use_8f3kq0z7w5v1m9", "published"),
        ("CHANGEME-" + "8f3kq0z7w5v1m9x2c4b6n8l0" * 2, "published"),
        ("my-Replace-Me-value-8f3kq0z7w5v1m9x2", "published"),
        ("REPLACE_WITH_A_STRONG_RANDOM_SECRET_KEY", "published"),
        ("PLEASE_GENERATE_A_RANDOM_SECRET_HERE_0000", "published"),
        ("this-is-an-example-secret-of-enough-length", "published"),
        ("local-development-only-local-development", "published"),
        ("default-jwt-secret-default-jwt-secret", "published"),
        ("<output of openssl rand -base64 48>", "published"),
        ("qwertyuiopasdfghjklzxcvbnm123456", "published"),
        ("correct horse battery staple correct horse", "published"),
        ("a" * 32, "guess"),
        ("test-test-test-test-test-test-test-test", "guess"),
        ("secretsecretsecretsecretsecretsecret1", "guess"),
        (" " * 64, "guess"),
        ("ab" * 40, "guess"),
        ("password" * 4, "guess"),
        ("0123456789abcdef" * 2, "guess"),
        ("hunter2-" * 16, "guess"),
        (KEYBOARD, "guess"),
        (KEYBOARD[::-1], "guess"),
        ("acegikmoqsuwy" + "bdfhjlnprtvxz" + "acegikmoqsuwy", "guess"),
    ),
)
def test_a_secret_that_others_can_find_is_refused(secret: str, why: str) -> None:
    """Short, published, repeated and counted-up secrets never sign anything (SEC-25)."""
    found = weak_secrets.problem(secret)
    assert found is not None
    assert why in found


@pytest.mark.parametrize("secret", ("password" * 4, "supersecretandlongenoughforhs256", "s3cr3t-shown"))
def test_the_problem_does_not_show_the_secret(secret: str) -> None:
    """What is wrong is told in words of ours (SEC-25)."""
    found = weak_secrets.problem(secret)
    assert found is not None
    assert secret not in found


def test_random_secrets_of_every_common_spelling_pass() -> None:
    """What `openssl rand` and Python make is never refused (SEC-25)."""
    for _ in range(500):
        for secret in (
            secrets.token_hex(16),
            secrets.token_hex(32),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            secrets.token_bytes(32).decode("latin-1"),
        ):
            assert weak_secrets.problem(secret) is None
