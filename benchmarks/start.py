"""How soon the server answers and how much memory it takes: ``python -m benchmarks.start`` (T10)."""

import argparse
import asyncio
import subprocess
import time
from pathlib import Path
from statistics import median

from benchmarks.load import Load, drive
from benchmarks.report import verdict
from benchmarks.servers import PYTHON, SERVER_CORE, environment, pwauth, running, workshop
from benchmarks.world import bodies, make_keys, opened, sign_in_many, write_lines
from pwauth_server.config import Config

RUNS, REQUESTS = 7, 100_000
#: Seconds until a server that nobody asks has settled.
SETTLED = 1.0
PACKAGES = (
    "asyncio", "sanic", "sanic_ext", "tortoise.backends.sqlite", "asyncpg", "pydantic", "cryptography.x509", "jwt", "limits",
    "prometheus_client", "aiosmtplib", "jinja2", "webauthn", "pyotp", "yaml", "aerich", "pwauth_server.commands.serve",
)  # fmt: skip
_IMPORT = """
import importlib, time
begun = time.perf_counter()
importlib.import_module({name!r})
seconds = time.perf_counter() - begun
rss = next(line for line in open("/proc/self/status") if line.startswith("VmRSS:")).split()[1]
print(seconds * 1000, int(rss) / 1024)
"""


def main() -> None:
    """Measure first and later starts, memory, and what each import costs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start")
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    with workshop() as folder:
        found = [_starts(folder / str(number)) for number in range(runs)]
        loaded = _after_load(folder / "loaded")
    first, later, idle = (median(column) for column in zip(*found, strict=True))
    print(f"first start (database and keys are made) {first:.2f} s, later {later:.2f} s")
    print(f"idle {idle:.1f} MB, after {REQUESTS} requests {loaded:.1f} MB\n")
    print("import, alone in a fresh interpreter        ms      MB")
    for name in PACKAGES:
        milliseconds, megabytes = _import_cost(name, runs)
        print(f"  {name:36} {milliseconds:7.0f} {megabytes:7.1f}")
    print()
    print(verdict("T10", "first answer ≤ 0.8 s after start", f"{later:.2f} s (first start {first:.2f} s)", met=later <= 0.8))
    print(verdict("T10", "idle ≤ 75 MB", f"{idle:.1f}", met=idle <= 75))
    print(verdict("T10", f"≤ 90 MB after {REQUESTS} requests", f"{loaded:.1f}", met=loaded <= 90))


def _starts(folder: Path) -> tuple[float, float, float]:
    """Return seconds to the first answer on a new folder and on a used one, and idle memory in MB."""
    folder.mkdir()
    _, server = pwauth(folder)
    first = server.start()
    server.stop()
    later = server.start()
    time.sleep(SETTLED)
    idle = server.rss()
    server.stop()
    return first, later, idle


def _after_load(folder: Path) -> float:
    """Return the memory in MB after a mixture of cheap and expensive requests."""
    folder.mkdir()
    config, server = pwauth(folder)
    loads = asyncio.run(_furnish(config, folder))
    with running(server):
        answered = 0
        while answered < REQUESTS:
            answered += sum(drive(server, load, seconds=2).requests for load in loads)
        return server.rss()


async def _furnish(config: Config, folder: Path) -> tuple[Load, ...]:
    async with opened(config) as deps:
        pairs = await sign_in_many(deps, 1000)
        keys = await make_keys(deps, pairs[0])
    write_lines(folder / "token.txt", bodies("token", [keys.access_token]))
    write_lines(folder / "refresh.txt", (pair.refresh_token for pair in pairs))
    return (
        Load("/liveness"),
        Load("/token/introspect", "same", "token.txt", keys.api_key),
        Load("/token/refresh", "rotate", "refresh.txt"),
    )


def _import_cost(name: str, runs: int) -> tuple[float, float]:
    """Return milliseconds and MB of one import, medians."""
    command = ["taskset", "-c", SERVER_CORE, PYTHON, "-c", _IMPORT.format(name=name)]
    found = [subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout.split() for _ in range(runs)]
    return median(float(it[0]) for it in found), median(float(it[1]) for it in found)


if __name__ == "__main__":
    main()
