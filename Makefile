# What a person types. Everything runs in .venv, made from the pins of requirements.txt and slurm/requirements.txt by
# the first target that needs it, and made anew when the pins change.

PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || $(PYTHON) -c 'import os; print(os.cpu_count())')

BIN := .venv/bin
STAMP := .venv/installed
# A reader of Zarr in JavaScript, for the tests, where there is npm.
READER := tests/javascript/node_modules/installed
# Libraries that the benchmarks are held against, in an environment of their own.
PEERS := .venv-peers/installed
# Rules call `gwsim` by its name.
ON_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help run exercise test lint benchmarks unlock

help: ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /  make \1	/p' Makefile
	@echo "Variables: CORES=$(CORES) PYTHON=$(PYTHON)"

run: $(STAMP) ## make the default datasets, train, explain, and say where the page is
	$(ON_PATH) $(BIN)/snakemake --cores $(CORES)
	@echo "Results:"
	@for path in results/index.html results/*/*/data.zarr results/*/networks/*/model.safetensors; do \
	    if [ -e "$$path" ]; then echo "  $$path"; fi; \
	done

exercise: $(STAMP) ## the first exercise alone: chirp or blip?
	$(ON_PATH) $(BIN)/snakemake --cores $(CORES) --configfile workflow/configs/chirp-blip.yaml
	@echo "Open results/chirp_blip/exercise/index.html"

test: $(STAMP) $(READER) ## run the tests
	$(ON_PATH) $(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

lint: $(STAMP) ## check style and workflow, changing nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(ON_PATH) $(BIN)/snakemake --lint

benchmarks: $(STAMP) $(PEERS) ## measure every stage beside PyCBC, GWpy, other libraries and the limit
	$(BIN)/python benchmarks/run.py $$(test ! -e $(PEERS) || echo --peers .venv-peers/bin/python)

unlock: $(STAMP) ## remove the lock that a killed run left behind
	$(BIN)/snakemake --unlock

$(STAMP): requirements.txt slurm/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || { \
	    echo "ERROR: gwsim needs Python 3.11.5 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	        "Name another: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Installing the pinned packages into .venv: a minute or two."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement slurm/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS): benchmarks/peers/requirements.txt requirements.txt
	@if $(PYTHON) -m venv .venv-peers && \
	    .venv-peers/bin/pip install --quiet "$$(grep '^torch==' requirements.txt)" && \
	    .venv-peers/bin/pip install --quiet --no-deps --requirement $<; then touch $@; else \
	    echo "ml4gw and torchcam could not be installed: they are left out" >&2; fi

$(READER): tests/javascript/package-lock.json
	@if command -v npm > /dev/null && npm ci --silent --prefix tests/javascript; then touch $@; else \
	    echo "zarrita is not installed (no npm, or no network): its tests are skipped" >&2; fi
