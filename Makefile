# The smaller steps; `bin/up` and `bin/test` are the two commands.
PYTHON := .venv/bin/python
BIN := .venv/bin

.PHONY: lint lock bench coverage schema screenshots soak

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

WALKED := audit/*,operators/access/*,operators/identity/*,operators/workspaces/*,nodes/fleet/credentials.py,$\
	config/kernel/credentials.py,config/kernel/authentication.py,config/kernel/guard.py,config/kernel/access.py
coverage: ## every branch of access, tokens and audit is walked by the tests of these areas
	$(BIN)/coverage run -m pytest -n 0 tests/audit tests/kernel tests/nodes/fleet tests/operators
	$(BIN)/coverage report --include="$(WALKED)" --skip-covered --show-missing --fail-under=100

schema: ## the OpenAPI document, as `/api/schema` serves it, into dist/
	mkdir -p dist
	$(PYTHON) manage.py spectacular --validate --fail-on-warn --file dist/openapi.yaml

screenshots: ## the pictures of README.md, from a running stack
	$(PYTHON) -m tests.browser.screenshots

soak: ## hours: what bin/test does in part (tests/soak.py), whole: outages of a minute, every caller, rounds by the hundred
	SOAK=1 $(PYTHON) -m pytest -n 0 -o timeout=7200 $$(grep -rlE "tests\.(soak|access) import" tests --include="test_*.py")
