"""A configuration speaks of each setting as its reader wrote it, and of surprises before they happen."""

import secrets
from pathlib import Path

import pytest

from pwauth_server.config import Config, load, notes, shown
from pwauth_server.errors import ConfigError
from tests.test_cli import STRONG, WRONG_USAGE, Host
from tests.test_config import problems


def test_an_unknown_variable_is_named_as_it_is_written(tmp_path: Path) -> None:
    """Its reader looks for it in the environment, not in the file."""
    tmp_path.joinpath("x").write_text("x")
    with pytest.raises(ConfigError) as refused:
        load(None, {"PWAUTH_FOO": "x", "PWAUTH_BAR_FILE": str(tmp_path / "x")})
    said = [f"{name}: unknown key (PWAUTH_{variable} in the environment)" for name, variable in (("bar", "BAR_FILE"), ("foo", "FOO"))]
    assert refused.value.problems == said


def test_what_is_safe_but_surprising_is_noted(tmp_path: Path) -> None:
    """Codes that could never be used are pointed out, by the check as well (SEC-35)."""
    loaded = [load(None, {"PWAUTH_ENROLMENT": "first_use", "PWAUTH_TOTP_MODE": mode}) for mode in ("both", "second_factor")]
    assert [len(notes(config)) for config in loaded] == [1, 2]
    assert notes(load(None, {})) == []
    said = Host(tmp_path).does("config check", enrolment="first_use", totp_mode="second_factor").splitlines()
    assert said == ["ok", *(f"note: {note}" for note in notes(loaded[1]))]


def test_what_follows_from_other_settings_is_shown_as_it_is(tmp_path: Path) -> None:
    """An empty text says nothing of which algorithm signs, or where links lead."""
    shown = dict(text.split(" = ", 1) for text in Host(tmp_path).does("config show", public_url="https://auth.ex.com").splitlines())
    assert (shown["jwt_algorithm"], shown["jwt_audience"]) == ('"ES256"', '"https://auth.ex.com"')
    assert shown["magic_link_base_url"] == '"https://auth.ex.com/verify/magic"'
    assert (shown["webauthn_rp_id"], shown["webauthn_origin"]) == ('"auth.ex.com"', '["https://auth.ex.com"]')
    assert 'jwt_algorithm = "HS256"' in Host(tmp_path).does("config show", jwt_secret=STRONG)


def test_a_wrong_word_is_answered_with_the_right_ones_as_they_are_written(tmp_path: Path) -> None:
    """What the message names can be copied."""
    (said,) = Host(tmp_path).refuses(WRONG_USAGE, "config check", jwt_algorithm="RS256")
    assert "'HS256', 'ES256' or 'EdDSA'" in said


@pytest.mark.parametrize(("level", "meant"), (("warn", "warning"), ("trace", "debug"), ("INFO", "info"), ("error", "error")))
def test_levels_of_the_rust_server_are_understood(level: str, meant: str) -> None:
    """Its files keep working: it called two of them otherwise, and did not mind the case."""
    assert load(None, {"PWAUTH_LOG_LEVEL": level}).log_level == meant


def test_secrets_are_masked_wherever_a_config_is_shown() -> None:
    """`pwauth config show`, repr and str keep secrets to themselves (SEC-25, SEC-73)."""
    names = ("jwt_secret", "smtp_password", "smtp2_password", "email_webhook_secret", "metrics_token", "webhook_secret", "secret_key")
    environment = {f"PWAUTH_{name.upper()}": secrets.token_urlsafe(32) for name in names}
    environment["PWAUTH_DATABASE_URL"], environment["PWAUTH_REDIS_URL"] = "postgres://pwauth:hunter2@db/pwauth", "redis://:hunter2@db:6379"
    config = load(None, environment)
    rows = dict(shown(config))
    for text in (repr(config), str(config), repr(rows)):
        assert "hunter2" not in text
        assert not [name for name in names if environment[f"PWAUTH_{name.upper()}"] in text]
    assert (rows["jwt_secret"], rows["secret_key"], rows["smtp_host"], rows["server_port"]) == ('"********"', '["********"]', '""', "3000")
    assert rows["enable_metrics"] == "true"
    assert list(rows) == list(Config.model_fields)


@pytest.mark.parametrize(
    ("url", "seen"),
    (
        ("https://x.example/hook?token=hunter2", '"https://x.example/…"'),
        ("https://x.example:8443/services/hunter2", '"https://x.example:8443/…"'),
        ("https://x.example/?hunter2", '"https://x.example/…"'),
        ("https://x.example?hunter2", '"https://x.example/…"'),
        ("http://localhost:9000/", '"http://localhost:9000/"'),
        ("https://x.example", '"https://x.example"'),
        ("", '""'),
    ),
)
def test_of_an_address_that_is_a_secret_only_the_origin_is_shown(url: str, seen: str) -> None:
    """Whoever knows the path or the query of a webhook may often post there (SEC-73)."""
    environment = {f"PWAUTH_{name}": url for name in ("WEBHOOK_URL", "EMAIL_WEBHOOK_URL")} | {"PWAUTH_WEBHOOK_SECRET": STRONG}
    rows = dict(shown(load(None, environment)))
    assert (rows["webhook_url"], rows["email_webhook_url"]) == (seen, seen)
    assert list(rows) == list(Config.model_fields)


def test_userinfo_in_the_address_of_a_webhook_is_refused() -> None:
    """What would be shown then is never in force, and the refusal does not show it either (SEC-25)."""
    found = problems(environment={"PWAUTH_WEBHOOK_URL": "https://u:hunter2@x.example/", "PWAUTH_WEBHOOK_SECRET": STRONG})
    assert found == ["webhook_url: must be an http(s) URL"]
