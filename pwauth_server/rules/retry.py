"""When a letter that could not be delivered is tried again."""

#: Seconds before the second, third, … try; the last one repeats.
DELAYS = (10.0, 30.0, 120.0, 480.0, 1920.0, 7200.0)
#: Tries after which a letter without an end of its own is given up.
MAX_ATTEMPTS = 12
#: Seconds of life that are too few for another try.
SHORTEST = 20.0
#: Spread of the delay, so that a recovered SMTP server is not met by everybody at once.
JITTER = 0.2


def next_attempt(*, attempts: int, now: float, expires_at: float, chance: float) -> float | None:
    """Return when to try again (Unix seconds), or None when that is too late or was too often.

    ``attempts`` counts the tries made, ``expires_at`` ends the life of what the letter carries, and
    ``chance`` is uniform in [0, 1). Where the schedule would overshoot that end, half of the
    remaining life is waited instead: a link that lives ten minutes is still tried in its tenth.
    """
    remaining = expires_at - now
    if attempts >= MAX_ATTEMPTS or remaining < SHORTEST:
        return None
    delay = DELAYS[min(attempts, len(DELAYS)) - 1] * (1 - JITTER + 2 * JITTER * chance)
    return now + min(delay, remaining / 2)
