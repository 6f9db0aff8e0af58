# The smaller steps; `bin/up` and `bin/test` are the two commands.
PYTHON := .venv/bin/python
BIN := .venv/bin

.PHONY: lint lock bench schema screenshots soak

lint: ## style, layers, known holes in dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	# Needs the network; what it can't look up is no failure of the code.
	-$(BIN)/pip-audit --requirement requirements.lock --disable-pip --progress-spinner off

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --prerelease explicit --generate-hashes --no-header
lock: ## pin everything with hashes, after a change of requirements*.txt; what both need, at one version
	$(LOCK) --output-file requirements-test.lock requirements-test.txt
	$(LOCK) --constraint requirements-test.lock --output-file requirements.lock requirements.txt

bench: ## the table of docs/performance.md
	$(PYTHON) -m bench

schema: ## the OpenAPI document
	$(PYTHON) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

screenshots: ## the pictures of README.md, from a running stack
	$(PYTHON) -m tests.browser.screenshots

soak: ## the long runs: minutes of outage, gigabytes, millions of rows
	$(PYTHON) -m pytest -n 0 -m soak --timeout 7200
	ALIKE=99 $(PYTHON) -m pytest -n 0 --timeout 7200 tests/access/test_matrix.py
	PROBES=100 $(PYTHON) -m pytest -n 0 --timeout 7200 tests/contract/test_nothing_sent_gives_a_500.py
