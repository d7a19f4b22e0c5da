"""Bars as SVG paths."""

import re

import pytest

from pwauth_server.rules import charts


def read(path: str) -> list[tuple[int, int, int]]:
    """Return left edge, lower edge and height of each bar."""
    return [(int(x), int(y), int(up)) for x, y, up in re.findall(r"M(\d+) (\d+)h3v-(\d+)h-3z", path)]


def test_bars_end_at_the_right_edge() -> None:
    """The newest is on the right, however few there are; what is nothing has no bar."""
    assert charts.width(5) == 20
    assert read(charts.bars([1, 0, 4], places=5, top=4)) == [(8, 40, 10), (16, 40, 40)]


def test_bars_stand_on_others() -> None:
    """A stack is never higher than the chart, whatever rounding does."""
    below, above = [1, 3, 0], [2, 0, 3]
    assert read(charts.bars(above, places=3, top=3, below=below)) == [(0, 27, 27), (8, 40, 40)]
    for many in range(1, 400):
        stacked = read(charts.bars([1], places=1, top=many + 1, below=[many]))
        assert all(lower - height >= 0 for _, lower, height in stacked)


@pytest.mark.parametrize(("values", "top"), (([], 0), ([0, 0], 0), ([0], 5)))
def test_nothing_is_drawn_of_nothing(values: list[float], top: float) -> None:
    """An idle server has an empty chart, not a division by zero."""
    assert charts.bars(values, places=5, top=top) == ""


def test_a_little_can_be_seen() -> None:
    """One sign-in beside a thousand is one unit high."""
    assert read(charts.bars([1, 1000], places=2, top=1000)) == [(0, 40, 1), (4, 40, 40)]
