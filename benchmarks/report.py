"""The table, the targets, and the comparison with an earlier run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Row

Rows = Mapping[str, Row]
_HEAD = ("load", "req/s", "x bare", "CPU µs", "CPU x bare", "p50 ms", "p99 ms", "p99/p50", "not 2xx")

#: The loads whose tail is judged.
OURS = ("liveness", "me", "introspect", "introspect-new", "refresh", "magic", "magic-mail", "verify")


@dataclass(frozen=True, slots=True)
class Target:
    """A promise of ours: a figure that must be reached, read from the rows that the run has."""

    number: str
    promise: str
    wanted: float
    #: Loads without which there is nothing to say.
    needs: tuple[str, ...]
    #: By CPU per request: what decides, because it repeats.
    by_cpu: Callable[[Rows], float]
    #: By requests per second: printed beside it.
    by_rate: Callable[[Rows], float]


def _bare(number: str, load: str, wanted: float) -> Target:
    return Target(number, f"{load} ≥ {wanted:.2f} x bare", wanted, (load,), lambda r: r[load].cost_ratio, lambda r: r[load].rate_ratio)


def _over(number: str, load: str, other: str, wanted: float) -> Target:
    return Target(
        number,
        f"{load} ≥ {wanted:g} x {other}",
        wanted,
        (load, other),
        lambda r: r[other].cost / r[load].cost,
        lambda r: r[load].rate / max(r[other].rate, 1e-9),
    )


TARGETS = (
    _bare("T1", "liveness", 0.70),
    _bare("T2", "introspect", 0.55),
    _bare("T2", "me", 0.55),
    _bare("T3", "introspect-new", 0.17),
    _bare("T4", "refresh", 0.18),
    _over("T4", "refresh", "naive-refresh", 7),
    _bare("T5", "magic", 0.18),
    _over("T5", "magic", "naive-magic", 5),
    # With the delivery of the letters that leave meanwhile: the naive version sends none.
    _bare("T5", "magic-mail", 0.18),
    _over("T5", "magic-mail", "naive-magic", 5),
    _bare("T5", "verify", 0.10),
)


def table(rows: Rows, rss: Mapping[str, float]) -> Iterator[str]:
    """Yield the lines of the table: medians over rounds."""
    yield _line(_HEAD)
    for name, it in rows.items():
        cells = (
            f"{it.rate:.0f}",
            f"{it.rate_ratio:.2f}",
            f"{it.cost:.0f}",
            f"{it.cost_ratio:.2f}",
            f"{it.p50:.1f}",
            f"{it.p99:.1f}",
            f"{it.tail:.1f}",
        )
        yield _line((name, *cells, str(it.failed)))
    yield ""
    yield "naive / ours, CPU per request (and throughput the other way round):"
    for name in ("refresh", "introspect", "magic"):
        ours, naive = rows.get(name), rows.get(f"naive-{name}")
        if ours and naive:
            yield f"  {name:14} {naive.cost / ours.cost:5.1f}  ({ours.rate / max(naive.rate, 1e-9):.1f})"
    yield "resident memory at the end, MB: " + ", ".join(f"{name} {mb:.1f}" for name, mb in rss.items())


def verdicts(rows: Rows, grouping: Mapping[str, float]) -> Iterator[str]:
    """Yield one line for each target that the run can judge."""
    for it in TARGETS:
        if set(it.needs) <= set(rows):
            by_cpu = it.by_cpu(rows)
            yield verdict(it.number, it.promise, f"CPU {by_cpu:.2f}, throughput {it.by_rate(rows):.2f}", met=by_cpu >= it.wanted)
    if {"refresh", "refresh-normal"} <= set(rows):
        # Waiting for the disk costs time and no CPU: here throughput is the question.
        by_rate = rows["refresh"].rate / max(rows["refresh-normal"].rate, 1e-9)
        by_cpu = rows["refresh-normal"].cost / rows["refresh"].cost
        yield verdict("T6", "FULL ≥ 0.80 x NORMAL", f"throughput {by_rate:.2f}, CPU {by_cpu:.2f}", met=by_rate >= 0.80)
    if grouping:
        times = grouping["grouped"] / grouping["alone"]
        facts = f"{times:.2f} ({grouping['grouped']:.0f}/s against {grouping['alone']:.0f}/s)"
        yield verdict("T6", "64 rotations in groups ≥ 5 x one commit each", facts, met=times >= 5)
    for name in (name for name in OURS if name in rows):
        tail = rows[name].tail
        yield verdict("T8", f"{name}: p99 ≤ 4 x p50", f"{tail:.1f}", met=tail <= 4)
    failed = sum(it.failed for it in rows.values())
    yield verdict("", "every answer is 2xx", f"{failed} are not", met=failed == 0)


def compared(rows: Rows, earlier: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield how CPU per request, against bare in its own run, changed since an earlier run; above 1 is better."""
    yield "since the earlier run (CPU x bare: then, now, now/then)"
    for name, it in rows.items():
        then = earlier.get(name, {}).get("cost_ratio")
        if then:
            yield f"  {name:16} {then:6.2f} {it.cost_ratio:6.2f} {it.cost_ratio / then:6.2f}"


def verdict(number: str, promise: str, found: str, *, met: bool) -> str:
    """Return the line that says whether a target is met."""
    return f"{'met   ' if met else 'MISSED'} {number:4} {promise:46} {found}"


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:16}" + "".join(f"{cell:>11}" for cell in cells[1:])
