"""What makes a configuration unsafe: one line for each problem, none of them showing a value (SEC-25)."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from pwauth_server.config.model import Config, SmtpName
from pwauth_server.rules import addresses, client_address, policy, weak_secrets

#: Parameters of database_url that the driver takes.
_OF_POSTGRES = frozenset({"host", "ssl", "sslmode", "statement_cache_size", "timeout"})
_SMTP: tuple[SmtpName, ...] = ("smtp", "smtp2")


def problems(config: Config) -> list[str]:
    """Return one line for each setting that would make the server unsafe."""
    return [*_secrets(config), *_urls(config), *_mail(config), *_events(config), *_network(config), *_backups(config)]


def notes(config: Config) -> list[str]:
    """Return one line for each setting that is safe, and that nobody should have without knowing what it does."""
    if config.enrolment != "first_use":
        return []
    found = ["enrolment: anybody may add the first factor of an address that nobody has proven"]
    if config.totp_mode == "second_factor":
        found.append("enrolment: first_use is for passkeys only, since with totp_mode second_factor no code signs in alone")
    return found


def _secrets(config: Config) -> list[str]:
    found = []
    secret = config.jwt_secret.get_secret_value()
    if secret and (why := weak_secrets.problem(secret)):
        found.append(f"jwt_secret: {why}; make one with: openssl rand -base64 48")
    if config.jwt_algorithm == "HS256" and not secret:
        found.append("jwt_secret: needed for jwt_algorithm HS256")
    if config.jwt_algorithm in {"ES256", "EdDSA"} and secret:
        found.append("jwt_secret: must be empty when jwt_algorithm is not HS256")
    found += [
        f"secret_key: {why}; leave it empty to have one generated"
        for key in config.secret_key
        if (why := weak_secrets.problem(key.get_secret_value()))
    ]
    if config.session_absolute_expiry_seconds < config.access_token_expiry_seconds:
        found.append("session_absolute_expiry_seconds: shorter than access_token_expiry_seconds")
    return found


def _backups(config: Config) -> list[str]:
    found = []
    passphrase = config.backup_passphrase.get_secret_value()
    if passphrase and (why := weak_secrets.problem(passphrase)):
        found.append(f"backup_passphrase: {why}; make one with: openssl rand -base64 48")
    if config.backup_path and not passphrase:
        found.append("backup_passphrase: needed for backup_path")
    if config.backup_path and not config.is_sqlite:
        found.append("backup_path: only for SQLite; PostgreSQL is backed up with pg_dump")
    return found


def _is_loopback_host(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or client_address.is_loopback(host)


def _unsafe_url(name: str, url: str) -> list[str]:
    origin = policy.origin_of(url)
    if origin is None or "#" in url:
        return [f"{name}: must be an http(s) URL"]
    if origin.startswith("http:") and not _is_loopback_host(urlsplit(url).hostname or ""):
        return [f"{name}: must be https outside loopback"]
    return []


def _urls(config: Config) -> list[str]:
    found = []
    for name in ("public_url", "magic_link_base_url"):
        url = getattr(config, name)
        if not url and name != "public_url":
            continue
        found += [f"{name}: must be an http(s) URL without query"] if "?" in url else _unsafe_url(name, url)
    if config.audience == f"{config.public_url}/unverified":
        found.append("jwt_audience: is the audience of tokens that nobody must accept; name another one")
    if config.cors_allow_all and not _is_loopback_host(config.public_host):
        found.append("cors_allow_all: only while public_url is loopback")
    found += [
        f"{name}: every entry must be an exact origin such as https://app.example.com"
        for name in ("cors_allowed_origins", "allowed_redirects", "webauthn_origin")
        if any(policy.origin_of(origin) != origin for origin in getattr(config, name))
    ]
    return found + _passkey_domain(config) + _cookie_domain(config)


def _cookie_domain(config: Config) -> list[str]:
    domain, host = config.cookie_domain, config.public_host
    if not domain:
        return []
    if not addresses.is_domain(domain) or not f".{host}".endswith(f".{domain}"):
        return ["cookie_domain: must be the host of public_url, or a domain above it, such as example.com"]
    return []


def _passkey_domain(config: Config) -> list[str]:
    rp_id = config.rp_id
    for origin in config.passkey_origins:
        host = urlsplit(origin).hostname or ""
        if host != rp_id and not ("." in rp_id and host.endswith("." + rp_id)):
            return ["webauthn_rp_id: must be the host of every webauthn_origin, or a domain above it"]
    return []


def _mail(config: Config) -> list[str]:
    found = [] if _is_address(config.email_from) else ["email_from: must be a plain mail address"]
    if any(not _is_address(address) for address in config.admin_emails):
        found.append("admin_emails: every entry must be a plain mail address")
    if config.email_templates_path and not Path(config.email_templates_path).is_dir():
        found.append("email_templates_path: no such folder")
    return found + _transports(config)


def _transports(config: Config) -> list[str]:
    names, found = config.email_transports, []
    if not names or len(set(names)) < len(names):
        found.append("email_transports: must name at least one, and none twice")
    for name in _SMTP:
        server = config.smtp_server(name)
        if name in config.transports and not server.host:
            found.append(f"{name}_host: needed for {name} of email_transports")
        if server.host and not policy.is_host(server.host):
            found.append(f"{name}_host: must be a bare host name or address; the port stands in {name}_port")
        elif server.host and server.tls == "plain" and not _is_loopback_host(server.host):
            found.append(f"{name}_tls: plain only to a loopback {name}_host")
    if "webhook" in names:
        values = {"email_webhook_url": config.email_webhook_url, "email_webhook_secret": config.email_webhook_secret.get_secret_value()}
        found += [f"{key}: needed for webhook of email_transports" for key, value in values.items() if not value]
    return found + _signed("email_webhook", config.email_webhook_url, config.email_webhook_secret)


def _events(config: Config) -> list[str]:
    url, secret = config.webhook_url, config.webhook_secret
    missing = ["webhook_secret: needed to sign what is posted to webhook_url"] if url and not secret.get_secret_value() else []
    return missing + _signed("webhook", url, secret)


def _signed(name: str, url: str, secret: SecretStr) -> list[str]:
    """Look at a place that takes what we sign, and at the secret that signs it; one that signs nothing is not judged."""
    if not url:
        return []
    why = weak_secrets.problem(secret.get_secret_value()) if secret.get_secret_value() else None
    return _unsafe_url(f"{name}_url", url) + ([f"{name}_secret: {why}; make one with: openssl rand -base64 48"] if why else [])


def _is_address(text: str) -> bool:
    try:
        addresses.canonical(text)
    except ValueError:
        return False
    return True


def _network(config: Config) -> list[str]:
    found = []
    try:
        client_address.networks(config.trusted_proxies)
    except ValueError:
        found.append("trusted_proxies: every entry must be a CIDR such as 10.0.0.0/8")
    if any(not addresses.is_domain(domain) for domain in config.signup_domains):
        found.append("signup_domains: every entry must be a plain domain such as example.com")
    if config.signup == "domains" and not config.signup_domains:
        found.append('signup_domains: needed for signup = "domains"')
    url = config.database_url.get_secret_value()
    if url and (why := postgres_problem(url)):
        found.append(f"database_url: {why}")
    if (redis_url := config.redis_url.get_secret_value()) and not _is_redis(redis_url):
        found.append("redis_url: must be redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH")
    metrics_token = config.metrics_token.get_secret_value()
    if metrics_token and len(metrics_token) < weak_secrets.MIN_BYTES // 2:
        found.append("metrics_token: is shorter than 16 bytes")
    return found


def postgres_problem(url: str) -> str | None:
    """Return what is wrong with an address of PostgreSQL in words that do not show it, or None."""
    if not url.startswith(("postgres://", "postgresql://", "asyncpg://")):
        return "must start with postgres://"
    owner, _, rest = url.partition("://")[2].rpartition("@")
    try:
        parts = urlsplit(f"//{rest}")
        is_whole = parts.port != 0 and not parts.fragment and not set("/?#@") & set(owner)
    except ValueError:  # its words may hold the password
        is_whole = False
    if not is_whole:
        return "must be postgres://USER@HOST:PORT/DATABASE; in a password / ? # and @ are written as %2F %3F %23 and %40"
    if not parse_qs(parts.query).keys() <= _OF_POSTGRES:
        return f"takes no other parameters than {', '.join(sorted(_OF_POSTGRES))}"
    return None


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        place = parts.path if parts.scheme == "unix" else parts.hostname
        return parts.scheme in {"redis", "rediss", "unix"} and bool(place) and parts.port != 0
    except ValueError:  # its words may hold the password
        return False
