# Everything a person or a machine does with this checkout. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

SECRETS := secrets/smtp_password secrets/metrics_token secrets/backup_passphrase secrets/grafana_password secrets/postgres_password secrets/database_url

.DEFAULT_GOAL := help
.PHONY: help run test lint typecheck bench openapi readme audit lock clean
.PHONY: docker-build docker-up docker-test bench-growth bench-mail bench-start bench-scrape bench-drops bench-kills

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime  ## Start the server on http://localhost:3000; letters are printed here
	@exec $(BIN)/pwauth serve --config config.toml

test: $(VENV)/.test  ## Run every test (ARGS="-k words" to choose)
	$(BIN)/python -m pytest -n auto --dist loadscope $(ARGS)

lint: $(VENV)/.test  ## Check style and layers
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

typecheck: $(VENV)/.test  ## Check types
	$(BIN)/mypy

bench: $(VENV)/.test  ## Measure the server beside a bare route and a naive version (benchmarks/README.md)
	$(BIN)/python -m benchmarks $(ARGS)

bench-growth: $(VENV)/.test  ## Measure refreshes among a million sessions, and during a purge
	$(BIN)/python -m benchmarks.growth $(ARGS)

bench-mail: $(VENV)/.test  ## Measure how fast the mail queue drains
	$(BIN)/python -m benchmarks.mail $(ARGS)

bench-start: $(VENV)/.test  ## Measure start and memory
	$(BIN)/python -m benchmarks.start $(ARGS)

bench-scrape: $(VENV)/.test  ## Measure how long a scrape stops the loop
	$(BIN)/python -m benchmarks.scrape $(ARGS)

bench-drops: $(VENV)/.test  ## Let a thousand clients hang up, then ask
	$(BIN)/python -m benchmarks.drops $(ARGS)

bench-kills: $(VENV)/.test  ## Kill the server under load; no answer may be lost
	$(BIN)/python -m benchmarks.kills $(ARGS)

docker-build:  ## Build the container image `pwauth`
	docker build --tag pwauth --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) .

docker-up: docker-build $(SECRETS)  ## Start the container (PROFILE=dev adds Mailpit, monitoring dashboards, scale a second node)
	docker compose $(foreach name,$(filter dev scale,$(PROFILE)),--env-file docker/$(name).env) $(PROFILE:%=--profile %) up --detach --wait

docker-test: $(VENV)/.test  ## Build the image without Docker and run it (as root; buildah, debootstrap)
	$(BIN)/python -m scripts.docker_test

openapi: $(VENV)/.runtime  ## Write openapi.yaml from the code
	$(BIN)/pwauth openapi > openapi.yaml.new && mv openapi.yaml.new openapi.yaml

readme: $(VENV)/.runtime  ## Write the README's tables of limits, settings and errors from the code
	$(BIN)/python scripts/readme_tables.py

audit: $(VENV)/.test  ## Look the locked versions up among known vulnerabilities
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements/runtime.lock

clean:  ## Remove what the other targets made; data/ stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# -- the container

VERSION   = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' pwauth_server/__init__.py)
REVISION  = $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)

# Made once. The folder is closed; the files are open because containers read them with their own uid.
secrets/smtp_password:
	@install -d -m 700 secrets
	@install -m 644 /dev/null $@

secrets/database_url: secrets/postgres_password
	@printf 'postgres://pwauth:%s@postgres/pwauth' "$$(cat $<)" > $@ && chmod 644 $@

secrets/%:
	@install -d -m 700 secrets
	@od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > $@ && chmod 644 $@

# -- the virtual environment

# The stamps are newer than the locks: a second run installs nothing.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pwauth needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Say which: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/.made
	$(call install,$<)

$(VENV)/.test: requirements/test.lock pyproject.toml | $(VENV)/.made
	$(call install,$<)

define install
@echo "Installing $(1) …"
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
@touch $@
endef

# The build backend is locked too, so that installing the checkout itself downloads nothing.
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --upgrade
lock: $(VENV)/.made  ## Lock the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --extra build --output-file requirements/runtime.lock
	$(COMPILE) --extra test --constraint requirements/runtime.lock --output-file requirements/test.lock
