# Every target makes its own .venv if there is none, or if pyproject.toml or constraints.txt changed since.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
EXTRAS := backend,cli,metrics,redis
SOURCES := $(wildcard ocpp_trio tests examples benchmarks tools)
BENCHMARKS := $(wildcard benchmarks/*.py)
PEER := tests/peers/node
PEER_READY := $(PEER)/node_modules/.ready
BROWSER := tests/browser/node
BROWSER_READY := $(BROWSER)/node_modules/.ready

# Many processes run the same files: only the first one shall compile them, also where the machine has that turned off.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test test-smoke test-e2e fuzz simulate peers browser check format bench clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1  \2/p' Makefile

demo: $(READY)  ## a CSMS and three charge points: boot, charge, lose the link, come back
	@$(BIN)/ocpp-trio demo

test: $(READY)  ## the whole suite, with coverage
	@$(MAKE) --no-print-directory --keep-going peers browser || echo "what needs it is left out" >&2
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n auto --dist worksteal -m "not untraced"
	@$(BIN)/python -m pytest -n auto --dist worksteal -m untraced
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

test-smoke: $(READY)  ## does it work at all: the quick tests only
	@$(BIN)/python -m pytest -m smoke

test-e2e: $(READY)  ## whole stacks against each other: tests/integration
	@$(BIN)/python -m pytest -m e2e

# make fuzz CASES=50000 SEED=7
CASES ?= 1000000
fuzz: $(READY)  ## a million evil frames and upgrade requests at both ends; CASES=n and SEED=n choose others
	@$(BIN)/python -m tests.fuzz --cases $(CASES) $(if $(SEED),--seed $(SEED))

peers: $(PEER_READY)  ## what node needs to run the third-party stack in tests/peers

browser: $(BROWSER_READY)  ## what node needs to lead a Chromium through the dashboard in tests/browser

simulate: $(READY)  ## a station-year of faults in virtual time, and broken variants that must be caught
	@$(BIN)/python -m tests.simulation

check: $(READY)  ## ruff, formatting, flake8-async, mypy
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(BIN)/flake8 $(SOURCES)
	@$(BIN)/mypy --no-error-summary $(SOURCES)

format: $(READY)  ## put the code into the one format
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format --quiet $(SOURCES)

bench: $(READY)  ## run every script in benchmarks/
	@set -e; for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python "$$script"; done

clean:  ## remove .venv and what the tools left behind
	@rm -rf .venv build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache $(PEER)/node_modules $(BROWSER)/node_modules tests/browser/screenshots
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# No lock file, because it would name a registry; package.json pins every version instead. Nothing of it runs on installing.
$(PEER_READY) $(BROWSER_READY): %/node_modules/.ready: %/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "$* needs node 18 or newer with npm, and they are not both here." >&2; exit 1; }
	@rm -rf $*/node_modules
	@cd $* && npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
		--fetch-retries=1 --fetch-timeout=30000 >/dev/null || { \
		echo "$* needs the npm packages of its package.json, and they could not be installed." >&2; exit 1; }
	@touch $@

# .venv/.ready holds the folder it was made for: scripts and the editable install carry that path, so a copied or moved
# environment is made anew, and so is one whose interpreter is gone. pip is renewed first because the one that comes with
# older Pythons knows neither dependency groups nor constraints on what builds a package.
ifneq ($(shell test -x $(BIN)/python && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "ocpp-trio needs Python 3.11 or newer, and there is no $(PYTHON) here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "ocpp-trio needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=python3.12" >&2; \
		exit 1; }
	@if test -f $(READY) && test "$$(cat $(READY))" != "$(CURDIR)" || ! $(BIN)/python -c '' 2>/dev/null; then rm -rf .venv; fi
	@set -e; if command -v uv >/dev/null; then \
		test -d .venv || uv venv --quiet --seed --python $(PYTHON) .venv; \
		uv pip install --quiet --python $(BIN)/python -c constraints.txt -b constraints.txt --group dev -e '.[$(EXTRAS)]'; \
	else \
		test -d .venv || $(PYTHON) -m venv .venv; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt pip; \
		$(BIN)/python -m pip install -qq -c constraints.txt --build-constraint constraints.txt --group dev -e '.[$(EXTRAS)]'; \
	fi
	@echo "$(CURDIR)" > $(READY)
