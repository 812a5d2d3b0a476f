# Everything one does with this repository. It needs Python 3.11 or later, with venv, and make; `make` lists the targets.

PYTHON ?= python3
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check --no-input --require-hashes
COMPILE := $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-annotate --quiet

# The tools of the virtual environment come first; Python finds the code and the generated code from anywhere.
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/.tools/bin:$(PATH)
export PYTHONPATH := $(CURDIR):$(CURDIR)/generated

.DEFAULT_GOAL := help
.PHONY: help setup up test check format generate bench chaos seed tour clean clean-data requirements grpcurl

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev grpcurl ## install what development needs into .venv, and grpcurl into .tools

up: $(VENV)/.run ## run the whole mesh until Ctrl-C; STORE=cassandra, or flags in ARGS, such as ARGS="--edge-port 9080"
	@$(RUN) -m dev_mesh up $(if $(STORE),--store $(STORE)) $(ARGS)

test: $(VENV)/.dev grpcurl ## run every test; ARGS goes to pytest, such as ARGS="-k timeline"
	$(RUN) -m pytest $(ARGS)

check: $(VENV)/.dev ## format, lint, types, import rules, contracts, generated code, house rules
	@sh tools/check.sh

format: $(VENV)/.dev ## put code and contracts into their one form
	ruff format
	ruff check --fix
	buf format --write protos

generate: $(VENV)/.dev ## write generated/ anew from protos/, and the table of settings in docs/
	sh tools/generate.sh
	$(RUN) tools/settings_table.py

bench: $(VENV)/.dev ## measure what the mesh costs; STORE=cassandra, ARGS="--graph FILE" takes a real graph, ARGS=--help
	@sh tools/bench_tools.sh
	$(RUN) -m bench $(if $(STORE),--store $(STORE)) $(ARGS)

chaos: $(VENV)/.dev ## kill parts of meshes under load and compare; QUICK=1 or FULL=1, STORE=cassandra, BAR=F05, SEED=7, JOBS=1
	$(RUN) -m tests.faults.chaos $(if $(QUICK),--scale quick) $(if $(FULL),--scale full) \
		$(if $(STORE),--store $(STORE)) $(if $(BAR),--bar $(BAR)) $(if $(SEED),--seed $(SEED)) \
		$(if $(JOBS),--jobs $(JOBS)) $(ARGS)

seed: $(VENV)/.run ## fill a running mesh: GRAPH=edge-list USERS=n POSTS=n, more flags in ARGS
	@$(RUN) -m dev_mesh seed $(if $(GRAPH),--graph "$(GRAPH)") $(if $(USERS),--users $(USERS)) \
		$(if $(POSTS),--posts $(POSTS)) $(ARGS)

tour: $(VENV)/.run ## show the main job on a running mesh, call by call
	@$(RUN) -m dev_mesh tour $(ARGS)

clean: ## remove what can be made again: .venv, tools, caches; never data
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: $(VENV)/.run ## delete the data of the mesh in .data; another folder with ARGS="--data-dir FOLDER"
	@$(RUN) -m dev_mesh clean-data $(ARGS)

requirements: $(VENV)/.dev ## pin requirements*.in anew, with hashes
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements.in requirements-dev.in -o requirements-dev.txt

grpcurl: $(VENV)/.dev
	@sh tools/setup_grpcurl.sh

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@printf '%s\n' "$(CURDIR)" "$(CURDIR)/generated" > "$$($@ -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/aviary.pth"

# A stamp is newer than the requirements that are installed.
$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/.run
