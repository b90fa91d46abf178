# Needs GNU make 3.81 or later and Python 3.11 or later; everything else comes from the package
# index. `make` alone lists the targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check examples bench campaign judges clean

VENV := .venv
BIN := $(VENV)/bin
FALSMITH := $(BIN)/python -m falsmith
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Two at a time: enough to halve the wait, and kind to small machines.
WORKERS ?= 2
# For example: make campaign CAMPAIGN="--rounds 100 --seed 7"
CAMPAIGN ?=
# Tests that read the folder of real documents run where FALSMITH_CORPUS names it.
SELECTED := $(if $(FALSMITH_CORPUS),,-m "not corpus")

help:
	@echo 'make demo      generate a skill, verify it and run it against a local emulator'
	@echo 'make test      run the tests'
	@echo 'make check     check format, lint and types, then run the tests'
	@echo 'make examples  generate generated-examples/ again'
	@echo 'make judges    let independent validators, hosts and a scanner judge examples and bundles'
	@echo 'make bench     measure speed, memory and token budgets against their targets'
	@echo 'make campaign  kill and deceive 1,000 calls at random: none may be paid twice or lost'
	@echo 'make clean     remove the environment and all caches'
	@echo
	@echo 'Each target sets up $(VENV) by itself. FALSMITH_CORPUS=FOLDER adds the tests and'
	@echo 'benchmarks over a folder of real documents.'

demo: $(VENV)/.emulator
	@$(FALSMITH) demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n $(WORKERS) $(SELECTED)

check: $(VENV)/.dev
	@$(BIN)/ruff format --quiet --check . || \
		{ echo 'Format: run $(BIN)/ruff format .' >&2; $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(MAKE) --no-print-directory test

examples: $(VENV)/.emulator
	@$(BIN)/python tests/examples/make_examples.py

judges: $(VENV)/.dev
	@CI=1 $(BIN)/python -m pytest -q -k 'judges or validator or skillcheck or installer' \
		tests/publish/judges.py tests/publish/test_bundle_judges.py \
		tests/verify/test_verify_judges.py tests/test_examples.py

bench: $(VENV)/.dev
	@$(BIN)/python tests/benchmarks

campaign: $(VENV)/.dev
	@$(BIN)/python tests/campaign/campaign.py $(CAMPAIGN)

clean:
	@rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find generator tests generated-examples -type d \
		\( -name __pycache__ -o -name .ruff_cache \) -prune -exec rm -rf {} +

# The stamps are renewed when pyproject.toml changes. What tests need includes the emulator.
$(VENV)/.emulator: pyproject.toml | $(BIN)/python
	@echo 'Setting up $(VENV) ...'
	@$(PIP) --editable '.[emulator]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo 'Setting up $(VENV) with the tools for development ...'
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.emulator

# Some systems ship Python with pip and without ensurepip: pip then fills the environment itself.
$(BIN)/python:
	@for python in python3.13 python3.12 python3.11 python3 python; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		rm -rf $(VENV); \
		"$$python" -m venv $(VENV) >/dev/null 2>&1 && exit 0; \
		"$$python" -m venv --clear --without-pip $(VENV) && \
			"$$python" -m pip --quiet --python $(BIN)/python install pip && exit 0; \
		rm -rf $(VENV); \
	done; \
	echo 'No Python 3.11 or later with venv and pip was found: install one, for example' >&2; \
	echo 'with "apt install python3 python3-venv" or from https://www.python.org.' >&2; \
	exit 1
