"""Does a refresh cost more among a million sessions, or while old ones are purged? ``python -m benchmarks.growth`` (T7, T8)."""

import argparse
import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Sample, ratio, row
from benchmarks.load import Load, drive
from benchmarks.report import verdict
from benchmarks.servers import Server, pwauth, running, workshop
from benchmarks.world import DAY, fill, opened, some_refresh_tokens, write_lines

#: Refresh tokens in turn: so many that the pages they touch are spread over the table.
TOKENS = 20_000
_LOAD = Load("/token/refresh", "rotate", "refresh.txt")


def main() -> None:
    """Measure every size in interleaved rounds and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--expired", type=int, default=300_000, help="sessions to purge beside the largest size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    with workshop() as folder:
        servers = {f"{size:_}": _server(folder / str(size), size) for size in options.sizes}
        servers["purging"] = _server(folder / "purging", options.sizes[-1], options.expired)
        with running(*servers.values()):
            purging = servers["purging"]
            purging.sleep()  # it purges from its first second on: keep that for its rounds
            before = _sessions(purging.folder)
            samples = _rounds(servers, options)
            deleted = before - _sessions(purging.folder)
    _print(samples, deleted, options.rounds * options.seconds)


def _server(folder: Path, live: int, expired: int = 0) -> Server:
    folder.mkdir()
    config, server = pwauth(folder)

    async def furnish() -> None:
        async with opened(config) as deps:
            if expired:
                fill(config.database_path, expired, age=40 * DAY)
            fill(config.database_path, live)
            write_lines(folder / "refresh.txt", await some_refresh_tokens(deps, TOKENS))

    asyncio.run(furnish())
    return server


def _rounds(servers: dict[str, Server], options: argparse.Namespace) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, server in servers.items():
            server.wake()
            samples[name].append(drive(server, _LOAD, seconds=options.seconds))
            server.sleep()
    return samples


def _sessions(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "auth.db")) as raw:
        count: int = raw.execute("SELECT COUNT(*) FROM sessions").fetchone()[0]
        return count


def _print(samples: dict[str, list[Sample]], deleted: int, seconds: int) -> None:
    names = list(samples)
    smallest, largest = samples[names[0]], samples[names[-2]]
    for name, found in samples.items():
        it = row(found, smallest)
        latency = f"p50 {it.p50:5.1f} ms, p99 {it.p99:5.1f} ms"
        print(f"{name:>10} sessions: {it.rate:6.0f} req/s, {it.cost:5.0f} µs CPU, {latency}, not 2xx {it.failed}")
    print(f"purged meanwhile: {deleted} sessions, {deleted / seconds:.0f}/s\n")
    growth = ratio(largest, smallest, lambda it: it.cost)
    slower = ratio(samples["purging"], largest, lambda it: it.p99)
    print(verdict("T7", f"CPU at {names[-2]} ≤ 1.10 x at {names[0]}", f"{growth:.2f}", met=growth <= 1.10))
    print(verdict("T8", "purging raises p99 ≤ 1.5 x", f"{slower:.2f}", met=slower <= 1.5))


if __name__ == "__main__":
    main()
