"""How long a scrape of the metrics keeps everybody else waiting: ``python -m benchmarks.scrape`` (T9).

Rows are counted in a thread, so this one is not pinned: on a single core the kernel gives that thread slices of
three to four milliseconds, which no program decides.
"""

import argparse
import asyncio
import time
from statistics import median

from benchmarks.report import verdict
from benchmarks.servers import workshop
from benchmarks.world import fill, opened
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.flows import health

#: Histogram children besides those of the statements: routes times methods.
ROUTES, METHODS = 60, ("GET", "POST", "DELETE")


def main() -> None:
    """Scrape a registry with many series over databases of different sizes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scrape")
    parser.add_argument("--scrapes", type=int, default=50)
    parser.add_argument("--sessions", type=lambda text: [int(size) for size in text.split(",")], default=[0, 100_000])
    options = parser.parse_args()
    with workshop() as folder:
        for size in options.sessions:
            config = Config(database_path=str(folder / f"{size}.db"))
            stops, length = asyncio.run(_measure(config, size, options.scrapes))
            found = f"{median(stops):.1f} ms (longest {max(stops):.1f}), {length} bytes"
            print(verdict("T9", f"stops the loop ≤ 5 ms, {size} sessions", found, met=median(stops) <= 5))


async def _measure(config: Config, size: int, scrapes: int) -> tuple[list[float], int]:
    """Return the longest stop of the loop in each scrape (milliseconds), and the size of one."""
    async with opened(config) as deps:
        if size:
            fill(config.database_path, size)
        for route in range(ROUTES):
            for method in METHODS:
                deps.metrics.request(method, f"/route/{route}", 200, 0.001 * route)
        text = await health.exposition(deps)
        return [await _longest_stop(deps) for _ in range(scrapes)], len(text)


async def _longest_stop(deps: Deps) -> float:
    """Scrape while a task that only wants its turn notes how long it waits for it."""
    done, longest = asyncio.Event(), 0.0

    async def turn() -> None:
        nonlocal longest
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - begun)

    waiting = asyncio.create_task(turn())
    await asyncio.sleep(0.01)
    longest = 0.0
    await health.exposition(deps)
    await asyncio.sleep(0)
    done.set()
    await waiting
    return longest * 1000


if __name__ == "__main__":
    main()
