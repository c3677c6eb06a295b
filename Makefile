.DEFAULT_GOAL := help
# The first Python that fits; another one: make test PYTHON=/usr/bin/python3.13
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
  $$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info)' 2>/dev/null \
  && echo $$name && break; done)
# A virtual environment each: make test PYTHON=python3.13 VENV=.venv-3.13
VENV ?= .venv
BIN := $(VENV)/bin
# Every file that is installed is known by its hash.
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := install --quiet --progress-bar off --require-hashes --no-deps --no-compile
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate --no-emit-index-url

# What pytest is given beside: make test TESTS='-m "not e2e"'
TESTS ?=

.PHONY: help demo test test-next test-vault coverage mutate soak check format lint types imports e2e bench experiment docs \
  lock lock-check clean install

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# What the gateway itself needs: enough for `make demo`.
$(VENV)/.runtime: pyproject.toml requirements.lock requirements-build.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with venv, is needed and was not found: make PYTHON=/path/to/python3.13 ..."; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing what the gateway needs ($$(grep -c == requirements.lock) packages, each checked against its hash) ..."
	@$(PIP) $(LOCKED) --requirement requirements.lock --requirement requirements-build.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing what the tests need ($$(grep -c == requirements-dev.lock) packages, half a gigabyte; a minute or two) ..."
	@$(PIP) $(LOCKED) --requirement requirements-dev.lock
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime requirements-docs.lock
	@$(PIP) $(LOCKED) --requirement requirements-docs.lock
	@touch $@

install: $(VENV)/.dev ## create the virtual environment and install everything

demo: $(VENV)/.runtime ## run the gateway and the Dinie simulator on loopback until Ctrl-C
	@$(BIN)/dinie-gateway demo

test: install ## install what the tests need and run them all
	$(BIN)/python -m pytest -n auto $(TESTS)

coverage: install ## all tests, and the floors of coverage that pyproject.toml names
	$(BIN)/python -m pytest -n auto --cov --cov-report= $(TESTS)
	$(BIN)/python -m tests.coverage_gate

check: install format lint types imports lock-check coverage ## format, lint, types, import contracts, locks, tests with coverage

test-next: ## all tests against the newest pre-release of aiohttp, in a virtual environment of its own
	@$(MAKE) --no-print-directory install VENV=.venv-next
	.venv-next/bin/python -m pip --disable-pip-version-check install --quiet --pre --upgrade aiohttp
	@.venv-next/bin/python -c 'import aiohttp; print("aiohttp", aiohttp.__version__)'
	.venv-next/bin/python -m pytest -n auto $(TESTS)

$(VENV)/.mutation: $(VENV)/.dev requirements-mutation.lock
	@$(PIP) $(LOCKED) --requirement requirements-mutation.lock
	@touch $@

mutate: $(VENV)/.mutation ## mutants of every pure module; one: make mutate MODULES=gateway/core/backoff.py
	$(BIN)/python -m tests.mutation $(MODULES)

format: install ## check the format
	$(BIN)/ruff format --check .

lint: install ## lint, spelling included
	$(BIN)/ruff check .
	$(BIN)/codespell

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## the layering contracts
	$(BIN)/lint-imports

soak: install ## secrets that change under load, and an inbox killed 200 times: 5 minutes
	$(BIN)/python -m tests.soak

test-vault: install ## the Vault suite against a real server (VAULT_ADDR, root VAULT_TOKEN)
	$(BIN)/python -m pytest tests/vault/test_conformance.py -rs

e2e: install ## only the tests that start real processes
	$(BIN)/python -m pytest -m e2e

bench: install ## gateway and bare pass-through, inbox and bare verifier, in one run
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.inbox

experiment: install ## share a quota with a flood, and weather a storm; table and charts
	$(BIN)/python -m tests.experiments

docs: $(VENV)/.docs ## build the documentation into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@! grep -rlE '<(script|link|img)[^>]+(src|href)="?https?://' site --include='*.html'

lock: install ## pin what the gateway and its tests need, with hashes
	$(COMPILE) --extra dev pyproject.toml --output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock
	$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
	$(COMPILE) --group docs --constraint requirements-dev.lock --output-file requirements-docs.lock
	$(COMPILE) --group mutation --constraint requirements-dev.lock --output-file requirements-mutation.lock

lock-check: install ## fail where the locks do not fit pyproject.toml
	$(BIN)/python -m pytest -q tests/test_locks.py

clean: ## remove the virtual environment and caches
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage mutants build dist site
