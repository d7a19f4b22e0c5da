"""Figures of the last hour, out of samples: what counters said each minute becomes what happened in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Seconds between two samples, and how many periods are looked back on.
EVERY, PERIODS = 60.0, 60
#: The share of letters that "almost all" means.
ALMOST_ALL = 0.95

Method = str


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted up to a moment since the process began, and the queue of that moment."""

    at: float
    #: For each method: how many sign-ins succeeded, how many failed.
    sign_ins: Mapping[Method, tuple[int, int]]
    #: Letters of each status.
    letters: Mapping[str, int]
    #: Delivered letters by the bound of seconds that they stayed below, as in the histogram; the last one has none.
    delivered: Sequence[int]
    #: Seconds that all of them together took.
    delivery_seconds: float

    @property
    def waiting(self) -> int:
        """Return how many letters have not left yet."""
        return self.letters.get("pending", 0) + self.letters.get("sending", 0)


@dataclass(frozen=True, slots=True)
class Period:
    """What happened between two samples."""

    #: Its end, in Unix seconds.
    until: float
    succeeded: int
    failed: int
    #: Letters that waited at its end.
    waiting: int
    #: Seconds from queueing to acceptance, on average; None if no letter was delivered.
    delivery: float | None

    @property
    def is_eventful(self) -> bool:
        """Tell whether there is anything to say about it."""
        return bool(self.succeeded or self.failed or self.waiting) or self.delivery is not None


@dataclass(frozen=True, slots=True)
class Hour:
    """The last hour, or what there was of it."""

    #: From when and until when, in Unix seconds.
    since: float
    until: float
    #: Oldest first.
    periods: Sequence[Period]
    #: Method by method: how many sign-ins succeeded, how many failed.
    sign_ins: Mapping[Method, tuple[int, int]]
    #: Letters that could not be delivered and still lie there.
    dead: int
    delivered: int
    #: Seconds from queueing to acceptance, on average; None if no letter was delivered.
    delivery: float | None
    #: Almost all letters took no longer than this many seconds; None if that is not known.
    delivery_bound: float | None

    @property
    def succeeded(self) -> int:
        """Return how many sign-ins succeeded."""
        return sum(succeeded for succeeded, _ in self.sign_ins.values())

    @property
    def failed(self) -> int:
        """Return how many sign-ins failed."""
        return sum(failed for _, failed in self.sign_ins.values())

    @property
    def waiting(self) -> int:
        """Return how many letters wait now."""
        return self.periods[-1].waiting


def hour(samples: Sequence[Sample], bounds: Sequence[float]) -> Hour:
    """Return what happened between the first of two or more samples and the last; ``bounds`` are the histogram's."""
    first, last = samples[0], samples[-1]
    delivered = _rises(first.delivered, last.delivered)
    return Hour(
        since=first.at,
        until=last.at,
        periods=[_period(before, after) for before, after in pairwise(samples)],
        sign_ins={method: _rise(first, last, method) for method in last.sign_ins},
        dead=last.letters.get("failed", 0),
        delivered=sum(delivered),
        delivery=_average(first, last),
        delivery_bound=_bound(delivered, bounds),
    )


def _period(before: Sample, after: Sample) -> Period:
    rises = [_rise(before, after, method) for method in after.sign_ins]
    return Period(
        until=after.at,
        succeeded=sum(succeeded for succeeded, _ in rises),
        failed=sum(failed for _, failed in rises),
        waiting=after.waiting,
        delivery=_average(before, after),
    )


def _rise(before: Sample, after: Sample, method: Method) -> tuple[int, int]:
    (succeeded, failed), (had_succeeded, had_failed) = after.sign_ins[method], before.sign_ins.get(method, (0, 0))
    return succeeded - had_succeeded, failed - had_failed


def _rises(before: Sequence[int], after: Sequence[int]) -> list[int]:
    return [now - then for then, now in zip(before, after, strict=True)]


def _average(before: Sample, after: Sample) -> float | None:
    count = sum(after.delivered) - sum(before.delivered)
    return (after.delivery_seconds - before.delivery_seconds) / count if count else None


def _bound(delivered: Sequence[int], bounds: Sequence[float]) -> float | None:
    """Return the bound of the bucket in which almost all letters are reached; beyond the last one nothing is known."""
    wanted, reached = ALMOST_ALL * sum(delivered), 0
    for bound, count in zip(bounds, delivered, strict=False):
        reached += count
        if reached and reached >= wanted:
            return bound
    return None
