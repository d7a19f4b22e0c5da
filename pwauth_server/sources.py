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


def named_files(environment: Mapping[str, str], *, known: Collection[str] = ()) -> dict[str, Path]:
    """Return the files that our variables name, by key."""
    ours = {variable.removeprefix(PREFIX).lower(): text for variable, text in environment.items() if variable.startswith(PREFIX)}
    return {name.removesuffix("_file"): Path(text) for name, text in ours.items() if name.endswith("_file") and name not in known}


def from_environment(environment: Mapping[str, str], problems: list[str], *, known: Collection[str] = ()) -> dict[str, str]:
    """Return the texts of all our variables by key; those of ``known`` keys that end in ``_file`` are no file names."""
    values: dict[str, str] = {}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX):
            continue
        name, text = variable.removeprefix(PREFIX).lower(), environment[variable]
        if name.endswith("_file") and name not in known:
            name = name.removesuffix("_file")
            if PREFIX + name.upper() in environment:
                problems.append(f"{name}: both {PREFIX}{name.upper()} and {variable} are set")
                continue
            try:
                text = Path(text).read_text().strip()
            except (OSError, UnicodeDecodeError):
                problems.append(f"{name}: the file that {variable} names cannot be read")
                continue
        values[name] = text
    return values
