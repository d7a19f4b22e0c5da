"""The arithmetic: one measurement, medians over rounds, ratios within a round, what /proc says."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

#: How many ticks of the kernel's accounting make a second.
TICKS = os.sysconf("SC_CLK_TCK")
#: Positions of utime and stime after the name in /proc/<pid>/stat (proc(5), fields 14 and 15).
_UTIME, _STIME = 11, 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One server under one load for one round."""

    requests: int
    seconds: float
    #: Seconds of CPU, user and system, that the server's process used meanwhile.
    cpu: float
    #: Latency in milliseconds.
    p50: float
    p99: float
    #: Answers that were not 2xx, and connections that broke.
    failed: int

    @property
    def rate(self) -> float:
        """Return requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cost(self) -> float:
        """Return microseconds of CPU per request; infinite if nothing was answered."""
        return self.cpu / self.requests * 1e6 if self.requests else float("inf")


@dataclass(frozen=True, slots=True)
class Row:
    """What one load came to: medians over all rounds; costs in microseconds, latencies in milliseconds."""

    rate: float
    cost: float
    p50: float
    p99: float
    failed: int
    #: Against the bare route in the same round; 1 would be as good.
    rate_ratio: float
    cost_ratio: float

    @property
    def tail(self) -> float:
        """Return p99 as a multiple of p50; infinite if nothing was answered."""
        return self.p99 / self.p50 if self.p50 else float("inf")

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def row(samples: Sequence[Sample], base: Sequence[Sample]) -> Row:
    """Return the medians of a load and its ratios to ``base``, round by round."""
    return Row(
        rate=median(it.rate for it in samples),
        cost=median(it.cost for it in samples),
        p50=median(it.p50 for it in samples),
        p99=median(it.p99 for it in samples),
        failed=sum(it.failed for it in samples),
        rate_ratio=ratio(samples, base, lambda it: it.rate),
        cost_ratio=ratio(base, samples, lambda it: it.cost),
    )


def ratio(upper: Iterable[Sample], lower: Iterable[Sample], of: Callable[[Sample], float]) -> float:
    """Return the median over rounds of ``of(upper) / of(lower)`` within the same round; 0 where nothing was answered."""
    return median(of(a) / of(b) if of(b) else 0.0 for a, b in zip(upper, lower, strict=True))


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which ``part`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, that all threads of a process have used (seconds)."""
    return cpu_in(Path(f"/proc/{pid}/stat").read_text())


def cpu_in(stat: str) -> float:
    """Return the CPU seconds that a line of ``/proc/<pid>/stat`` tells of."""
    # The name in parentheses may hold blanks and parentheses itself: count from the last one.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / TICKS


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (of 1024 kB, as `ps` and the kernel count)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024
