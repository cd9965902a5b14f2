# Everything is installed into .venv; nothing outside this folder is changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
BENCHES := .venv/.benches
SCALE := .venv/.scale
SITE := .venv/.site
BENCH ?=
FUZZ ?=

# Forecasting libraries need older versions of what everything else runs with: they have an environment of their own.
FORECAST := .venv-forecast

PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: demo test test-all test-rest docs matrix fuzz kills interruptions hostile scale forecast bench check format reference clean

demo: $(INSTALLED)  ## score the sample news with the embedded model and show the result
	$(BIN)/sentiscore demo --output demo

# What is imported again and again is compiled once.
unexport PYTHONDONTWRITEBYTECODE

test: $(INSTALLED)  ## run the tests, on as many cores as there are
	$(PYTEST)

test-all: $(INSTALLED)  ## run every test, and as often as it takes to be sure: more kills, more examples, every kind of model
	SENTISCORE_TESTS=all $(PYTEST) -m ''

test-rest: $(INSTALLED)  ## what test-all runs and test does not
	SENTISCORE_TESTS=all $(PYTEST) -m 'thorough or larger or hypothesis'

docs: $(SITE)  ## build the site in site/, where a warning is an error; the examples of the docs run, but for two that compute for minutes
	$(BIN)/zensical build --strict --config-file .zensical.toml
	$(PYTEST) -m '' tests/unit/docs tests/unit/cli/test_reference.py tests/integration/test_docs.py

matrix: $(INSTALLED)  ## a quick part of the tests with the lowest and the newest versions allowed, on each Python found; options in MATRIX
	$(BIN)/python -m tests.matrix $(MATRIX)

fuzz: $(INSTALLED)  ## 10,400 generated and damaged files of every kind; a share of them is in the tests
	$(BIN)/python -m tests.faults.fuzz all --cases 2600 $(FUZZ)

kills: $(INSTALLED)  ## 300 kills of nightly jobs; a handful is in the tests
	$(BIN)/python -m tests.faults.kills 300 $(KILLS)

interruptions: $(INSTALLED)  ## 200 interruptions of jobs by Ctrl-C and SIGTERM, some of them twice; a handful is in the tests
	SENTISCORE_INTERRUPTIONS=200 $(BIN)/python -m pytest tests/faults/test_interruption.py -k instant

hostile: $(INSTALLED)  ## 250 model folders that mean harm, through verify and score; a share of them is in the tests
	$(BIN)/python -m tests.faults.hostile_folders --cases 250 $(HOSTILE)

scale: $(SCALE)  ## install Ray, Dask, DuckDB and a server of objects, and run the tests that need them and skip elsewhere
	$(PYTEST) -m '' tests/integration/test_ray.py tests/integration/test_object_stores.py tests/integration/test_other_engines.py tests/faults/test_workers.py tests/faults/test_published_folders.py tests/unit/storage tests/unit/test_frames.py

forecast: $(FORECAST)/.installed  ## fit and predict with the forecasting libraries, in an environment of their own
	$(FORECAST)/bin/python -m pytest --numprocesses auto --dist worksteal tests/integration/test_forecasting_libraries.py tests/unit/features tests/unit/pipelines

bench: $(BENCHES)  ## compare the speed of scoring with the usual ways; options in BENCH, say BENCH='--rows 200'
	$(BIN)/python -m tests.benches.scoring $(BENCH)

check: $(INSTALLED)  ## format check, lint, the order of the rooms and strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy

format: $(INSTALLED)  ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(INSTALLED)  ## write what is made of the code: the references, the schemas, and the card in the default model's folder
	$(BIN)/python -m sentiscore.cli.reference docs/reference/cli.md
	$(BIN)/python -m sentiscore.cli.api_reference docs/reference/api.md
	$(BIN)/python -m sentiscore.cli.schemas docs/reference/schemas
	$(BIN)/python pipelines/default_model/card.py
	$(BIN)/python -m tests.notebook

clean:  ## remove what these commands made
	rm -rf .venv .venv-matrix $(FORECAST) demo site .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(BENCHES): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

$(SCALE): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[scale]'
	@touch $@

$(SITE): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

$(FORECAST)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(FORECAST)
	$(FORECAST)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,forecast]'
	@touch $@
