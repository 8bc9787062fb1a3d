# `make demo` shows everything, with CRM=hubspot on HubSpot; `make test` proves it. Both need only Python 3.11 and make.

PYTHON ?= python3
CRM    ?= salesforce
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SPARK  := $(VENV)/.spark
NODE   := tests/conformance/node_modules/.ready

.PHONY: demo test units newest conformance spark bench lint format types schema docs clean venv

demo: venv
	$(BIN)/connector demo --crm $(CRM)

# The types are checked beside the tests: that takes one thread, and there are more.
test: lint
	@$(MAKE) --no-print-directory -j 2 types units

units: venv
	$(BIN)/pytest -m "not slow and not conformance and not spark" -n auto --dist worksteal

# Everything at its newest, whatever constraints.txt pins: what whoever installs today meets.
newest:
	$(PYTHON) -m venv .newest
	.newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --editable ".[dev]"
	.newest/bin/pytest -m "not slow and not conformance and not spark" -n auto --dist worksteal

# The sandbox against clients that we did not write; needs Node 20 or later, and npm.
conformance: venv $(NODE)
	$(BIN)/pytest -m conformance tests/conformance -n 2 --dist loadfile

# Spark against DuckDB, every score of 100,000 accounts; needs Java 17 or later.
spark: $(SPARK)
	$(BIN)/pytest -m spark tests/engines

bench: venv
	$(BIN)/python -m tests.bench

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: venv
	$(BIN)/mypy

# What is generated from the code and kept with it: the reference of commands and the schemas.
schema docs: venv
	$(BIN)/python docs/generate.py

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

$(SPARK): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[spark]"
	touch $(SPARK)

$(NODE): tests/conformance/package.json
	cd tests/conformance && npm install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $(NODE)

clean:
	rm -rf $(VENV) .newest tests/conformance/node_modules build dist demo report.html *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
