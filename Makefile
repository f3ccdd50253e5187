# Everything a newcomer needs: `make demo` and `make test`. Each sets up .venv the first time, and only then.
#   make PYTHON=python3.10 test     use another interpreter (3.10 to 3.13)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# pytest workers: one per core, at most four.
JOBS   ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo 4 || echo $$n)

.DEFAULT_GOAL := help
.PHONY: help setup demo test matrix fuzz docs lint types check build clean

help:            ## show this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

$(STAMP): pyproject.toml requirements/constraints.txt requirements/lava.txt requirements/lava-deps.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || { echo "equipoise needs Python 3.10 to 3.13, $(PYTHON) is $$($(PYTHON) --version 2>&1); try make PYTHON=python3.11 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=23.2"
	$(BIN)/python -m pip install --quiet -c requirements/constraints.txt -e ".[train,search,dev,bench,cluster,parquet,tensorboard,nir,docs]"
	@# The package that examples/nir_network.py trains with; its own list of dependencies is empty.
	$(BIN)/python -m pip install --quiet --no-deps -c requirements/constraints.txt snntorch nirtorch
	@# Lava runs on 3.10 and, through our loader, 3.11; elsewhere everything but the lava-sim target works.
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
	  $(BIN)/python -m pip install --quiet -c requirements/constraints.txt -r requirements/lava-deps.txt && \
	  $(BIN)/python -m pip install --quiet --no-deps --ignore-requires-python -r requirements/lava.txt && \
	  { $(BIN)/python -m pip install --quiet -c requirements/constraints.txt --only-binary=brian2 "brian2>=2.7" || \
	    echo "Brian2 has no wheel for this machine: its reference tests will be skipped."; }; \
	else echo "Lava has no release for this Python: the target lava-sim will be reported as unavailable."; fi
	@touch $(STAMP)

setup: $(STAMP)  ## create .venv and install everything, once

demo: $(STAMP)   ## see it work: two networks learn, a QUBO is solved, a page says what it cost
	$(BIN)/equipoise demo

test: $(STAMP)   ## run the test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q

matrix: $(STAMP) ## every rule x homeostasis x wiring x read-out x activation (the test suite runs a tenth)
	EQUIPOISE_MATRIX=all $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q tests/learning_rules/test_matrix.py

fuzz: $(STAMP)   ## damaged files through every reader: about 320 000 inputs, an hour or so
	$(BIN)/python bench/fuzz.py --keep fuzz-failures

docs: $(STAMP)   ## the site into dist/site, notebooks executed; no network needed
	$(BIN)/mkdocs build --quiet

lint: $(STAMP)   ## style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)  ## type checks
	$(BIN)/mypy

check: lint types test  ## all that CI runs

build: $(STAMP)  ## sdist and wheel into dist/
	$(BIN)/python -m build

clean:           ## remove what make made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
