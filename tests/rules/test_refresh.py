import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules.refresh import Verdict, judge

#: A live session at generation 5 that rotated at 1000; ten seconds of grace.
SESSION = {"generation": 5, "rotated_at": 1000.0, "is_live": True, "grace": 10.0}


@pytest.mark.parametrize(
    ("presented", "now", "verdict"),
    (
        (4, 1000.0, Verdict.REPLAY),
        (4, 1002.0, Verdict.REPLAY),
        (4, 1009.999, Verdict.REPLAY),
        (4, 1010.0, Verdict.REUSED),
        (4, 1011.0, Verdict.REUSED),
        (4, 999.0, Verdict.REPLAY),  # the clock was set back
        (3, 1000.0, Verdict.REUSED),
        (0, 1000.0, Verdict.REUSED),
        (5, 1000.0, Verdict.DEAD),  # the live one that did not move its session on: it was forbidden
        (6, 1000.0, Verdict.DEAD),
        (10**15, 1000.0, Verdict.DEAD),
    ),
)
def test_a_refresh_token_is_judged_by_the_table(presented: int, now: float, verdict: Verdict) -> None:
    """The predecessor of the live token replays within the grace, all older ones are theft (SEC-50, SEC-51, SEC-52)."""
    assert judge(presented=presented, now=now, **SESSION) is verdict  # type: ignore[arg-type]


@given(st.integers(0, 10), st.floats(0, 3000))
def test_a_session_that_is_over_is_dead_for_every_token(presented: int, now: float) -> None:
    """No token of an ended session replays or sounds the alarm again (SEC-52, SEC-53)."""
    assert judge(presented=presented, now=now, **(SESSION | {"is_live": False})) is Verdict.DEAD  # type: ignore[arg-type]


@given(st.integers(0, 10), st.floats(1000, 1999))
def test_without_grace_nothing_is_ever_replayed(presented: int, now: float) -> None:
    """With a grace of 0 a second use is theft even in the same instant (SEC-50, SEC-51)."""
    assert judge(presented=presented, now=now, **(SESSION | {"grace": 0.0})) is not Verdict.REPLAY  # type: ignore[arg-type]


@given(st.integers(0, 10), st.integers(0, 10), st.floats(0, 3000), st.floats(0, 60))
def test_only_the_direct_predecessor_is_replayed(presented: int, generation: int, now: float, grace: float) -> None:
    """Whatever the times, a spent token never gets more than the one successor it had (SEC-50)."""
    verdict = judge(presented=presented, now=now, **(SESSION | {"generation": generation, "grace": grace}))  # type: ignore[arg-type]
    if verdict is Verdict.REPLAY:
        assert presented == generation - 1
        assert now - 1000.0 < grace
