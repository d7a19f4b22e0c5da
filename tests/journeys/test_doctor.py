"""`pwauth doctor` beside a running server: what it sees is what really came."""

import shutil
from pathlib import Path

import pytest

from tests.people import Device
from tests.server import running


@pytest.mark.parametrize(
    ("settings", "headers", "level"),
    (
        ({}, {"x-forwarded-for": "203.0.113.9"}, "fail"),
        ({"trusted_proxies": "127.0.0.1"}, {"x-forwarded-for": "203.0.113.9"}, "ok"),
        ({"trusted_proxies": "127.0.0.1"}, {}, "fail"),
        ({}, {}, "ok"),
    ),
)
def test_a_proxy_that_is_set_up_wrong_is_found(
    tmp_path: Path, sqlite_template: Path, settings: dict[str, str], headers: dict[str, str], level: str
) -> None:
    """One that is not trusted, or that names no client, makes all people share one limit (SEC-61)."""
    shutil.copy(sqlite_template, tmp_path / "auth.db")
    with running(tmp_path, settings) as server:
        assert Device(server, headers).get("/me").status_code == 401
        head, *rows = (line.split("\t") for line in server.command("doctor").splitlines())
        assert head == ["level", "subject", "finding", "remedy"]
        assert [row[0] for row in rows if row[1] == "proxy"] == [level]
        found = {row[1]: row[0] for row in rows}
        assert (found["smtp"], found["schema"], found["queue"]) == ("ok", "ok", "ok")
        assert [row[0] for row in rows if row[1] == "address"] == ["warn", "ok"], "only this machine reaches it, but it answers"
