"""What a refresh token means that is not the live one: one table (SEC-50 to SEC-53; RFC 9700 section 4.14.2)."""

from enum import Enum


class Verdict(Enum):
    """What to do with a refresh token whose signature is ours and which did not move its session on."""

    REPLAY = "replay"  #: its successor was issued moments ago and is unused: the answer got lost, give it again
    REUSED = "reused"  #: it was spent long ago: two parties hold this family, end it
    DEAD = "dead"  #: the session is over, or the token was never issued


def judge(*, presented: int, generation: int, rotated_at: float, is_live: bool, now: float, grace: float) -> Verdict:
    """Judge generation ``presented`` against a session at ``generation``; times in Unix seconds, grace in seconds.

    A successor counts as unused while the session is exactly one ahead. The window is half open: at
    ``rotated_at + grace`` it is over.
    """
    if not is_live or presented >= generation:
        return Verdict.DEAD
    if presented == generation - 1 and abs(now - rotated_at) < grace:  # a clock that was set back opens no longer window
        return Verdict.REPLAY
    return Verdict.REUSED
