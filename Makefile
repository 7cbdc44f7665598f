# `make help` lists the targets. Everything that is needed is installed by them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
export KUBECONFIG ?= $(CURDIR)/dev/cluster/kubeconfig

include dev/dev.mk

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment: pinned with hashes, made anew when the lock changes.
$(VENV)/.installed: requirements/dev.lock
	@echo "installing the development environment into $(VENV)"
	@python3 -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory setup
	@python3 -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@echo "$(CURDIR)/operator" > "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/contender.pth"
	@touch $@

.PHONY: venv
venv: $(VENV)/.installed ## install the development environment

.PHONY: demo
demo: ## from nothing to a served model, and a challenger that takes its place (CONTEXT=name: on a cluster of yours)
	@$(DEV_PYTHON) -m dev.demo $(if $(CONTEXT),--context '$(CONTEXT)')

.PHONY: demo-down
demo-down: ## remove what `make demo` applied (the cluster stays: make cluster-down)
	@$(DEV_PYTHON) -m dev.demo --remove $(if $(CONTEXT),--context '$(CONTEXT)')

.PHONY: run
run: venv ## run the operator here, against the cluster of KUBECONFIG
	@$(PYTHON) -m contender operator

.PHONY: generate
generate: venv ## write CRDs, RBAC and the field reference from the code
	@$(PYTHON) -m contender.generate

.PHONY: format
format: venv ## format the code
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

.PHONY: lint
lint: venv ## style, types, import layers, stale generated files
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(PYTHON) -m contender.generate --check

.PHONY: test
test: ## set up everything and run all checks and tests (CI calls this)
	@$(DEV_PYTHON) -m dev.test

.PHONY: test-fast
test-fast: ## lint and the tests that need no cluster
	@$(DEV_PYTHON) -m dev.test --fast

.PHONY: soak
soak: venv ## random operations on a real operator for MINUTES=30, from SEED=1 on
	@SOAK_MINUTES=$(or $(MINUTES),30) SOAK_SEED=$(or $(SEED),1) \
	  $(PYTHON) -m pytest -s tests/faults/test_soak.py

.PHONY: bench
bench: venv ## measure, and write docs/benchmarks.md (ONLY="creation life": some; QUICK=1: try it out)
	@$(PYTHON) -m bench $(ONLY) $(if $(QUICK),--quick,--docs)

.PHONY: lock
lock: venv ## pin all dependencies anew, with hashes
	@cd requirements && for one in operator dev; do \
	  ../$(VENV)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
	    --python-version 3.11 ../pyproject.toml $$([ $$one = dev ] && echo "--group ../pyproject.toml:dev") \
	    --output-file $$one.lock; done
