.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-vault soak check format lint types imports e2e bench experiment lock lock-check clean install

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed ## create the virtual environment and install everything

demo: install ## run the gateway and the Dinie simulator on loopback until Ctrl-C
	@$(BIN)/dinie-gateway demo

test: install ## install what the tests need and run them all
	$(BIN)/python -m pytest -n auto

check: install format lint types imports test ## format, lint, types, import contracts, tests

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

lock: install ## pin what is installed into constraints.txt
	$(BIN)/pip freeze --exclude-editable | LC_ALL=C sort -f > constraints.txt

lock-check: install ## fail where constraints.txt is not what is installed
	$(BIN)/pip freeze --exclude-editable | LC_ALL=C sort -f | diff constraints.txt -

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
