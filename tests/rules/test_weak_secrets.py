import base64
import secrets
import string
import uuid

import pytest

from pwauth_server.rules import weak_secrets

KEYBOARD = string.ascii_lowercase + string.digits

#: What somebody in a hurry types, and what configuration templates hold.
CARELESS = (
    "test-test-test-test-test-test-test-test",
    "secretsecretsecretsecretsecretsecret1",
    "local-development-only-local-development",
    "default-jwt-secret-default-jwt-secret",
    "REPLACE_WITH_A_STRONG_RANDOM_SECRET_KEY",
    "PLEASE_GENERATE_A_RANDOM_SECRET_HERE_0000",
    "this-is-an-example-secret-of-enough-length",
    "my-very-long-secret-key-that-is-32-bytes",
    "secret_key_for_testing_purposes_only_123456",
    "my-32-character-ultra-secure-and-ultra-long-secret",
    "<output of openssl rand -base64 48>",
    "a_very_secret_value_that_nobody_will_guess",
    "MyVeryLongSecretKeyThatIs32BytesLong!",
    "ThisIsASecretKeyForJwtTokenGeneration",
    "mysupers3cr3tjwtsigningkeyformyapp2024",
    "integration-tests-need-a-secret-of-32-bytes",
    "bitte-hier-ein-sicheres-geheimnis-eintragen",
    "P@ssw0rdP@ssw0rdP@ssw0rdP@ssw0rd2024!",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,",
    "qazwsxedcrfvtgbyhnujmikolp1234567890",
    "00112233445566778899aabbccddeeff",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "deadbeefdeadbeefcafebabecafebabe",
    "Tr0ub4dor&3-Tr0ub4dor&3-Tr0ub4dor&3!",
    "s0m3-v3ry-l0ng-s3cr3t-k3y-th4t-n0b0dy-kn0ws",
    "q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6",
    "!QAZ@WSX#EDC$RFV%TGB^YHN&UJM*IK<",
    "correct horse battery staple correct horse",
    "the quick brown fox jumps over the lazy dog",
    "keyboard cat keyboard cat keyboard cats",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit",
    "to be or not to be that is the question",
)
#: Of a list for dice, with words that begin, end or hold some of the words that examples are made of.
UNCOMMON = (
    "abacus", "acorn", "baguette", "barbecue", "catnip", "chariot", "cobalt", "dwindle", "errant", "extradite", "flyaway", "gazelle",
    "granola", "handsaw", "ivory", "jackal", "jukebox", "keycard", "kilobyte", "latest", "legroom", "mayflower", "monkfish", "nutmeg",
    "opossum", "overhung", "oxidize", "passover", "pebble", "quartz", "quicksand", "rebuttal", "retesting", "saffron", "showroom",
    "tadpole", "testament", "theology", "trombone", "turnip", "unsavory", "vanquish", "viewpoint", "waffle", "wielder", "yodel",
    "zeppelin",
)  # fmt: skip


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
        ("a" * 32, "guess"),
        (" " * 64, "guess"),
        ("ab" * 40, "guess"),
        ("password" * 4, "guess"),
        ("0123456789abcdef" * 2, "guess"),
        ("hunter2-" * 16, "guess"),
        (KEYBOARD, "guess"),
        (KEYBOARD[::-1], "guess"),
        ("acegikmoqsuwy" + "bdfhjlnprtvxz" + "acegikmoqsuwy", "guess"),
        *((secret, "guess") for secret in CARELESS),
    ),
)
def test_a_secret_that_others_can_find_is_refused(secret: str, why: str) -> None:
    """Short, published, repeated and counted-up secrets never sign anything (SEC-25)."""
    found = weak_secrets.problem(secret)
    assert found is not None
    assert why in found


@pytest.mark.parametrize("secret", ("password" * 4, "supersecretandlongenoughforhs256", "s3cr3t-shown", *CARELESS))
def test_the_problem_does_not_show_the_secret(secret: str) -> None:
    """What is wrong is told in words of ours (SEC-25)."""
    found = weak_secrets.problem(secret)
    assert found is not None
    assert secret not in found


def test_random_secrets_of_every_common_spelling_pass() -> None:
    """What `openssl rand`, uuidgen, Python and dice make is never refused, whichever words stand in it by chance (SEC-25)."""
    for _ in range(2000):
        for secret in (
            secrets.token_hex(16),
            secrets.token_hex(32),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            base64.b64encode(secrets.token_bytes(32)).decode(),
            base64.b32encode(secrets.token_bytes(20)).decode(),
            f"{uuid.uuid4()}{uuid.uuid4()}",
            secrets.token_bytes(32).decode("latin-1"),
            secrets.choice(" -_").join(secrets.choice(UNCOMMON) for _ in range(7)),
        ):
            assert weak_secrets.problem(secret) is None


@pytest.mark.parametrize("said", ("secret-", "Default", "qwerty", "0123456789", "test_"))
def test_words_before_a_random_secret_take_nothing_from_it(said: str) -> None:
    """A name in front of 128 random bits is a habit of some, and no danger (SEC-25)."""
    for _ in range(200):
        assert weak_secrets.problem(said + secrets.token_hex(16)) is None


def test_a_secret_of_any_length_is_judged_at_once() -> None:
    """Nothing that somebody may set keeps the start waiting (SEC-25)."""
    for text in ("as", "secret-", " ", "a1", "todo", "x" * 7 + "-"):
        assert weak_secrets.problem(text * (20_000 // len(text)) + "!") == "is too easy to guess"
