# The one door: `make` lists what can be done. Everything happens in $(VENV).
#
# PYTHON    the interpreter that makes the environment (3.11 or newer)
# TORCH     an exact build, for example TORCH=torch==2.13.0; empty takes pyproject's range
# PIP_ARGS  further arguments for pip, for example an index of CPU-only builds
PYTHON ?= python3
VENV ?= .venv
TORCH ?=
PIP_ARGS ?=
WORKERS ?= auto

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Tests run in parallel processes: more than one thread in each only makes them wait.
PYTEST = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-fast check check-format check-lint check-types check-imports \
	check-dependencies all bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make the environment and install the package into it (once)

# Repeated only when the dependencies may have changed.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_ARGS) $(TORCH) -e ".[all,dev]"
	@touch $@

demo: setup ## Train, evaluate and package a small model in runs/demo
	$(BIN)/ossamma demo --out runs/demo --overwrite

test: setup ## Run every test that this machine can run, without a GPU
	$(PYTEST) -m "not gpu"

test-fast: setup ## Run the tests that take seconds
	$(PYTEST) -m "not gpu and not slow and not e2e"

check: check-format check-lint check-types check-imports check-dependencies ## Run all static checks

check-format: setup ## Is everything formatted?
	$(BIN)/ruff format --check

check-lint: setup ## Does the linter find anything?
	$(BIN)/ruff check

check-types: setup ## Do the types hold (mypy, strict)?
	$(BIN)/mypy

check-imports: setup ## Do imports go down the house only?
	$(BIN)/lint-imports --no-logo

check-dependencies: setup ## Is every import declared and every dependency used?
	$(BIN)/deptry src

all: check test ## Everything that must hold before a commit is shared

# Those that need no data; the others ask for theirs.
bench: setup ## Run the benchmarks of speed; each prints a ratio against a peer in the same run
	@set -e; for script in $(addprefix benchmarks/,crf.py deduplicate.py encoder.py extraction.py \
		metrics.py oscillator.py); do \
		echo "==== $$script"; $(BIN)/python "$$script"; done

clean: ## Remove caches and built packages (neither runs/ nor the environment)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
