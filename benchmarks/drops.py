"""A thousand clients hang up in the middle; the server must go on: ``python -m benchmarks.drops`` (T11)."""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.report import verdict
from benchmarks.servers import pwauth, running, workshop
from benchmarks.talk import call
from benchmarks.world import opened, send_links, sign_in_many
from pwauth_server.config import Config

AT_ONCE = 32
#: A client hangs up within so many seconds of its request: some before it is read, some after the commit.
LONGEST = 0.02
#: Seconds that an answer may take afterwards.
PATIENCE = 5.0
Asked = tuple[str, dict[str, Any]]


def main() -> None:
    """Drop, then ask ten times for each verb."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drops")
    parser.add_argument("--clients", type=int, default=1000)
    clients = parser.parse_args().clients
    with workshop() as folder:
        config, server = pwauth(folder)
        requests = asyncio.run(_requests(config, clients + 30))
        with running(server):
            answered = asyncio.run(_drop_and_ask(server.port, requests, clients))
    for path, count in answered.items():
        print(verdict("T11", f"{path} after {clients} dropped clients", f"{count} of 10", met=count == 10))
    sys.exit(set(answered.values()) != {10})


async def _requests(config: Config, count: int) -> Iterator[Asked]:
    """Return requests that each work once: refresh, verify, request in turn."""
    async with opened(config) as deps:
        pairs, links = await sign_in_many(deps, count), await send_links(deps, count)
    verbs: tuple[Iterator[Asked], ...] = (
        iter([("/token/refresh", {"refresh_token": pair.refresh_token}) for pair in pairs]),
        iter([("/verify/magic", {"token": link, "confirm_other_device": True}) for link in links]),
        iter([("/request/magic", {"email": f"someone{number}@example.com"}) for number in range(count)]),
    )
    return (next(verbs[number % 3]) for number in range(count))


async def _drop_and_ask(port: int, requests: Iterator[Asked], clients: int) -> dict[str, int]:
    gate, chance = asyncio.Semaphore(AT_ONCE), random.Random(1)

    async def drop(asked: Asked) -> None:
        async with gate:
            line = await call(port)
            answer = asyncio.ensure_future(line.post(*asked))
            await asyncio.wait([answer], timeout=chance.uniform(0, LONGEST))
            line.drop()
            await asyncio.gather(answer, return_exceptions=True)

    await asyncio.gather(*(drop(next(requests)) for _ in range(clients)))
    answered: dict[str, int] = {}
    for path, body in requests:
        line = await call(port)
        try:
            status, _ = await asyncio.wait_for(line.post(path, body), PATIENCE)
        except (OSError, EOFError, TimeoutError):
            status = 0
        line.drop()
        answered[path] = answered.get(path, 0) + (status == 200)
    return answered


if __name__ == "__main__":
    main()
