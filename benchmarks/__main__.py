"""``python -m benchmarks``: the server beside a bare route and beside a naive one, in interleaved rounds."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.figures import Row, Sample, row
from benchmarks.load import Load, drive
from benchmarks.servers import PYTHON, Server, free_port, mail_sink, pwauth, running, workshop
from benchmarks.world import Keys, bodies, issue_again, make_keys, opened, send_links, sign_in_many, write_lines
from pwauth_server.config import Config

#: Bodies that work once, made for each second of a round: more than the machine can use up.
TOKENS_A_SECOND, LINKS_A_SECOND, ADDRESSES_A_SECOND = 12_000, 8000, 16_000
REFRESH_TOKENS = 2048
NAMES = ("liveness", "me", "introspect", "introspect-new", "refresh", "refresh-normal", "magic", "magic-mail", "verify")
NAIVE = ("naive-refresh", "naive-introspect", "naive-magic")


@dataclass(frozen=True, slots=True)
class Stand:
    """A server and what is sent to it."""

    server: Server
    load: Load


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    options = _options()
    with workshop() as folder, ExitStack() as stack:
        stands = _stands(folder, stack.enter_context(mail_sink()), options)
        servers = {id(stand.server): stand.server for stand in stands.values()}
        stack.enter_context(running(*servers.values()))
        samples = _rounds(stands, options)
        shown = ("bare", "liveness", "refresh", "magic", "magic-mail", "naive-refresh")
        rss: dict[str, float] = {name: stands[name].server.rss() for name in shown if name in stands}
    rows = {name: row(found, samples["bare"]) for name, found in samples.items()}
    grouping = {} if options.only else _grouping()
    print("\n".join([*report.table(rows, rss), "", *report.verdicts(rows, grouping)]))
    if options.compare:
        print("\n".join(["", *report.compared(rows, json.loads(options.compare.read_text())["rows"])]))
    if options.json:
        options.json.write_text(json.dumps(_record(rows, grouping, rss, options), indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the server on this machine.")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=int, default=2, help="seconds of each load in a round (2)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"some of {','.join(NAMES + NAIVE)}")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--compare", type=Path, help="compare with the figures in a file")
    return parser.parse_args()


def _stands(folder: Path, smtp_port: int, options: argparse.Namespace) -> dict[str, Stand]:
    """Furnish a folder for each server and return what is measured, the bare route first."""
    port = free_port()
    stands = {"bare": Stand(Server(_made(folder / "bare"), port, ["-m", "benchmarks.bare", str(port)]), Load("/liveness"))}
    config, main_server = pwauth(_made(folder / "pwauth"))
    keys = asyncio.run(_furnish(config, main_server.folder, options))
    # Letters that are still leaving would slow whatever is measured next: their server is held between its rounds.
    queue_config, queue_server = pwauth(_made(folder / "queue"))
    mail_config, mail_server = pwauth(_made(folder / "mail"), smtp_port=smtp_port)
    normal_config, normal_server = pwauth(_made(folder / "normal"), altered=["normal"])
    for other in (queue_config, mail_config, normal_config):
        asyncio.run(_furnish(other, Path(other.database_path).parent, options))
    stands["liveness"] = Stand(main_server, Load("/liveness"))
    stands["me"] = Stand(main_server, Load("/me", key=keys.access_token))
    stands["introspect"] = Stand(main_server, Load("/token/introspect", "same", "token.txt", keys.api_key))
    stands["introspect-new"] = Stand(main_server, Load("/token/introspect", "each", "tokens-{round}.txt", keys.api_key))
    stands["refresh"] = Stand(main_server, Load("/token/refresh", "rotate", "refresh.txt"))
    stands["refresh-normal"] = Stand(normal_server, Load("/token/refresh", "rotate", "refresh.txt"))
    stands["magic"] = Stand(queue_server, Load("/request/magic", "each", "addresses-{round}.txt"))
    stands["magic-mail"] = Stand(mail_server, Load("/request/magic", "each", "addresses-{round}.txt"))
    stands["verify"] = Stand(main_server, Load("/verify/magic", "each", "links-{round}.txt"))
    naive = _naive(_made(folder / "naive"), options)
    stands["naive-refresh"] = Stand(naive, Load("/token/refresh", "rotate", "refresh.txt"))
    stands["naive-introspect"] = Stand(naive, Load("/token/introspect", "same", "token.txt"))
    stands["naive-magic"] = Stand(naive, Load("/request/magic", "each", "addresses-{round}.txt"))
    return {name: stand for name, stand in stands.items() if not options.only or name in {"bare", *options.only}}


def _naive(folder: Path, options: argparse.Namespace) -> Server:
    _write_addresses(folder, options)
    port = free_port()
    return Server(folder, port, ["-m", "benchmarks.naive", str(port), str(folder)])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _furnish(config: Config, folder: Path, options: argparse.Namespace) -> Keys:
    """Write the bodies of every round; what works once is made for one server alone."""
    _write_addresses(folder, options)
    async with opened(config) as deps:
        pairs = await sign_in_many(deps, REFRESH_TOKENS)
        write_lines(folder / "refresh.txt", (pair.refresh_token for pair in pairs))
        keys = await make_keys(deps, pairs[0])
        write_lines(folder / "token.txt", bodies("token", [keys.access_token]))
        for number in range(options.rounds if folder.name == "pwauth" else 0):
            if not options.only or "introspect-new" in options.only:
                fresh = await issue_again(deps, TOKENS_A_SECOND * options.seconds)
                write_lines(folder / f"tokens-{number}.txt", bodies("token", fresh))
            if not options.only or "verify" in options.only:
                links = await send_links(deps, LINKS_A_SECOND * options.seconds)
                write_lines(folder / f"links-{number}.txt", bodies("token", links, confirm_other_device=True))
    return keys


def _write_addresses(folder: Path, options: argparse.Namespace) -> None:
    for number in range(options.rounds):
        count = ADDRESSES_A_SECOND * options.seconds
        write_lines(folder / f"addresses-{number}.txt", bodies("email", (f"round{number}-{it}@example.com" for it in range(count))))


def _rounds(stands: Mapping[str, Stand], options: argparse.Namespace) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in stands}
    for stand in stands.values():
        stand.server.sleep()
    for number in range(options.rounds):
        for name, stand in stands.items():
            stand.server.wake()
            samples[name].append(drive(stand.server, stand.load, seconds=options.seconds, number=number))
            stand.server.sleep()
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return samples


def _grouping() -> dict[str, float]:
    command = [PYTHON, "-m", "benchmarks.grouping"]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _record(
    rows: Mapping[str, Row], grouping: Mapping[str, float], rss: Mapping[str, float], options: argparse.Namespace
) -> dict[str, object]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "rows": {name: it.as_json() for name, it in rows.items()},
        "grouping": dict(grouping),
        "rss": dict(rss),
    }


if __name__ == "__main__":
    main()
