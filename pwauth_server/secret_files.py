"""The master secret: from the configuration, or generated once into ``secrets/`` beside the database (SEC-71)."""

import base64
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from pwauth_server.adapters.entropy import Entropy
from pwauth_server.config import Config
from pwauth_server.errors import ConfigError
from pwauth_server.rules import weak_secrets


def secret_keys(config: Config, entropy: Entropy, *, is_first_start: bool) -> Sequence[str]:
    """Return the ring's secrets, the sealing one first.

    Without ``secret_key`` the file is used. It is made (0600) on the first start only: a file that was
    lost later leads to a refused start, not to a second beginning. Raises ConfigError.
    """
    if config.secret_key:
        return [secret.get_secret_value() for secret in config.secret_key]
    path = config.secret_key_file
    if not path.exists():
        if not is_first_start:
            raise ConfigError([f"secret_key: {path} is missing, and this database was sealed with it; put it back"])
        _generate(path, entropy)
    return [_read(path)]


def _read(path: Path) -> str:
    try:
        mode, secret = path.stat().st_mode, path.read_text().strip()
    except OSError as cause:
        raise ConfigError([f"secret_key: {path} cannot be read ({cause.strerror})"]) from cause
    except UnicodeDecodeError as cause:
        raise ConfigError([f"secret_key: {path} is not text"]) from cause
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError([f"secret_key: {path} is open to others; chmod 600 it"])
    if why := weak_secrets.problem(secret):
        raise ConfigError([f"secret_key: the secret in {path} {why}"])
    return secret


def _generate(path: Path, entropy: Entropy) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = base64.urlsafe_b64encode(entropy.random(48)).decode()
    # Written aside and renamed into place: a crash leaves no half a key, and of two starting
    # processes the first one's key stays (`link` does not overwrite).
    aside = path.with_name(f".{path.name}.{entropy.random(8).hex()}")
    descriptor = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
