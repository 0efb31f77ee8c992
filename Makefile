# Two commands matter: `make demo` and `make test`. Each does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
LINT_IMPORTS := PYTHONPATH=.venv/lint .venv/lint/bin/lint-imports --no-logo
STAMP := .venv/.installed
BENCH_STAMP := .venv/.bench-installed
ARGS ?=
# The tests of the rig mostly wait: three at a time; what one file sets up stays with one worker, and the files of many
# quick tests come last, where they fill the gaps.
BESIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test test-long bench deps chips lint format lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(STAMP)  ## one simulated home, the whole chain, a page to look at (ARGS="--for 60 --json")
	@exec $(BIN)/lum-hil demo $(ARGS)

test: deps $(STAMP)  ## everything that runs in minutes: lint, types, import rules, tests
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy
	@$(LINT_IMPORTS) >.venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/pytest $(BESIDE) $(ARGS)

test-long: deps chips  ## slower campaigns, and keys in a TPM
	@$(BIN)/pytest -m "long or not long" $(BESIDE) $(ARGS)

bench: $(BENCH_STAMP)  ## figures, each beside a peer or a limit measured in the same run
	@$(BIN)/python -m tests.bench $(ARGS)

deps:  ## install the system packages the tests use (root on Debian or Ubuntu; else names them)
	@requirements/system.sh

chips: $(STAMP)  ## install what tests of keys in a TPM use; its driver is compiled (root on Debian or Ubuntu)
	@requirements/chips.sh

lint: $(STAMP)  ## format, then lint, types and import rules
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q . && $(BIN)/mypy && $(LINT_IMPORTS)

lock: $(STAMP)  ## renew the hash-locked requirements (needs uv)
	@requirements/lock.sh

clean:  ## forget the virtual environment and caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BENCH_STAMP): requirements/bench.txt $(STAMP)
	@echo "Installing the peers that are measured beside ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(STAMP): requirements/dev.txt requirements/lint.txt pyproject.toml requirements/venv.sh
	@PYTHON=$(PYTHON) requirements/venv.sh
	@touch $@
