import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from pwauth_server.config import Config, load
from pwauth_server.errors import ConfigError

STRONG = "q7Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6KaEe1Uu0oRtYiPlMn"


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """Return the path of a configuration file that the test may write."""
    return tmp_path / "config.toml"


def problems(path: Path | None = None, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return what a refused configuration is refused for."""
    with pytest.raises(ConfigError) as refused:
        load(path, environment or {})
    return refused.value.problems


def named(found: list[str]) -> list[str]:
    """Return the keys that problems name."""
    return [line.partition(":")[0] for line in found]


def test_nothing_needs_to_be_configured() -> None:
    """The defaults are a safe server on this machine (SEC-25)."""
    config = load(None, {})
    assert (config.server_host, config.public_url, config.trusted_proxies) == ("127.0.0.1", "http://localhost:3000", [])
    assert (config.algorithm, config.audience, config.is_sqlite) == ("ES256", config.public_url, True)
    assert (config.link_url, config.public_host, config.public_origin) == (
        "http://localhost:3000/verify/magic",
        "localhost",
        "http://localhost:3000",
    )
    assert config.secrets_folder == Path("data/secrets")


def test_environment_beats_file_and_both_beat_the_default(toml: Path) -> None:
    """config.toml, then PWAUTH_<KEY>; what neither names keeps its default."""
    toml.write_text('server_port = 4000\nserver_host = "0.0.0.0"\n')
    config = load(toml, {"PWAUTH_SERVER_PORT": "5000", "UNRELATED": "x"})
    assert (config.server_port, config.server_host, config.smtp_port) == (5000, "0.0.0.0", 587)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    """PWAUTH_<KEY>_FILE names a file, whose last line break does not count."""
    (tmp_path / "jwt").write_text(STRONG + "\n")
    config = load(None, {"PWAUTH_JWT_SECRET_FILE": str(tmp_path / "jwt")})
    assert config.jwt_secret.get_secret_value() == STRONG
    assert config.algorithm == "HS256"


def test_a_named_file_beats_the_variable_which_beats_config_toml(tmp_path: Path, toml: Path) -> None:
    """A secret that is mounted counts also where an image or a shell has set another one; nobody has to unset that."""
    (tmp_path / "jwt").write_text(STRONG)
    toml.write_text(f'jwt_secret = "{STRONG[::-1]}"\nserver_port = 4000\n')
    environment = {"PWAUTH_JWT_SECRET_FILE": str(tmp_path / "jwt"), "PWAUTH_JWT_SECRET": "short", "PWAUTH_SERVER_PORT": "5000"}
    for variables in (environment, dict(reversed(environment.items()))):
        config = load(toml, variables)
        assert (config.jwt_secret.get_secret_value(), config.server_port) == (STRONG, 5000)
    (tmp_path / "jwt").write_text("short")
    assert named(problems(toml, environment | {"PWAUTH_JWT_SECRET": STRONG})) == ["jwt_secret"]


def test_a_secret_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """A missing secret is never an empty one (SEC-25)."""
    missing = {"PWAUTH_JWT_SECRET_FILE": str(tmp_path / "none")}
    assert named(problems(environment=missing)) == ["jwt_secret"]
    assert named(problems(environment=missing | {"PWAUTH_JWT_SECRET": STRONG})) == ["jwt_secret"]
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert named(problems(environment={"PWAUTH_JWT_SECRET_FILE": str(tmp_path / "bytes")})) == ["jwt_secret"]


@pytest.mark.parametrize("text", ("10.0.0.0/8,192.0.2.1", " 10.0.0.0/8 , 192.0.2.1 ,", '["10.0.0.0/8", "192.0.2.1"]'))
def test_a_list_may_be_written_in_the_environment(text: str) -> None:
    """Commas or JSON, as operators prefer."""
    assert load(None, {"PWAUTH_TRUSTED_PROXIES": text}).trusted_proxies == ["10.0.0.0/8", "192.0.2.1"]


def test_one_origin_or_many() -> None:
    """`webauthn_origin` and `secret_key` take a text or a list, as the seed's files have it."""
    assert load(None, {"PWAUTH_WEBAUTHN_ORIGIN": "http://localhost:3000"}).webauthn_origin == ["http://localhost:3000"]
    assert [key.get_secret_value() for key in load(None, {"PWAUTH_SECRET_KEY": STRONG}).secret_key] == [STRONG]


def test_domains_are_compared_in_lower_case() -> None:
    """A domain of the list matches the canonical address whatever its case (SEC-08)."""
    assert load(None, {"PWAUTH_SIGNUP": "domains", "PWAUTH_SIGNUP_DOMAINS": "CORP.com"}).signup_domains == ["corp.com"]


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("jwt_secret", "short"),
        ("jwt_secret", "supersecretandlongenoughforhs256"),
        ("jwt_secret", "your-super-secret-jwt-key-min-32-characters-long"),
        ("jwt_secret", "password" * 8),
        ("jwt_secret", "a" * 64),
        ("secret_key", "short-secret-key"),
        ("secret_key", f"{STRONG},tooshort-tooshort"),
        ("jwt_algorithm", "RS256"),
        ("jwt_algorithm", "none"),
        ("public_url", ""),
        ("public_url", "auth.ex.com"),
        ("public_url", "http://auth.ex.com"),
        ("public_url", "http://127.0.0.1.evil.io"),
        ("public_url", "http://localhost.evil.io"),
        ("public_url", "https://user:hunter2@auth.ex.com"),
        ("public_url", "https://auth.ex.com/?next=1"),
        ("public_url", "https://auth.ex.com/#x"),
        ("public_url", "https://auth.ex.com\r"),
        ("public_url", "https://auth.ex.com /x"),
        ("public_url", "javascript:alert(1)"),
        ("magic_link_base_url", "http://auth.ex.com/verify"),
        ("magic_link_base_url", "/verify"),
        ("cors_allowed_origins", "*"),
        ("cors_allowed_origins", "https://app.ex.com/"),
        ("cors_allowed_origins", "null"),
        ("allowed_redirects", "https://*.ex.com/x"),
        ("allowed_redirects", "https://app.ex.com/path"),
        ("allowed_redirects", "app.ex.com"),
        *((name, "https://*.ex.com") for name in ("allowed_redirects", "cors_allowed_origins", "webauthn_origin", "public_url")),
        *(
            ("allowed_redirects", url)
            for url in ("https://app.*", "https://ex.com:*", "https://ex.com:", "https://ex.com:443", "https://[fe80::1%25eth0]")
        ),
        ("cookie_domain", "ex.com"),
        ("cookie_domain", "com"),
        ("cookie_domain", "ocalhost"),
        ("cookie_domain", "127.0.0.1"),
        ("cookie_domain", "localhost; Secure"),
        ("webauthn_origin", "localhost"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "proxy.ex.com"),
        ("trusted_proxies", "[oops"),
        ("signup", "everybody"),
        ("email_from", "Pwauth <a@ex.com>"),
        ("email_from", "a@ex.com, b@ex.com"),
        ("email_from", "a@ex.com\r\nBcc: b@ex.com"),
        ("email_templates_path", "/no/such/folder"),
        ("database_url", "mysql://root:hunter2@db/x"),
        *(("database_url", f"postgres://u:hunter2{rest}") for rest in ("/@db/x", "#@db/x", "@db:hunter2/x", "@db/x?sslkey=k")),
        ("redis_url", "hunter2"),
        ("redis_url", "http://:hunter2@redis:6379"),
        ("redis_url", "redis://:hunt/er2@redis:6379"),
        ("redis_url", "unix://"),
        ("metrics_token", "short-token"),
        ("access_token_expiry_seconds", "3601"),
        ("access_token_expiry_seconds", "0"),
        ("magic_link_expiry_seconds", "901"),
        ("refresh_grace_seconds", "61"),
        ("refresh_grace_seconds", "-1"),
        ("rate_limit_per_minute", "0"),
        ("server_port", "65536"),
        ("server_port", "http"),
        ("enable_metrics", "perhaps"),
        ("no_such_key", "some-value"),
    ),
)
def test_an_unsafe_setting_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    """The start is refused with a line that names the key and keeps the value to itself (SEC-25)."""
    found = problems(environment={f"PWAUTH_{name.upper()}": value})
    assert name in named(found)
    for piece in value.split(","):
        assert len(piece) < 8 or piece not in "\n".join(found)


@pytest.mark.parametrize(
    ("settings", "name"),
    (
        ({"signup": "domains"}, "signup_domains"),
        ({"jwt_algorithm": "HS256"}, "jwt_secret"),
        ({"jwt_algorithm": "ES256", "jwt_secret": STRONG}, "jwt_secret"),
        ({"jwt_algorithm": "EdDSA", "jwt_secret": STRONG}, "jwt_secret"),
        ({"public_url": "https://auth.ex.com", "cors_allow_all": "true"}, "cors_allow_all"),
        ({"smtp_host": "mail.ex.com", "smtp_tls": "plain"}, "smtp_tls"),
        ({"smtp_host": "127.0.0.1.ex.com", "smtp_tls": "plain"}, "smtp_tls"),
        ({"session_absolute_expiry_seconds": "60"}, "session_absolute_expiry_seconds"),
        ({"public_url": "https://auth.ex.com", "webauthn_rp_id": "other.com"}, "webauthn_rp_id"),
        ({"public_url": "https://auth.ex.com", "webauthn_rp_id": "h.ex.com"}, "webauthn_rp_id"),
        ({"public_url": "https://auth.ex.com", "webauthn_origin": "https://auth.ex.com,https://evil.io"}, "webauthn_rp_id"),
        (
            {"public_url": "https://auth.ex.com", "webauthn_rp_id": "auth.ex.com", "webauthn_origin": "https://evilauth.ex.com"},
            "webauthn_rp_id",
        ),
    ),
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, str], name: str) -> None:
    """Each may be fine alone; together they would open something (SEC-25, SEC-42, SEC-81)."""
    assert named(problems(environment={f"PWAUTH_{key.upper()}": value for key, value in settings.items()})) == [name]


@pytest.mark.parametrize(
    "settings",
    (
        {"public_url": "https://auth.ex.com/sub/"},
        {"public_url": "http://127.0.0.1:3000"},
        {"public_url": "http://[::1]:3000"},
        {"public_url": "http://pwauth.localhost"},
        {"cors_allow_all": "true"},
        {
            "allowed_redirects": "https://app.ex.com:8443,http://192.0.2.1,https://[2001:db8::1]:8443,http://localhost:5173,http://my_app:8080"
        },
        {"smtp_host": "localhost", "smtp_tls": "plain"},
        {"smtp_host": "mail.ex.com"},
        *({"database_url": f"postgresql://{url}"} for url in ("pwauth:h[nt:r%2F@db/x?sslmode=require", "/x?host=/run/pg", "u@[::1]/x")),
        *({"redis_url": url} for url in ("redis://db", "rediss://u:hunter2@[::1]:6379/0", "unix:///run/redis.sock?db=2")),
        {"public_url": "https://auth.ex.com", "webauthn_rp_id": "ex.com", "webauthn_origin": "https://auth.ex.com,https://app.ex.com"},
        {"jwt_secret": STRONG},
        {"secret_key": f"{STRONG},{STRONG[::-1]}"},
        {"server_host": "0.0.0.0"},
    ),
)
def test_a_safe_setting_is_accepted(settings: dict[str, str]) -> None:
    """Caution does not stand in the way of honest installations (SEC-25)."""
    load(None, {f"PWAUTH_{key.upper()}": value for key, value in settings.items()})


def test_all_problems_are_told_at_once(toml: Path) -> None:
    """One look at the message is enough to mend everything (SEC-25)."""
    toml.write_text('public_ulr = "x"\nserver_port = 70000\nrate_limit_per_minute = "many"\n')
    assert set(named(problems(toml, {"PWAUTH_SMTP_PROT": "25"}))) == {"public_ulr", "server_port", "rate_limit_per_minute", "smtp_prot"}
    unsafe = {
        "PWAUTH_JWT_SECRET": "short",
        "PWAUTH_PUBLIC_URL": "http://auth.ex.com",
        "PWAUTH_METRICS_TOKEN": "short",
        "PWAUTH_EMAIL_FROM": "x",
    }
    assert set(named(problems(environment=unsafe))) == {"jwt_secret", "public_url", "metrics_token", "email_from"}


@pytest.mark.parametrize(
    "text",
    (
        'jwt_secret = "hunter2hunter2',
        "jwt_secret = hunter2hunter2",
        'jwt_secret = "hunter2\\qhunter2"',
        "hunter2hunter2",
        'jwt_secret = """\nhunter2hunter2',
        "jwt_secret = 'hunter2hunter2",
    ),
)
def test_a_file_that_is_not_toml_does_not_leak(toml: Path, text: str) -> None:
    """A forgotten quote is reported without the secret that follows it (SEC-25)."""
    toml.write_text(text)
    found = problems(toml)
    assert "not TOML" in found[0]
    assert "hunter2" not in "\n".join(found)


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """A typing error in --config is not a server with defaults (SEC-25)."""
    assert "cannot be read" in problems(tmp_path / "none.toml")[0]
    (tmp_path / "latin.toml").write_bytes(b'smtp_host = "\xfc"')
    assert "UTF-8" in problems(tmp_path / "latin.toml")[0]


@pytest.mark.parametrize(
    "line",
    (
        "jwt_secret = 12345678901",
        'jwt_secret = ["hunter2hunter2"]',
        'secret_key = [{k = "hunter2hunter2"}]',
        'smtp_password = {x = "hunter2hunter2"}',
    ),
)
def test_a_secret_of_the_wrong_type_does_not_leak(toml: Path, line: str) -> None:
    """Type errors name the key, not what stands there (SEC-25)."""
    toml.write_text(line)
    found = "\n".join(problems(toml))
    assert line.partition(" ")[0] in found
    assert "hunter2" not in found
    assert "12345678901" not in found


def test_a_config_cannot_be_changed() -> None:
    """What was checked at the start stays as it was checked (SEC-25)."""
    with pytest.raises(ValidationError):
        load(None, {}).public_url = "http://evil.io"  # type: ignore[misc]


def test_every_key_says_what_it_means() -> None:
    """The README's table is printed from the fields, so each has a sentence."""
    for name, field in Config.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_the_process_environment_is_the_default() -> None:
    """The command line reads the environment it was started in."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PWAUTH_")}
    assert load.__defaults__ == (os.environ,), kept
