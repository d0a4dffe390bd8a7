PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Held by hand: a looser requirement lets pip choose a build with gigabytes of
# accelerator libraries, which neither the tests nor the demo need.
TORCH := torch==2.13.0

# What one process has compiled the next ones read: the tests start many.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all browser lint format bench figures mutants constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

setup: $(STAMP) ## build .venv with the package (editable) and its tools

$(STAMP): pyproject.toml constraints.txt symbind_theory/version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]' --constraint constraints.txt
	@touch $@

demo: $(STAMP) ## check the same-different task
	$(BIN)/python -m symbind_theory.check_template "?a ?a -> 1" "?a ?b -> -1"

# A module's tests stay with one worker, which computes what they share once.
test: $(STAMP) ## run the fast tests and the doctests
	$(BIN)/python -m pytest -q -n auto --dist loadscope -m "not slow and not browser"

# Neighbours share what they compute: each worker begins with a run of neighbours, and
# takes from another's when it is done. pytest exits with 5 when it selects no test at all.
SLOW := -q -n auto --dist worksteal --durations=30 -m "slow and not browser"

test-all: $(STAMP) ## run the slow tests, which `make test` leaves out
	@echo '$(BIN)/python -m pytest $(SLOW)'
	@$(BIN)/python -m pytest $(SLOW) || { \
		status=$$?; \
		if [ $$status -ne 5 ]; then exit $$status; fi; \
		echo 'No test carries the slow mark yet: nothing to run here.'; \
	}

# Debian's packages. Elsewhere chromium and its chromedriver must be on the PATH.
APT := $$(test "$$(id -u)" = 0 || echo sudo) env DEBIAN_FRONTEND=noninteractive apt-get

browser: $(STAMP) ## test the pages in chromium, which is installed where absent
	@command -v chromium > /dev/null && command -v chromedriver > /dev/null || { \
		$(APT) update -qq && $(APT) install -qq -y --no-install-recommends \
			chromium chromium-driver > /dev/null; \
	}
	SYMBIND_BROWSER=required $(BIN)/python -m pytest -q -n auto -m browser tests/browser

lint: $(STAMP) ## ruff, import contracts and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(STAMP) ## apply ruff's fixes and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## run every script benchmarks/bench_*.py
	@set -e; for script in benchmarks/bench_*.py; do \
		if [ ! -e "$$script" ]; then echo 'No benchmarks yet.'; break; fi; \
		echo "$$script"; \
		$(BIN)/python -m "benchmarks.$$(basename "$$script" .py)"; \
	done

# Three hours on two idle cores; PROFILE=gpu for the sizes of the paper and beyond.
PROFILE ?= cpu

figures: $(STAMP) ## run the paper's experiments and draw docs/experiments.md
	$(BIN)/python -m examples.experiments --profile $(PROFILE)

# Hours: not part of the checks. OPTIONS="--near" asks the tests of each module alone.
mutants: $(STAMP) ## count which of 150 mutants the fast suite kills
	$(BIN)/python -m benchmarks.mutants $(OPTIONS)

constraints: ## resolve pyproject.toml afresh and rewrite constraints.txt
	@set -e; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh"; \
	"$$fresh/bin/python" $(PIP_INSTALL) '.[dev]' '$(TORCH)'; \
	{ sed -n '/^#/p' constraints.txt; \
	  "$$fresh/bin/python" -m pip --disable-pip-version-check freeze \
		--exclude symbind --exclude pip --exclude setuptools \
		| sed 's/^\(torch==[^+]*\)+.*/\1/'; \
	} > "$$fresh/constraints.txt"; \
	cp "$$fresh/constraints.txt" constraints.txt

clean: ## remove .venv, caches and build results
	rm -rf $(VENV) .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist
	find symbind_theory numerics proofs_check tests benchmarks examples \
		-type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
