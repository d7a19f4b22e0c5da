"""The settings: every key is one field with its type, its default and its sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from pwauth_server.rules import policy
from pwauth_server.sources import DEFAULT_HOST, DEFAULT_PORT

Seconds = Annotated[int, Field(gt=0)]
Secret = SecretStr
TransportName = Literal["smtp", "smtp2", "webhook", "console"]
SmtpName = Literal["smtp", "smtp2"]
Encryption = Literal["starttls", "tls", "plain"]


def _no_secret() -> SecretStr:
    return SecretStr("")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where an SMTP server is, and how we get in."""

    host: str
    port: int
    username: str
    password: SecretStr
    tls: Encryption
    #: Patience with one command.
    timeout_seconds: int


class Config(BaseModel):
    """Everything an operator can set. Keys of the seed keep their names and meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    # -- where we are
    public_url: str = Field("http://localhost:3000", description="Where people reach the server; the only source of links, issuer and cookies. https outside loopback.")
    server_host: str = Field(DEFAULT_HOST, description="Address to listen on; 0.0.0.0 must be asked for.")
    server_port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="Port to listen on.")
    trusted_proxies: list[str] = Field([], description="CIDRs of reverse proxies whose X-Forwarded-For counts.")
    cors_allowed_origins: list[str] = Field([], description="Exact origins whose scripts may call the API; no wildcards, here and below.")
    cors_allow_all: bool = Field(default=False, description="Let scripts of every origin call the API; refused unless public_url is loopback.")
    allowed_redirects: list[str] = Field([], description="Exact origins that return_to may name, besides paths of our own: apps, also those behind forward-auth.")
    cookie_domain: str = Field("", description="Domain above public_url's host whose apps are told by a cookie of their own who visits, for forward-auth; empty: public_url's host alone.")

    # -- what we remember
    database_path: str = Field("data/auth.db", description="SQLite file; secrets/ beside it holds what is generated.")
    database_url: Secret = Field(default_factory=_no_secret, description="postgres://… to use PostgreSQL instead of SQLite.")
    secret_key: list[Secret] = Field([], description="Master secret, or a list: the first seals, all open. Empty: generated once in secrets/ beside the database.")
    redis_url: Secret = Field(default_factory=_no_secret, description="redis://…, rediss://… or unix://… so that all nodes that use it share their limits; empty: each counts its own, in memory.")

    # -- backups
    backup_path: str = Field("", description="Folder for scheduled backups of the SQLite file; empty: none are made.")
    backup_every_hours: int = Field(24, ge=1, description="Hours between two scheduled backups.")
    backup_keep: int = Field(7, ge=1, description="How many scheduled backups are kept.")
    backup_passphrase: Secret = Field(default_factory=_no_secret, description="Passphrase that encrypts backups, 32 bytes or more; keep it elsewhere too.")

    # -- tokens and sessions
    jwt_secret: Secret = Field(default_factory=_no_secret, description="Shared secret, 32 bytes or more. Set: access tokens are HS256.")
    jwt_algorithm: Literal["", "HS256", "ES256", "EdDSA"] = Field("", description="HS256 if jwt_secret is set, else ES256.")
    jwt_audience: str = Field("", description="The `aud` of access tokens; public_url if empty.")
    access_token_expiry_seconds: int = Field(900, ge=1, le=3600, description="Life of an access token.")
    refresh_token_expiry_seconds: Seconds = Field(604_800, description="Idle life of a session; every refresh starts it anew.")
    session_absolute_expiry_seconds: Seconds = Field(2_592_000, description="Life of a session whatever happens.")
    refresh_grace_seconds: int = Field(10, ge=0, le=60, description="How long a lost refresh answer is given again.")

    # -- signing in
    signup: Literal["open", "domains", "invite"] = Field("open", description="Who may get an account: everybody, or addresses of signup_domains, or nobody; besides those that an administrator invited.")
    signup_domains: list[str] = Field([], description='Exact mail domains for signup = "domains".')
    enrolment: Literal["session", "first_use"] = Field("session", description="Who may add the first factor: a signed-in person, or anybody for an address that was never proven; that one is fenced in.")
    totp_mode: Literal["fallback", "second_factor", "both"] = Field("fallback", description="Whether a one-time password signs in alone, is asked for after every other first factor but a passkey, or both.")
    admin_emails: list[str] = Field([], description="Addresses that become administrators when they sign in by mail.")
    magic_link_expiry_seconds: int = Field(600, ge=1, le=900, description="Life of a link and its code.")
    magic_link_base_url: str = Field("", description="Where links point; {public_url}/verify/magic if empty.")
    magic_link_get: Literal["negotiate", "interstitial"] = Field("negotiate", description="Whether a JSON client may use up a link by GET, or GET always shows the page.")
    magic_link_binding: Literal["confirm", "strict"] = Field("confirm", description="A link opened in another browser: ask to confirm, or refuse.")

    # -- mail
    email_transports: list[TransportName] = Field(["smtp"], description="Who is offered a letter, in this order: the next one only while those before it cannot be reached.")
    smtp_host: str = Field("", description="SMTP server; empty: letters are printed to the terminal.")
    smtp_port: int = Field(587, ge=1, le=65535, description="SMTP port.")
    smtp_username: str = Field("", description="SMTP user; empty: no log-in.")
    smtp_password: Secret = Field(default_factory=_no_secret, description="SMTP password.")
    smtp_tls: Encryption = Field("starttls", description="How SMTP is encrypted; plain only to loopback.")
    smtp_timeout_seconds: int = Field(10, ge=1, le=300, description="Patience with the SMTP server, and with email_webhook_url.")
    smtp2_host: str = Field("", description="Second SMTP server, for smtp2 of email_transports.")
    smtp2_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp2_username: str = Field("", description="Its user; empty: no log-in.")
    smtp2_password: Secret = Field(default_factory=_no_secret, description="Its password.")
    smtp2_tls: Encryption = Field("starttls", description="How it is encrypted; plain only to loopback.")
    smtp2_timeout_seconds: int = Field(10, ge=1, le=300, description="Patience with it.")
    email_webhook_url: str = Field("", description="Where letters are posted, for webhook of email_transports; https outside loopback.")
    email_webhook_secret: Secret = Field(default_factory=_no_secret, description="Secret that signs posted letters, 32 bytes or more.")
    email_from: str = Field("pwauth@localhost.localdomain", description="Sender address of all letters.")
    email_templates_path: str = Field("", description="Folder whose files override the built-in letters.")
    email_retention_days: int = Field(7, ge=1, description="How long finished letters stay listed (without body).")

    # -- protection and observation
    rate_limit_per_minute: int = Field(300, ge=1, description="Requests a minute per client address; raising it raises all limits per client.")
    email_rate_limit_per_hour: int = Field(5, ge=1, description="Sign-in letters an hour per mailbox; raising it raises all limits per mailbox.")
    enable_metrics: bool = Field(default=True, description="Serve /metrics.")
    metrics_token: Secret = Field(default_factory=_no_secret, description="Bearer token for /metrics; empty: loopback peers only.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged. `warn` and `trace` are taken for `warning` and `debug`.")
    audit_retention_days: int = Field(90, ge=1, description="How long audit rows are kept.")

    # -- passkeys
    webauthn_rp_id: str = Field("", description="Passkey domain; host of public_url if empty.")
    webauthn_origin: list[str] = Field([], description="Exact origins that may use passkeys (text or list); public_url if empty.")
    webauthn_rp_name: str = Field("Passwordless Auth", description="Name that people see in passkey dialogs and letters.")

    # -- webhooks
    webhook_url: str = Field("", description="Where events are posted as they happen; https outside loopback.")
    webhook_secret: Secret = Field(default_factory=_no_secret, description="Secret that signs them, 32 bytes or more.")

    @field_validator("webauthn_origin", "secret_key", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, str):
            return [value] if value else []
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _rust_level(cls, value: object) -> object:
        level = value.lower() if isinstance(value, str) else value
        return {"warn": "warning", "trace": "debug"}.get(level, level) if isinstance(level, str) else level

    @field_validator("public_url", "magic_link_base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("cookie_domain")
    @classmethod
    def _bare_domain(cls, value: str) -> str:
        return value.removeprefix(".").lower()

    @field_validator("signup_domains", "admin_emails")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [text.lower() for text in value]

    @property
    def public_host(self) -> str:
        """Return the host name of public_url."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def public_origin(self) -> str:
        """Return the origin of public_url."""
        return policy.origin_of(self.public_url) or self.public_url

    @property
    def link_url(self) -> str:
        """Return where links in letters point."""
        return self.magic_link_base_url or f"{self.public_url}/verify/magic"

    @property
    def algorithm(self) -> str:
        """Return the algorithm of access tokens."""
        return self.jwt_algorithm or ("HS256" if self.jwt_secret.get_secret_value() else "ES256")

    @property
    def audience(self) -> str:
        """Return the audience of access tokens."""
        return self.jwt_audience or self.public_url

    @property
    def rp_id(self) -> str:
        """Return the domain that passkeys are bound to."""
        return self.webauthn_rp_id or self.public_host

    @property
    def passkey_origins(self) -> list[str]:
        """Return the exact origins whose pages may use passkeys."""
        return self.webauthn_origin or [self.public_origin]

    @property
    def transports(self) -> list[TransportName]:
        """Return who is offered a letter: as long as nothing else is set, the terminal."""
        return ["console"] if self.email_transports == ["smtp"] and not self.smtp_host else self.email_transports

    def smtp_server(self, name: SmtpName) -> SmtpServer:
        """Return the SMTP server that the settings of this name describe."""
        if name == "smtp":
            return SmtpServer(
                self.smtp_host, self.smtp_port, self.smtp_username, self.smtp_password, self.smtp_tls, self.smtp_timeout_seconds
            )
        return SmtpServer(
            self.smtp2_host, self.smtp2_port, self.smtp2_username, self.smtp2_password, self.smtp2_tls, self.smtp2_timeout_seconds
        )

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the database is the SQLite file."""
        return not self.database_url.get_secret_value()

    @property
    def limits_namespace(self) -> str:
        """Return what our keys in Redis begin with: two installations may share one, and no limits."""
        return f"pwauth:{self.public_origin}"

    @property
    def secrets_folder(self) -> Path:
        """Return the folder of generated secrets, beside the database."""
        return Path(self.database_path).parent / "secrets"

    @property
    def secret_key_file(self) -> Path:
        """Return the file of the generated secret_key."""
        return self.secrets_folder / "secret_key"
