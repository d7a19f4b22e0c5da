"""Samples, and what happened between them."""

from dataclasses import replace

import pytest

from pwauth_server.rules import live
from pwauth_server.rules.live import Period, Sample

BOUNDS = (1.0, 10.0)
START = Sample(at=1000.0, sign_ins={"code": (5, 1), "totp": (0, 0)}, letters={}, delivered=(9, 9, 9), delivery_seconds=99.0)


def test_counters_become_what_happened() -> None:
    """Only rises count: what was before the hour is not in it."""
    first = replace(START, at=1060.0, sign_ins={"code": (7, 1), "totp": (0, 3)}, letters={"pending": 2, "sending": 1, "failed": 4})
    second = replace(first, at=1090.0, letters={"sent": 3, "failed": 4}, delivered=(10, 10, 9), delivery_seconds=105.0)
    hour = live.hour([START, first, second], BOUNDS)
    assert hour.periods == [Period(1060.0, 2, 3, 3, None), Period(1090.0, 0, 0, 0, 3.0)]
    assert [it.is_eventful for it in hour.periods] == [True, True]
    assert (hour.since, hour.until, hour.sign_ins, hour.dead) == (1000.0, 1090.0, {"code": (2, 0), "totp": (0, 3)}, 4)
    assert (hour.succeeded, hour.failed, hour.waiting, hour.delivered, hour.delivery, hour.delivery_bound) == (2, 3, 0, 2, 3.0, 10.0)


def test_an_idle_hour_has_no_average() -> None:
    """Nothing was delivered, so nobody knows how long that takes."""
    hour = live.hour([START, replace(START, at=1060.0)], BOUNDS)
    assert (hour.delivered, hour.delivery, hour.delivery_bound) == (0, None, None)
    assert not hour.periods[0].is_eventful


@pytest.mark.parametrize(
    ("delivered", "bound"),
    (((95, 5, 0), 1.0), ((94, 6, 0), 10.0), ((1, 0, 0), 1.0), ((0, 1, 0), 10.0), ((94, 0, 6), None), ((0, 0, 1), None)),
)
def test_almost_all_letters_stay_below_a_bound(delivered: tuple[int, ...], bound: float | None) -> None:
    """95 of 100; beyond the last bound of the histogram nothing is known."""
    none = replace(START, delivered=(0, 0, 0))
    assert live.hour([none, replace(none, delivered=delivered)], BOUNDS).delivery_bound == bound
