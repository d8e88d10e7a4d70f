.DEFAULT_GOAL := help
.PHONY: help demo test lint format golden bench bench-heart bench-compiler docs dist clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

demo: $(VENV)/.demo-ready ## Train one model over four hospitals from examples/heart-disease/heart.ipynb
	$(BIN)/nbfed simulate examples/heart-disease/heart.ipynb

test: $(VENV)/.dev-ready ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev-ready ## Check style (ruff) and types (mypy --strict)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev-ready ## Format the code and sort the imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

golden: $(VENV)/.dev-ready ## Write the expected output in tests/golden/ anew, to be reviewed in the diff
	$(BIN)/python -m tests.golden.regenerate

bench: $(VENV)/.dev-ready ## Measure speed and memory: engines, a model of 101 MB, growth, start (half an hour)
	$(BIN)/python -m benchmarks

bench-heart: $(VENV)/.dev-ready ## Set accuracy on heart disease beside the published benchmark's
	$(BIN)/python -m benchmarks.heart

bench-compiler: $(VENV)/.dev-ready ## Time the compiler: start, a notebook of 300 cells, growth to 3,000 cells
	$(BIN)/python -m benchmarks.compiler

docs: $(VENV)/.dev-ready ## Build the documentation into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: $(VENV)/.dev-ready ## Build the wheel and the source distribution into build/dist and check them
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist
	$(BIN)/python -m twine check --strict build/dist/*

clean: ## Remove the virtual environment, caches and built distributions (never your runs)
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nbfed needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing nbfed and the versions of constraints.txt into $(VENV) (once; a few minutes)"
	$(INSTALL) --editable '.[examples]'
	@touch $@

$(VENV)/.dev-ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing nbfed, its tests' needs and the versions of constraints.txt into $(VENV) (once; a few minutes)"
	$(INSTALL) --editable '.[dev]'
	@if [ "$$(id -u)" = 0 ] && command -v apt-get && ! { command -v chromium && command -v ip; }; then \
	  echo "Installing Debian's chromium and iproute2, which tests use" >&2; \
	  apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium iproute2 || \
	    echo "That failed: tests that need them are skipped, or fail where CI is set" >&2; fi > /dev/null
	@touch $@
