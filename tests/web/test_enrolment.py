"""Without `first_use` nobody enrols without a session, whatever clients of the Rust server try (SEC-01)."""

import pytest

from tests.people import Device, Person
from tests.server import Server

ROWS = ("users", "totp", "passkeys", "challenges", "sessions", "audit_log", "email_queue")


@pytest.mark.parametrize("path", ("/totp/enroll", "/webauthn/register/options"))
def test_the_enrolling_calls_of_old_change_nothing(server: Server, device: Device, alice: Person, path: str) -> None:
    """They are 401 for a known and for a new address, in the same bytes, and leave no row behind (SEC-01)."""
    alice.sign_in()

    def rows() -> list[int]:
        return [server.sql(f"SELECT COUNT(*) FROM {table}")[0][0] for table in ROWS]

    before = rows()
    answers = [device.post(path, json={"email": email}) for email in (alice.address, "new@people.example")]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(401, "unauthenticated")] * 2
    assert rows() == before


def test_nobody_is_warned_of_what_is_off(server: Server) -> None:
    """The gauge is 0 and the log is silent."""
    assert server.metric("compat_first_use") == 0
    assert "first_use" not in "".join(server.log)
