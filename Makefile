# `make run` starts the app, `make test` runs all tests; both set up whatever is missing first.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# uv makes the environment from uv.lock; where it is missing, pip brings it into .tools/.
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
RUN := $(UV) run --frozen
# Two processes at a time on two cores; the tests of a file stay together because they share what is dear to make.
TESTS := $(RUN) pytest --numprocesses auto --maxprocesses 4 --dist loadfile
# pip follows requirements.txt, and for mediapipe requirements-no-deps.txt; docs/deploy.md says why.
EXPORT := $(UV) export --frozen --no-dev --no-emit-project --no-annotate --no-header -q
PYTHON ?= python3

.PHONY: help run test check fix bench cluster docs pictures languages lock browser postgresql haproxy javascript

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(UV) ## Start the app
	@$(RUN) --no-dev app.py

# Tests start hundreds of processes: none of them is to compile once more what it imports.
test check: export UV_COMPILE_BYTECODE = 1
test check: export PYTHONDONTWRITEBYTECODE =

test: $(UV) browser postgresql javascript ## Run all tests, browser tests too
	@$(TESTS) $(ARGS)

check: $(UV) browser postgresql javascript ## Format, lint, types, import rules, lock files, tests
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) ty check
	@$(RUN) lint-imports
	@$(UV) lock --check
	@$(TESTS) $(ARGS)

fix: $(UV) ## Format the code and mend what the linter can
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

bench: $(UV) ## Run the benchmarks
	@$(RUN) python -m benchmarks $(ARGS)

cluster: $(UV) postgresql haproxy ## Start two replicas, workers, a scheduler, PostgreSQL and an S3 server, until Ctrl+C
	@$(RUN) python -m benchmarks cluster up $(ARGS)

docs: $(UV) ## Build the documentation into build/docs
	@NO_MKDOCS_2_WARNING=1 $(UV) run --frozen --isolated --only-group docs mkdocs build --quiet
	@echo "build/docs/index.html"

pictures: $(UV) browser ## Take the pictures of the documentation from the running app
	@$(RUN) assets/make_pictures.py

languages: $(UV) ## Bring the catalogues of what is said in Chinese up to date
	@$(RUN) assets/make_languages.py

lock: $(UV) ## Renew uv.lock and what pip reads
	@$(UV) lock
	@$(EXPORT) --no-hashes --no-emit-package mediapipe -o requirements.txt
	@$(EXPORT) | awk '/^mediapipe==/, !/\\$$/' > requirements-no-deps.txt

browser: $(UV)
	@UV="$(UV)" .ci/browser

postgresql:
	@.ci/postgresql

haproxy:
	@.ci/haproxy

javascript:
	@.ci/javascript

.tools/bin/uv:
	@echo "uv is missing: installing it into .tools/ with pip"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target .tools uv
