# Two commands do all the set-up themselves: `make demo` and `make test`.
SHELL := /bin/sh
BIN := .venv/bin
ARGS :=
# The index is asked directly when the locks are made: a folder of local wheels would hide the hashes of the others.
LOCK_ENVIRONMENT := PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS=
LOCK := $(LOCK_ENVIRONMENT) .venv/lock/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	--build-deps-for wheel pyproject.toml


# Tests wait for the disk after each transaction of SQLite: their files lie in memory where there is room for them.
MEMORY := $(shell df -k --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 2000000 { print "/dev/shm" }')
# A test that waits for a server or a moment leaves its processor to another: three workers on two of them.
WORKERS := $(shell expr \( $$(getconf _NPROCESSORS_ONLN) \* 3 + 1 \) / 2)
# Many tests start Python: what was compiled once is kept for them.
PYTEST := PYTEST_DEBUG_TEMPROOT=$(MEMORY) PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --durations 10
# What takes long: every folder of tests that pyproject.toml does not name in testpaths. Its files are not split: a corpus
# is read, a browser started, once for all tests of a file.
LONG := tests/browser tests/chaos tests/corpora tests/fuzz tests/oracles tests/servers tests/shipping

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-all check bench chaos containers lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.run ## the whole story on this machine; ARGS=--once ends by itself
	$(BIN)/mailbot demo $(ARGS)

test: .venv/.dev ## the first job, for every change; ARGS=tests/unit/test_secret.py for one file
	$(PYTEST) --dist worksteal $(ARGS)

test-long: .venv/.dev ## the second job: oracles, real mail servers, corpora, fuzz, chaos, browser, campaigns, and properties with many examples
	MAILBOT_LONG=1 $(PYTEST) --dist loadfile $(LONG) $$(grep -rlE --include='*.py' '^from hypothesis|mark\.campaign' tests/unit tests/contract tests/integration) $(ARGS)

test-all: test test-long ## both: every test that this machine can run

check: .venv/.dev ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## how fast it is
	$(BIN)/python -m tests.bench $(ARGS)

chaos: .venv/.dev ## 2,000 faults against the real program; ARGS="--faults 100 --seed 7"
	$(BIN)/python -m tests.chaos $(ARGS)

containers: .venv/.dev ## docker-compose.yml as it is: build, start, letters through all of it, stop
	$(BIN)/python -m tests.containers

lock: .venv/.dev ## make the lock files anew from pyproject.toml
	$(BIN)/python -m venv .venv/lock
	.venv/lock/bin/pip install --quiet pip-tools
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove everything that was made here
	rm -rf .venv .demo .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is needed to run is part of what is needed to test, so the second stamp stands for both.
.venv/.run: requirements.lock pyproject.toml deploy/venv.sh
	deploy/venv.sh .venv requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml deploy/venv.sh
	deploy/venv.sh .venv requirements-dev.lock
	@touch .venv/.run $@
