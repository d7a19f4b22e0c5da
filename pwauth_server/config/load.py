"""From config.toml, ``PWAUTH_<KEY>`` and ``PWAUTH_<KEY>_FILE`` to one `Config`, or to every problem at once."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from pwauth_server import sources
from pwauth_server.config import checks
from pwauth_server.config.model import Config
from pwauth_server.errors import ConfigError
from pwauth_server.rules import policy

#: Addresses whose path or query often is the secret that lets somebody post there.
_CAPABILITIES = ("webhook_url", "email_webhook_url")


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration; raise ConfigError with every problem at once.

    ``path`` None reads no file. An environment variable may hold JSON for lists; a list is also read
    from comma-separated text. ``PWAUTH_<KEY>_FILE`` names a file whose content is the value.
    """
    problems: list[str] = []
    values = sources.from_file(path, problems) | _from_environment(environment, problems)
    unknown = sorted(set(values) - set(Config.model_fields))
    problems += [f"{name}: unknown key{_where(name, environment)}" for name in unknown]
    values = {name: value for name, value in values.items() if name not in unknown}
    try:
        config = Config.model_validate(values)
    except ValidationError as invalid:
        faults = invalid.errors(include_input=False, include_url=False, include_context=False)
        problems += [f"{fault['loc'][0]}: {_sentence(fault['msg'])}" for fault in faults]
        # The rest is looked at all the same: one wrong number must not hide a weak secret.
        wrong = {fault["loc"][0] for fault in faults}
        config = Config.model_validate({name: value for name, value in values.items() if name not in wrong})
    problems += [problem for problem in checks.problems(config) if problem not in problems]
    if problems:
        raise ConfigError(problems)
    return config


def shown(config: Config) -> list[tuple[str, str]]:
    """Return every key with the value in force as text, also where an empty one leaves it to others; secrets are masked.

    Of an address that may hold one only the origin is shown.
    """
    follows = {
        "jwt_algorithm": config.algorithm,
        "jwt_audience": config.audience,
        "magic_link_base_url": config.link_url,
        "webauthn_rp_id": config.rp_id,
        "webauthn_origin": config.passkey_origins,
    }
    rows = {name: _masked(follows.get(name, getattr(config, name))) for name in Config.model_fields}
    return list((rows | {name: _without_path(getattr(config, name)) for name in _CAPABILITIES}).items())


def holds_secret(path: Path) -> bool:
    """Tell whether a configuration file holds a secret; of one that cannot be read nobody knows, so it may."""
    problems: list[str] = []
    values = sources.from_file(path, problems)
    return bool(problems) or any(bool(value) and _is_secret(name) for name, value in values.items())


def secret_files(environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return the files that hold secrets because a variable names them, by key."""
    files = sources.named_files(environment, known=Config.model_fields)
    return {name: path for name, path in files.items() if _is_secret(name)}


def _sentence(message: str) -> str:
    """Return a message as the rest of a line; the values that it names keep their case."""
    return message[:1].lower() + message[1:]


def _is_secret(name: str) -> bool:
    field = Config.model_fields.get(name)
    return field is not None and field.annotation in {SecretStr, list[SecretStr]}


def _where(name: str, environment: Mapping[str, str]) -> str:
    """Return in which variable a key stands, for who would look for it in the file; nothing if it stands there."""
    variable = sources.PREFIX + name.upper()
    return next((f" ({it} in the environment)" for it in (variable, f"{variable}_FILE") if it in environment), "")


def _masked(value: object) -> str:
    if isinstance(value, SecretStr):
        return json.dumps("********" if value.get_secret_value() else "")
    if isinstance(value, list):
        return "[" + ", ".join(_masked(item) for item in value) + "]"
    return json.dumps(value)


def _without_path(url: str) -> str:
    if not url:
        return '""'
    parts = urlsplit(url)
    return f'"{policy.origin_of(url)}/…"' if parts.path.strip("/") or parts.query else f'"{policy.origin_of(url)}{parts.path}"'


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    texts = sources.from_environment(environment, problems, known=Config.model_fields)
    return {name: _as_list(text) if _is_list(name) else text for name, text in texts.items()}


def _is_list(name: str) -> bool:
    field = Config.model_fields.get(name)
    return field is not None and str(field.annotation).startswith("list")


def _as_list(text: str) -> object:
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [item.strip() for item in text.split(",") if item.strip()]
