# Every target sets itself up: it makes .venv and installs what constraints.txt names when that is missing or out of
# date, and goes straight to work when it is not. Needs Python 3.11 or newer and make.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=

# One thread per process: the tests run in two processes, and small tensors gain nothing from more.
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup demo tour test test-slow lint format bench accuracy clean

help:
	@echo "mutualist: mutual information, learned. An estimate and an honest interval for any two groups of columns."
	@echo
	@echo "First steps:"
	@echo "  make demo        how much does each column of a real table tell about its target? (sets itself up)"
	@echo "  make test        the fast tests, in two processes"
	@echo
	@echo "Then:"
	@echo "  make tour        the whole chain in small: data, training, calibration, export, estimate, REST (minutes)"
	@echo "  make lint        style, format and types"
	@echo "  make format      let ruff put style and format right"
	@echo "  make test-slow   the tests that take longer"
	@echo "  make bench       what is measured, each with a table (see benchmarks/README.md)"
	@echo "  make accuracy    the weights beside other estimators: rewrites the README's table and docs/accuracy.md"
	@echo "  make clean       remove caches, builds and out/; keeps .venv and runs/"
	@echo
	@echo "More words for a command go into ARGS:  make test ARGS='-k estimator -x'"
	@echo "Another Python:                         make demo PYTHON=python3.12"

setup: $(READY)

# The stamp appears only after everything has been installed; its time is that of the beginning, so that an edit made
# meanwhile counts as newer.
$(READY): pyproject.toml constraints.txt
	@rm -f $@
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "mutualist needs Python 3.11 or newer, and '$(PYTHON)' was not found." >&2; \
	  echo "Install it, or name yours: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mutualist needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1)." >&2; \
	  echo "Name a newer one: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV); } || { \
	  echo "'$(PYTHON) -m venv' failed (Debian and Ubuntu: install the package python3.11-venv)." >&2; exit 1; }
	@touch $(VENV)/.installing
	@echo "Installing mutualist and its tools into $(VENV): minutes the first time, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@mv $(VENV)/.installing $@

demo: $(READY)
	@$(BIN)/python -m mutualist.demo $(ARGS)

tour: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/tour.sh

test: $(READY)
	@$(THREADS) $(BIN)/python -m pytest -n 2 $(ARGS)

test-slow: $(READY)
	@$(THREADS) $(BIN)/python -m pytest -m slow $(ARGS)

# All three run, so that one look shows everything. mypy cannot follow the hook of an editable install: it gets a tree
# of links that has the shape of the installed package (see docs/decisions/0001-folders-under-one-name.md).
lint: $(READY)
	@rm -rf build/types && mkdir -p build/types/mutualist && cd build/types/mutualist \
	  && ln -s ../../../mutualist/* ../../../datagen ../../../models ../../../training ../../../serving .
	@failed=0; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/mypy || failed=1; \
	exit $$failed

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)
	@for file in benchmarks/[!_]*.py; do \
	  echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

accuracy: $(READY)
	@$(THREADS) $(BIN)/python benchmarks/accuracy.py --records 2000 --unseen 1000 --subset 200 --publish $(ARGS)

clean:
	rm -rf build dist out *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
