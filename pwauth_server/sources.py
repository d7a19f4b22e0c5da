"""Where settings stand: config.toml, ``PWAUTH_<KEY>`` and ``PWAUTH_<KEY>_FILE``, read but not yet understood.

Only the standard library is needed here, so that a probe learns the port without loading the server.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

PREFIX = "PWAUTH_"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 3000


def from_file(path: Path | None, problems: list[str]) -> dict[str, Any]:
    """Return what a TOML file holds; None is no file. A file that cannot be read is a problem."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except OSError as cause:
        problems.append(f"{path}: cannot be read ({cause.strerror})")
    except tomllib.TOMLDecodeError as cause:
        # The message names line and column, not the text that stands there.
        problems.append(f"{path}: not TOML ({cause})" if "\n" not in str(cause) else f"{path}: not TOML")
    except UnicodeDecodeError:
        problems.append(f"{path}: not UTF-8 text")
    return {}


def _ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX).lower(): environment[name] for name in sorted(environment) if name.startswith(PREFIX)}


def _names_file(name: str, known: Collection[str]) -> bool:
    return name.endswith("_file") and name not in known


def named_files(environment: Mapping[str, str], *, known: Collection[str] = ()) -> dict[str, Path]:
    """Return the files that our variables name, by key."""
    return {name.removesuffix("_file"): Path(text) for name, text in _ours(environment).items() if _names_file(name, known)}


def from_environment(environment: Mapping[str, str], problems: list[str], *, known: Collection[str] = ()) -> dict[str, str]:
    """Return the texts of all our variables by key, a file's before its variable's; ``known`` keys that end in ``_file`` name none.

    A file that cannot be read is a problem also where a variable has a value: whoever named it wants no other secret.
    """
    values = {name: text for name, text in _ours(environment).items() if not _names_file(name, known)}
    for name, path in named_files(environment, known=known).items():
        try:
            values[name] = path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            problems.append(f"{name}: the file that {PREFIX}{name.upper()}_FILE names cannot be read")
    return values
