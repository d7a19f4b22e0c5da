"""The Dockerfile and the compose file: lint-clean, locked down, and in agreement with the settings; `make docker-test` runs the image."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pwauth_server import config
from pwauth_server.config import Config
from pwauth_server.sources import DEFAULT_PORT, PREFIX
from tests.server import ROOT

BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions(text: str = DOCKERFILE) -> list[tuple[str, str]]:
    """Return every instruction of a Dockerfile with its arguments, comments and line breaks removed."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word]


def last(word: str) -> str:
    """Return the arguments of an instruction in the stage that runs."""
    return [rest for name, rest in instructions() if name == word][-1]


def image_environment() -> dict[str, str]:
    """Return what the image sets."""
    return dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))


def profile_environment(profile: str) -> dict[str, str]:
    """Return what a profile sets."""
    lines = (ROOT / f"docker/{profile}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(
    "words",
    (
        ("hadolint", "Dockerfile"),
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
    ),
)
def test_the_linters_find_nothing(words: tuple[str, ...]) -> None:
    """A mistake that an engine would report is found where there is none."""
    done = subprocess.run((BIN / words[0], *words[1:]), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_locked_down() -> None:
    """Not root, by number; signals reach the server and not a shell; nothing is installed that no hash pins (SEC-99)."""
    assert last("USER") == "10001:10001"
    assert json.loads(last("ENTRYPOINT")) + json.loads(last("CMD")) == ["pwauth", "serve"]
    assert json.loads(last("HEALTHCHECK").partition(" CMD ")[2]) == ["pwauth", "healthcheck"]
    assert last("STOPSIGNAL") == "SIGTERM"
    assert last("VOLUME") == "/data"
    parts = [part for name, rest in instructions() if name == "RUN" for part in rest.split("&&")]
    installs = [part for part in parts if "pip " in part and " install " in part]
    assert installs
    assert [part for part in installs if "--require-hashes" not in part and "--no-index" not in part] == []


def test_the_image_listens_and_remembers_where_it_should(tmp_path: Path) -> None:
    """The shipped configuration file works in the image: address and database are the image's, the port is published."""
    file = tmp_path / "config.toml"
    file.write_text((ROOT / "config.toml").read_text())
    ours = {name: value for name, value in image_environment().items() if name.startswith(PREFIX)}
    loaded = config.load(file, ours)
    assert (loaded.server_host, loaded.database_path) == ("0.0.0.0", "/data/auth.db")
    assert last("EXPOSE") == str(DEFAULT_PORT) == str(loaded.server_port)
    assert last("WORKDIR") == "/etc/pwauth"


def test_all_that_is_copied_reaches_the_build() -> None:
    """`.dockerignore` lets in what the Dockerfile needs and nothing that a clone may hold besides."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    copied = {name.partition("/")[0] for names in copies for name in names}
    assert copied == let_in
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_default_is_one_container() -> None:
    """Everything else has to be asked for, by a profile."""
    assert {name: service.get("profiles", []) for name, service in SERVICES.items()} == {
        "pwauth": [],
        "pwauth-2": ["scale"],
        "postgres": ["scale"],
        "redis": ["scale"],
        "mailpit": ["dev"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }
    assert "${PORTS:-3000}:${PORTS:-3000}" in SERVICES["pwauth"]["ports"][0]


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    """Read-only root, no capability, published on this machine only, a version that does not move."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["image"] == "pwauth" or re.search(r":v?\d+\.\d+", service["image"])


def test_the_server_gets_the_time_that_it_takes_to_stop() -> None:
    """It promises to end within ten seconds; an engine that kills it earlier would cut a letter off."""
    assert int(SERVICES["pwauth"]["stop_grace_period"].removesuffix("s")) > 10


def test_what_the_server_is_given_are_settings() -> None:
    """A key that it does not know would stop the start, in the one place where nobody tried it."""
    given = {name.removeprefix(PREFIX).removesuffix("_FILE").lower() for name in SERVICES["pwauth"]["environment"]}
    assert given <= set(Config.model_fields)
    environment = profile_environment("dev")
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    assert set(ours) <= set(SERVICES["pwauth"]["environment"])
    loaded = config.load(ROOT / "config.toml", ours)
    smtp = SERVICES["mailpit"]["environment"]["MP_SMTP_BIND_ADDR"]
    assert f"{loaded.smtp_host}:{loaded.smtp_port}" == smtp
    first, _, second = environment["PORTS"].partition("-")
    assert (first, second) == (str(loaded.server_port), SERVICES["mailpit"]["environment"]["MP_UI_BIND_ADDR"].partition(":")[2])


def test_the_nodes_differ_in_nothing_but_their_port(tmp_path: Path) -> None:
    """They use the PostgreSQL and the Redis beside them, which only they can reach, and read one generated key."""
    one, other = SERVICES["pwauth"], SERVICES["pwauth-2"]
    own = {"ports", "profiles", "depends_on"}
    assert {key: one[key] for key in one.keys() - own} == {key: other[key] for key in other.keys() - own}
    given = profile_environment("scale")
    assert set(given) <= set(one["environment"])
    subprocess.run(["make", "-s", "-f", ROOT / "Makefile", "secrets/database_url"], cwd=tmp_path, check=True, timeout=60)
    file = tmp_path / "secrets" / Path(given["PWAUTH_DATABASE_URL_FILE"]).name
    loaded = config.load(ROOT / "config.toml", given | {"PWAUTH_DATABASE_URL_FILE": str(file)})
    database, redis = (urlsplit(url.get_secret_value()) for url in (loaded.database_url, loaded.redis_url))
    assert (database.hostname, redis.hostname) == ("postgres", "redis")
    assert database.username == SERVICES["postgres"]["environment"]["POSTGRES_USER"] == database.path[1:]
    assert database.password == (tmp_path / "secrets/postgres_password").read_text()
    assert [SERVICES[name]["networks"] for name in ("postgres", "redis")] == [["inside"], ["inside"]]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_secrets_come_as_files() -> None:
    """None stands in the environment, each that is named is defined, and `make docker-up` makes all of them."""
    environment = {name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()}
    assert not [name for name in environment if re.search(r"PASSWORD$|TOKEN$|SECRET|KEY$", name)]
    named = {str(value).removeprefix("/run/secrets/") for value in environment.values() if str(value).startswith("/run/secrets/")}
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert named <= used == set(COMPOSE["secrets"])
    made = re.search(r"^SECRETS := (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == set(made[1].split())
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_what_is_mounted_exists() -> None:
    """A folder that is not there would be made empty, by root, and no error would tell."""
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert {name for name in mounts if not name.startswith("./")} == set(COMPOSE["volumes"])
    assert [name for name in mounts if name.startswith("./") and not (ROOT / name).exists()] == []
    assert "data:/data" in SERVICES["pwauth"]["volumes"]


def test_prometheus_may_read_the_metrics() -> None:
    """It asks from another container, so it shows the token that the server is given by the same file."""
    scrape = yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    token = SERVICES["pwauth"]["environment"]["PWAUTH_METRICS_TOKEN_FILE"]
    assert scrape["authorization"] == {"credentials_file": token}
    assert {Path(token).name} <= set(SERVICES["prometheus"]["secrets"]) & set(SERVICES["pwauth"]["secrets"])
    assert scrape["static_configs"] == [{"targets": [f"pwauth:{DEFAULT_PORT}"]}]
