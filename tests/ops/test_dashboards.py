"""Each panel and each alert asks for something that a real server really tells a real Prometheus."""

import re
from collections.abc import Iterator
from itertools import combinations

import pytest
import yaml

from pwauth_server.adapters.metrics import Metrics, Snapshot
from tests.ops.observer import AWAITED, DASHBOARD, RULES, Prometheus, as_asked, needs_prometheus, operands, panels, watching
from tests.people import Person
from tests.server import ROOT, Server

SETTINGS = {"metrics_token": "a-token-for-prometheus"}

#: What each query must have, by the name of its panel or alert.
QUERIES = [(panel["title"], target["expr"], target["legendFormat"]) for panel in panels() for target in panel["targets"]]
FIGURES = [(rule["alert"], figure, "") for rule in RULES for figure in operands(rule["expr"])]


@pytest.fixture(scope="module")
def prometheus(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Return a Prometheus that watches this module's server."""
    with watching(tmp_path_factory.mktemp("prometheus"), server) as started:
        yield started


def live(server: Server) -> None:
    """Do a little of everything that is counted."""
    person = Person(server)
    device = person.sign_in()
    device.refresh()
    phone = person.device()
    request_id = person.request(phone)
    letter = person.read_letter()
    phone.verify_code(request_id, "2222-2222")
    phone.verify_code(request_id, letter.code)
    phone.verify(letter.token)
    phone.get("/me", token="nonsense")
    device.post("/logout", token=device.tokens["access_token"])


def has_data(prometheus: Prometheus, query: str, legend: str) -> bool:
    """Tell whether a query returns series, each with the labels that its legend shows."""
    samples, labels = prometheus.samples(as_asked(query)), set(re.findall(r"{{(\w+)}}", legend))
    return bool(samples) and all(labels <= set(sample["metric"]) for sample in samples)


@needs_prometheus
def test_every_query_returns_data(server: Server, prometheus: Prometheus) -> None:
    """A panel that stays empty, or an alert that cannot fire, is worse than none: every series has the labels of its legend."""
    known = set(prometheus.get("label/__name__/values"))
    unknown = [name for name in AWAITED if f"{name}_bucket" not in known]
    missing = [it for it in QUERIES + FIGURES if not any(name in it[1] for name in unknown)]

    def all_are_there() -> bool:
        live(server)
        missing[:] = [it for it in missing if not has_data(prometheus, it[1], it[2])]
        return not missing

    prometheus.wait_for(all_are_there, missing)


@needs_prometheus
def test_the_choice_of_servers_has_choices(server: Server, prometheus: Prometheus) -> None:
    """The list above the dashboard is filled by a query as well."""
    (choice,) = [variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    metric, label = re.findall(r"label_values\((\w+), (\w+)\)", choice["query"]["query"])[0]
    assert prometheus.samples(metric)[0]["metric"][label] == f"127.0.0.1:{server.port}"


@needs_prometheus
def test_failing_sign_ins_wake_somebody(server: Server, prometheus: Prometheus) -> None:
    """Links that turn out to be used up, a dozen of them, and the alert fires, it alone, and not before."""
    person = Person(server)
    device = person.device()
    letter = person.link(device)
    assert device.verify(letter.token).is_success
    assert prometheus.firing() == set()

    def fires() -> bool:
        for _ in range(12):
            assert device.verify(letter.token).is_client_error
        return "PwauthSignInsFailing" in prometheus.firing()

    prometheus.wait_for(fires, "no alert")
    assert prometheus.firing() == {"PwauthSignInsFailing"}


def test_every_metric_of_ours_is_drawn() -> None:
    """What is counted and never looked at is either missing here or not worth counting."""
    exposition = Metrics().render(Snapshot(sessions=0, letters={}, oldest_letter=0)).decode()
    ours = set(re.findall(r"^# TYPE (pwauth_\w+)", exposition, re.MULTILINE))
    drawn = " ".join(query for _, query, _ in QUERIES)
    assert {name for name in ours if name not in drawn} == set()


def test_the_dashboard_fits_any_grafana() -> None:
    """A fixed uid for links, no id of one installation, the data source chosen above, and nothing unexplained."""
    assert (DASHBOARD["id"], DASHBOARD["uid"]) == (None, "pwauth")
    assert [(it["name"], it["type"]) for it in DASHBOARD["templating"]["list"]] == [("datasource", "datasource"), ("instance", "query")]
    sources = [it["datasource"]["uid"] for panel in panels() for it in (panel, *panel["targets"])]
    assert set(sources) == {"${datasource}"}
    assert [panel["title"] for panel in panels() if not panel["description"].endswith(".")] == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_panel_covers_another() -> None:
    """Grafana would push them about, differently for each reader."""
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above, (one, other)


def test_everything_is_provisioned() -> None:
    """Grafana finds data source and dashboards in the folders that the compose file mounts."""
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/pwauth.yml").read_text())["providers"]
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/pwauth.yml").read_text())["datasources"]
    mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in mounts
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
