"""Nothing that was answered is lost: ``kill -9`` under full load, then every answer is checked. ``python -m benchmarks.kills``."""

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.servers import Server, pwauth, workshop
from benchmarks.talk import call
from benchmarks.world import opened, sign_in_many
from pwauth_server.config import Config

CLIENTS = 32
#: Seconds of load before a kill.
SHORTEST, LONGEST = 0.1, 0.6
REFRESH = "/token/refresh"


@dataclass(slots=True)
class Client:
    """Somebody who refreshes without end and remembers only what was answered whole."""

    token: str
    spent: str = ""
    answers: int = 0
    refused: int = 0

    async def refresh_forever(self, port: int) -> None:
        """Exchange the token for its successor until the connection breaks."""
        try:
            line = await call(port)
            while True:
                status, answer = await line.post(REFRESH, {"refresh_token": self.token})
                if status != 200:
                    self.refused += 1
                    return
                self.spent, self.token = self.token, answer["refresh_token"]
                self.answers += 1
        except (OSError, EOFError):
            return

    async def complaints(self, port: int) -> list[str]:
        """Return which promises the restarted server breaks.

        The last token that was answered works. Shown again within the grace it yields the same
        successor. The one before it is spent: it is refused and ends the session, successor included.
        """
        line, found = await call(port), ["refused under load"] * self.refused
        status, answer = await line.post(REFRESH, {"refresh_token": self.token})
        if status != 200:
            return [*found, f"the last answered token is refused ({status})"]
        successor = answer["refresh_token"]
        status, answer = await line.post(REFRESH, {"refresh_token": self.token})
        if status != 200 or answer["refresh_token"] != successor:
            found.append(f"no replay within the grace ({status})")
        if self.spent:
            status, _ = await line.post(REFRESH, {"refresh_token": self.spent})
            if status != 401:
                found.append(f"a spent token is taken ({status})")
            status, _ = await line.post(REFRESH, {"refresh_token": successor})
            if status != 401:
                found.append(f"a family lives on after reuse ({status})")
        line.drop()
        return found


def main() -> None:
    """Kill, restart, check, as often as asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills")
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    with workshop() as folder:
        config, server = pwauth(folder)
        tokens = iter(asyncio.run(_tokens(config, kills * CLIENTS)))
        answers, complaints = 0, []
        server.start()
        try:
            for number in range(kills):
                clients = [Client(next(tokens)) for _ in range(CLIENTS)]
                asyncio.run(_load(server, clients, random.Random(number).uniform(SHORTEST, LONGEST)))
                server.start()
                complaints += asyncio.run(_complaints(server, clients))
                answers += sum(client.answers for client in clients)
        finally:
            server.kill()
    print("\n".join([*complaints, f"{kills} kills, {answers} answers, {len(complaints)} broken promises"]))
    sys.exit(bool(complaints))


async def _tokens(config: Config, count: int) -> list[str]:
    async with opened(config) as deps:
        return [pair.refresh_token for pair in await sign_in_many(deps, count)]


async def _load(server: Server, clients: Sequence[Client], seconds: float) -> None:
    """Let everybody refresh; kill the server after so many seconds."""
    busy = [asyncio.create_task(client.refresh_forever(server.port)) for client in clients]
    await asyncio.sleep(seconds)
    server.kill()
    await asyncio.gather(*busy)


async def _complaints(server: Server, clients: Sequence[Client]) -> list[str]:
    found = await asyncio.gather(*(client.complaints(server.port) for client in clients))
    return [complaint for each in found for complaint in each]


if __name__ == "__main__":
    main()
