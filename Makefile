# Shortcuts for people. CI runs the same commands: see .ci/run.
BIN ?= .venv/bin
UV := $(BIN)/uv
.DEFAULT_GOAL := help
.PHONY: help setup format check static lint types imports contract dependencies project test test-lowest test-all proto names lock bench bench-all serve

help: ## list what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## make .venv with exactly the packages of requirements.lock, and this checkout
	python3 -m venv .venv
	$(BIN)/pip install -r requirements.lock
	$(BIN)/pip install --no-build-isolation --no-deps -e .

format: ## lay out the code, sort the imports, mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: static project ## all that can be said without running the service

static: lint types imports contract dependencies

lint:
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports --no-logo

contract:
	$(BIN)/buf lint proto
	$(UV) run -q --script scripts/gen_proto.py --check

dependencies:
	$(BIN)/pip check
	$(BIN)/deptry .

project:
	$(BIN)/pytest -q tests/project

test: ## the tests
	$(BIN)/pytest -q -n auto

test-lowest: ## the tests, with the oldest packages that pyproject.toml admits
	rm -rf build/lowest && mkdir -p build
	python3 -m venv build/lowest
	build/lowest/bin/pip install -q -r requirements-lowest.lock
	$(BIN)/python -m build -q --no-isolation --wheel --outdir build/lowest/dist
	build/lowest/bin/pip install -q --no-deps build/lowest/dist/*.whl
	build/lowest/bin/pytest -q -n auto --ignore=tests/project

test-all: test test-lowest ## both

proto: ## generate idsync/v1 from proto/
	$(UV) run --script scripts/gen_proto.py

names: ## accept the public names as they are now
	$(BIN)/python -m tests.project.public_names > build-names.tmp && mv build-names.tmp tests/project/public_names.txt

COMPILE = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra postgres --extra bench --extra e2e --extra dev pyproject.toml

lock: ## write the lock files anew, with the newest and the oldest packages admitted, and those of npm
	$(COMPILE) --upgrade -o requirements.lock
	$(COMPILE) --upgrade --resolution lowest-direct -o requirements-lowest.lock
	$(BIN)/python -m scripts.npm_packages lock

bench: ## compare the service with echo servers of the same messages (about 7 minutes)
	$(BIN)/python -m tests.bench --rounds 3

bench-all: ## the same with large databases, PostgreSQL, the load generator itself, and the charts of the docs
	$(BIN)/python -m tests.bench --all --chart docs/performance

serve: ## start the service here, on ./idsync-data
	$(BIN)/idsync serve
