"""The arithmetic of the benchmarks: what they print is decided by it, so it must be right."""

import os
import time
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import TICKS, Sample, cpu_in, cpu_seconds, percentile, row

README = Path(__file__).parents[2] / "benchmarks" / "README.md"


def sample(rate: float, cost: float, failed: int = 0) -> Sample:
    """Return a round of one second at so many requests per second and microseconds of CPU each."""
    return Sample(requests=int(rate), seconds=1.0, cpu=rate * cost / 1e6, p50=2.0, p99=6.0, failed=failed)


def test_ratios_are_taken_within_a_round_and_then_their_median() -> None:
    """A minute in which the whole machine is half as fast changes medians, but no ratio."""
    base = [sample(10_000, 50), sample(5_000, 100), sample(10_000, 50)]
    found = row([sample(2_000, 250), sample(1_000, 500, failed=2), sample(2_000, 250)], base)
    assert (found.rate, found.failed) == (2_000, 2)
    assert found.cost == pytest.approx(250)
    assert found.rate_ratio == pytest.approx(0.2)
    assert found.cost_ratio == pytest.approx(0.2)


def test_a_server_that_answers_nothing_meets_no_target() -> None:
    """No division by zero, and a ratio of zero rather than a perfect one."""
    found = row([Sample(0, 1.0, 0.5, 0.0, 0.0, 7)], [sample(10_000, 50)])
    assert (found.rate_ratio, found.cost_ratio, found.failed) == (0.0, 0.0, 7)
    assert any("liveness" in line for line in report.table({"liveness": found}, {"bare": 40.0}))
    assert all(line.startswith("MISSED") for line in report.verdicts({"liveness": found}, {}))


def test_percentiles_stay_within_the_values() -> None:
    """Also of a single value."""
    assert [percentile(range(100), part) for part in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert percentile([3.0], 0.99) == 3.0


def test_cpu_is_read_from_the_kernel() -> None:
    """User and system time of all threads; a process may have blanks and parentheses in its name."""
    fields = " ".join(["S", *["0"] * 10, "300", "200", *["0"] * 20])
    assert cpu_in(f"17 (a (b) c) {fields}") == 500 / TICKS
    before = time.process_time()
    while time.process_time() - before < 0.05:
        pass
    assert cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.1)


def test_every_benchmark_is_described() -> None:
    """A stranger who wants to repeat a figure finds how."""
    makefile = (README.parents[1] / "Makefile").read_text()
    targets = [line.partition(":")[0] for line in makefile.splitlines() if line.startswith("bench")]
    assert [name for name in targets if f"make {name}" not in README.read_text()] == []
