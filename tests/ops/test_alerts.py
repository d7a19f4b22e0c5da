"""Alerts: each has its unit test, its runbook and a silent normal day, and one is seen to fire in a real run."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.observer import RULES, hurried, needs_prometheus, operands, watching
from tests.people import Person
from tests.server import ROOT, Server, free_port

UNIT_TESTS = ROOT / "prometheus/alerts.test.yml"
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
NAMES = [rule["alert"] for rule in RULES]


def promtool(*arguments: str) -> str:
    """Run promtool beside the rules; return what it says if it is content."""
    done = subprocess.run(("promtool", *arguments), cwd=UNIT_TESTS.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expectations() -> list[dict[str, Any]]:
    """Return what the unit tests expect, one entry for each look at an alert."""
    tests = yaml.safe_load(UNIT_TESTS.read_text())["tests"]
    return [it for test in tests for it in test["alert_rule_test"]]


@needs_prometheus
def test_promtool_is_content() -> None:
    """The rules are well-formed and do what their unit tests say."""
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "--lint-fatal", "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


@needs_prometheus
def test_the_configuration_is_well_formed(tmp_path: Path) -> None:
    """What the compose file mounts is what Prometheus accepts."""
    token = tmp_path / "token"
    token.write_text("x")
    shipped = (ROOT / "prometheus/prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(shipped.replace("/run/secrets/metrics_token", str(token)))
    (tmp_path / "alerts.yml").write_text((ROOT / "prometheus/alerts.yml").read_text())
    assert "SUCCESS" in promtool("check", "config", str(tmp_path / "prometheus.yml"))


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_was_seen_to_fire_and_to_keep_quiet(name: str) -> None:
    """A rule that never fires and one that always does look the same on a good day."""
    looks = [bool(it.get("exp_alerts")) for it in expectations() if it["alertname"] == name]
    assert set(looks) == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    """Whoever is woken reads one sentence and finds some lines in the runbook under the name of the alert."""
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert "for" in rule
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
    text = re.search(rf"^### {rule['alert']}\n(.*?)(?=^#|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert text
    assert len(text[1].split()) >= 20


def test_the_runbook_knows_no_other_alert() -> None:
    """Nobody is told what to do about something that cannot happen."""
    assert re.findall(r"^### (Pwauth\w+)$", RUNBOOK, re.MULTILINE) == NAMES


@needs_prometheus
def test_letters_that_do_not_leave_wake_somebody(tmp_path: Path) -> None:
    """The mail server is away, one person asks for a letter, and the alert fires; it alone, and not before."""
    server = Server(tmp_path, metrics_token="a-token-for-prometheus", smtp_port=str(free_port())).start()
    try:
        with watching(tmp_path / "prometheus", server) as prometheus:
            assert prometheus.firing() == set()
            person = Person(server)
            person.request(person.device())
            prometheus.wait_for(lambda: "PwauthMailNotLeaving" in prometheus.firing(), "no alert")
            assert prometheus.firing() == {"PwauthMailNotLeaving"}
    finally:
        server.stop()


def test_hurrying_changes_times_only() -> None:
    """What the real run fires is the shipped rule: the same figures, compared with the same numbers."""
    text = (ROOT / "prometheus/alerts.yml").read_text()
    rules = [rule for group in yaml.safe_load(hurried(text))["groups"] for rule in group["rules"]]
    assert len(rules) == len(RULES)
    for rule, shipped in zip(rules, RULES, strict=True):
        assert re.sub(r"\[3s\]", "[]", rule["expr"]) == re.sub(r"\[\w+\]", "[]", shipped["expr"])
        assert {name: value for name, value in rule.items() if name not in {"expr", "for"}} == {
            name: value for name, value in shipped.items() if name not in {"expr", "for"}
        }


def test_an_alert_is_taken_apart_into_its_figures() -> None:
    """Comparisons, joints and brackets on lines of their own go; brackets within a figure stay."""
    text = '(\nsum(rate(a_total{b=~"c|d"}[5m])) > 0\nor\nmax(e) > 120\n)\nand\n(sum(f) or vector(0)) / g == 0.5\n'
    assert operands(text) == ['sum(rate(a_total{b=~"c|d"}[5m]))', "max(e)", "(sum(f) or vector(0)) / g"]
    assert all(operands(rule["expr"]) for rule in RULES)
