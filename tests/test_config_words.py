"""A configuration speaks of each setting as its reader wrote it, and of surprises before they happen."""

from pathlib import Path

import pytest

from pwauth_server.config import load, notes
from pwauth_server.errors import ConfigError
from tests.test_cli import Host


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
