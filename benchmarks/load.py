"""One round of load: wrk on its own core, the server's CPU read before and after."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Sample
from benchmarks.servers import DRIVER_CORE, Server

CONNECTIONS = 32
_SCRIPT = str(Path(__file__).with_name("drive.lua"))


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent to a server again and again."""

    path: str
    #: A mode of drive.lua: get, same, each or rotate.
    mode: str = "get"
    #: Its bodies; ``{round}`` in the name is the number of the round, for bodies that work only once.
    bodies: str = "-"
    #: Text of a bearer token.
    key: str = ""


def drive(server: Server, load: Load, *, seconds: int, number: int = 0, connections: int = CONNECTIONS) -> Sample:
    """Send one load for so many seconds and return what happened."""
    bodies = str(server.folder / load.bodies.format(round=number))
    arguments = [load.mode, bodies, *([load.key] if load.key else [])]
    command = ["taskset", "-c", DRIVER_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", _SCRIPT]
    before = server.cpu()
    ran = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{load.path}", "--", *arguments], check=True, capture_output=True, text=True
    )
    cpu = server.cpu() - before
    return Sample(cpu=cpu, **json.loads(ran.stdout.splitlines()[-1]))
