"""A real Prometheus that watches a real server, in the time of a test: it looks four times a second."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest
import yaml

from tests.server import PATIENCE, ROOT, Server, free_port

RULES_FILE = ROOT / "prometheus/alerts.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "grafana/dashboards/pwauth.json").read_text())
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]]

#: Metrics that are asked for before a server has them; queries of those may be empty until it does.
AWAITED: frozenset[str] = frozenset()

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")), reason="prometheus is missing: install the package prometheus"
)

_INTERVAL, _WINDOW, _FOR = "250ms", "3s", "500ms"
_COMPARISON = re.compile(r"\s(?:[<>]=?|[!=]=) [\d.]+$")


def operands(expression: str) -> list[str]:
    """Return the figures of an alert, one a line, without what they are compared with and how they are joined."""
    lines = (line.strip() for line in expression.splitlines())
    return [_COMPARISON.sub("", line) for line in lines if line not in {"", "(", ")", "and", "or", "unless"}]


def panels() -> list[dict[str, Any]]:
    """Return every panel that draws something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def as_asked(expression: str) -> str:
    """Return a panel's query as Grafana sends it, with all servers chosen."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def hurried(rules: str) -> str:
    """Return rules that look back, and wait, for seconds instead of minutes; what they compare stays."""
    return re.sub(r"\[\d+[mh]\]", f"[{_WINDOW}]", re.sub(r"\bfor: \d+[smh]", f"for: {_FOR}", rules))


class Prometheus:
    """One running Prometheus."""

    def __init__(self, folder: Path, server: Server) -> None:
        """Prepare it to scrape ``server`` as the shipped job does, by the shipped rules in a hurry."""
        self.folder, self.port = folder, free_port()
        shipped = yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())
        (job,) = shipped["scrape_configs"]
        token = folder / "token"
        token.write_text(server.settings["metrics_token"])
        job["authorization"]["credentials_file"] = str(token)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"]}]
        shipped["global"] = {"scrape_interval": _INTERVAL, "scrape_timeout": _INTERVAL, "evaluation_interval": _INTERVAL}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(shipped))
        (folder / "alerts.yml").write_text(hurried(RULES_FILE.read_text()))
        self.log = (folder / "log").open("wb")
        options = ("--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{self.port}")
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1/", trust_env=False, verify=False)
        self.process = subprocess.Popen(("prometheus", *options), cwd=folder, stdout=self.log, stderr=self.log)

    def get(self, path: str, **parameters: str) -> Any:
        """Return what the API says."""
        answer = self.client.get(path, params=parameters)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise httpx.TransportError("it is about to start")
        assert answer.status_code == httpx.codes.OK, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    def samples(self, query: str) -> list[dict[str, Any]]:
        """Return the finite samples of a query, each with `metric` and `value`."""
        return [sample for sample in self.get("query", query=query)["result"] if isfinite(float(sample["value"][1]))]

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}

    def wait_for(self, true: Callable[[], Any], what: object) -> None:
        """Return as soon as a condition holds; between two looks passes a fifth of what passes between two scrapes."""
        pause, end = Event(), monotonic() + PATIENCE
        while not self._holds(true):
            assert monotonic() < end, f"{what} {(self.folder / 'log').read_text()[-2000:]}"
            pause.wait(0.05)

    @staticmethod
    def _holds(true: Callable[[], Any]) -> bool:
        with suppress(httpx.TransportError):  # it has just been started
            return bool(true())
        return False

    def end(self) -> None:
        """Stop it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.client.close()
        self.log.close()


@contextmanager
def watching(folder: Path, server: Server) -> Iterator[Prometheus]:
    """Watch a server for the length of a ``with`` block, which begins when it was seen twice: Prometheus takes 5 s until it looks."""
    folder.mkdir(exist_ok=True)
    prometheus = Prometheus(folder, server)
    try:
        prometheus.wait_for(lambda: prometheus.samples('count_over_time(up{job="pwauth"}[1m]) >= 2'), "no scrape")
        yield prometheus
    finally:
        prometheus.end()
