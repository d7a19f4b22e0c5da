"""What a presented refresh token means: one table (SEC-50 to SEC-53; RFC 9700 section 4.14.2)."""

from enum import Enum


class Verdict(Enum):
    """What to do with a refresh token whose signature is ours."""

    ROTATE = "rotate"  #: it is the live one: issue its successor
    REPLAY = "replay"  #: its successor was issued moments ago and is unused: the answer got lost, give it again
    REUSED = "reused"  #: it was spent long ago: two parties hold this family, end it
    DEAD = "dead"  #: the session is over, or the token was never issued


def judge(
    *,
    presented: int,
    generation: int,
    rotated_at: float,
    expires_at: float,
    ended: bool,
    now: float,
    grace: float,
) -> Verdict:
    """Judge generation ``presented`` against a session row; times in Unix seconds, grace in seconds.

    ``expires_at`` is the earlier of idle and absolute end. A successor counts as unused while the
    row's generation is exactly one ahead. The window is half open: at ``rotated_at + grace`` it is over.
    """
    if ended or now >= expires_at or presented > generation:
        return Verdict.DEAD
    if presented == generation:
        return Verdict.ROTATE
    if presented == generation - 1 and now - rotated_at < grace:
        return Verdict.REPLAY
    return Verdict.REUSED
