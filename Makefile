# Every target does its own set-up; only Python >= 3.11 and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install run test lint bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make install  .venv with the locked dependencies and Kapman"
	@echo "make run      from a fresh clone to a running Dagster with a materialised simulated market (ARGS='--port 3001')"
	@echo "make test     all tests with the coverage floor"
	@echo "make lint     format, lint, types, import rules, locks"
	@echo "make bench    the benchmark suite; writes benchmarks/results.json"
	@echo "make lock     compile requirements/*.txt anew from pyproject.toml"

$(STAMP): pyproject.toml requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kapman needs Python 3.11 or newer; say which: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

install: $(STAMP)

run: install
	@exec $(BIN)/kapman up $(ARGS)

# Three workers for two cores: those with a browser wait more than they work.
test: install
	@$(BIN)/python -m pytest -n 3 --dist loadgroup --cov --cov-report=term:skip-covered

lint: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.locks

bench: install
	@$(BIN)/python -m benchmarks

UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@echo "uv" | $(UV_COMPILE) - -o requirements/uv.txt
	@$(UV_COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(UV_COMPILE) pyproject.toml --extra dev -o requirements/dev.txt

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*
