# Needs make, a Python >= 3.11 and a package index; everything else goes into a virtual environment,
# one for each version of Python, that is kept: .venv/3.11, .venv/3.12, ...

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && exit; done; echo python3)
endif
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv/$(VERSION)
RUN := $(VENV)/bin/python

# Options of the demo, and of pytest.
ARGS ?=
PYTEST ?= -n auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test bench nightly environment clean FORCE

help:
	@echo 'make demo         trains on handwritten digits by both gradients, proves every rule that'
	@echo '                  the network uses, and writes the report to build/demo'
	@echo 'make test         the tests and doctests, but for those that take long'
	@echo 'make bench        the benchmarks'
	@echo 'make nightly      the tests that are too long for every commit, then the benchmarks'
	@echo 'make environment  the environment with the tools of development; prints its path'
	@echo 'make clean        removes the environments and everything that was built'
	@echo
	@echo 'make PYTHON=python3.12 test           with another interpreter, at least 3.11'
	@echo 'make demo ARGS="--data my.npz"        with options; ARGS=--help lists them'
	@echo 'make test PYTEST="-k softmax -x"      with options of pytest'
	@echo "make test PYTEST='-m \"slow and not nightly\"'   what else the gate of a change runs"
	@echo 'JAX_ENABLE_X64=1 make test            in double precision'

demo: $(VENV)/examples.installed
	@$(RUN) examples/01_digits.py $(ARGS)

test: $(VENV)/test.installed
	$(RUN) -m pytest $(PYTEST)

bench: $(VENV)/test.installed $(VENV)/peers.installed
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(RUN) $$script; done

nightly: $(VENV)/test.installed $(VENV)/peers.installed
	$(RUN) -m pytest -m "slow or nightly" $(PYTEST)
	JAX_ENABLE_X64=1 $(RUN) -m pytest -m "nightly or not nightly" $(PYTEST)
	RANDOM_PROGRAMS=500 $(RUN) -m pytest $(PYTEST) tests/derivations/test_random_programs.py
	@$(MAKE) --no-print-directory bench

environment: $(VENV)/dev.installed
	@echo $(VENV)

# An environment whose interpreter has gone since is made anew.
$(VENV)/%.installed: pyproject.toml $(if $(wildcard $(RUN)),,FORCE)
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { \
		echo 'functional-nn needs Python 3.11 or newer. Got $(PYTHON): $(or $(VERSION),not found).' >&2; \
		echo 'Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@echo 'Installing into $(VENV), once: this takes a minute or two.' >&2
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		echo '$(PYTHON) cannot make a virtual environment. Install its venv module (on Debian' >&2; \
		echo 'python$(VERSION)-venv), or name another: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

clean:
	rm -rf .venv build dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
