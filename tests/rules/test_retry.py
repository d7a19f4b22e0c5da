import pytest

from pwauth_server.rules.retry import DELAYS, MAX_ATTEMPTS, SHORTEST, next_attempt

NOW = 1000.0
LONG = NOW + 1e6
MIDDLE = 0.5


@pytest.mark.parametrize(("attempts", "delay"), ((1, 10), (2, 30), (3, 120), (4, 480), (5, 1920), (6, 7200), (7, 7200), (11, 7200)))
def test_each_try_waits_longer_up_to_the_last_delay(attempts: int, delay: float) -> None:
    """A mail server that is away is asked soon at first, then ever more rarely (SEC-84)."""
    assert next_attempt(attempts=attempts, now=NOW, expires_at=LONG, chance=MIDDLE) == pytest.approx(NOW + delay)


@pytest.mark.parametrize(("chance", "factor"), ((0.0, 0.8), (0.5, 1.0), (0.999_999, 1.2)))
def test_the_delay_is_spread_by_a_fifth(chance: float, factor: float) -> None:
    """A server that comes back is not met by everybody in the same second."""
    found = next_attempt(attempts=2, now=NOW, expires_at=LONG, chance=chance)
    assert found == pytest.approx(NOW + DELAYS[1] * factor, rel=1e-5)


@pytest.mark.parametrize("attempts", (3, 4, 6))
def test_a_short_life_is_halved_instead_of_overshot(attempts: int) -> None:
    """A link of which a minute is left is still tried within that minute, and never after it (SEC-84)."""
    assert next_attempt(attempts=attempts, now=NOW, expires_at=NOW + 60, chance=MIDDLE) == NOW + 30


@pytest.mark.parametrize("left", (SHORTEST - 0.001, 0.0, -5.0))
def test_a_life_that_is_nearly_over_is_not_tried_again(left: float) -> None:
    """Nobody can use a link that arrives when it is over (SEC-84)."""
    assert next_attempt(attempts=1, now=NOW, expires_at=NOW + left, chance=MIDDLE) is None


def test_after_twelve_tries_a_letter_is_given_up() -> None:
    """A letter that no server takes does not stay in the queue for good (SEC-84)."""
    assert next_attempt(attempts=MAX_ATTEMPTS - 1, now=NOW, expires_at=LONG, chance=MIDDLE) is not None
    assert next_attempt(attempts=MAX_ATTEMPTS, now=NOW, expires_at=LONG, chance=MIDDLE) is None
