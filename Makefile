# Everything a developer does here starts with make. CI runs the same targets (see .ci/run).

BIN := .venv/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check install --require-hashes
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(LOCK_ARGS)

# In tests, passwords are made up and named as such.
SCAN := $(BIN)/uv tool run --from detect-secrets==1.5.0 detect-secrets-hook

# Each stamp says that what it names is installed as its lock file says.
LOCAL := .venv/.installed-local
DEV := .venv/.installed-dev
NODE := .venv/.installed-node
JAVASCRIPT := node_modules/.installed
JAVASCRIPT_DEV := node_modules/.installed-dev

# What the setup put into .venv (Node, nats-server) comes first. Make 3.81, on macOS, respects this only in commands
# that need a shell, so npm's have an `&&`.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(LOCAL) $(JAVASCRIPT) ## Install what `make run` needs, into .venv and node_modules

.PHONY: setup-dev
setup-dev: $(DEV) $(JAVASCRIPT_DEV) ## Install what the tests and checks need as well

# The list of settings needs nothing but Python.
.PHONY: run
run: $(if $(filter -h --help,$(ARGS)),$(PY),setup) ## Start the whole system on this machine (settings: make run ARGS=--help)
	@exec $(PY) -m dev.run $(ARGS)

.PHONY: test
test: setup-dev ## Run the tests (choose some: make test ARGS=tests/broker)
	$(PY) -m pytest $(ARGS)

.PHONY: bench
bench: setup-dev ## Measure relays, idle connections and the core (options, more commands: make bench ARGS=--help)
	$(PY) -m tests.bench $(ARGS)

.PHONY: chaos
chaos: setup-dev ## Kill processes under load, and check the promises (options: make chaos ARGS=--help)
	$(PY) -m tests.chaos $(ARGS)

.PHONY: sim
sim: setup-dev ## Play histories of a simulated cluster for a minute (SIM_MINUTES=60; again: SIM_SEED=7 SIM_ROOM=party-1-1)
	@SIM_MINUTES="$(SIM_MINUTES)" SIM_SEED="$(SIM_SEED)" SIM_PEER="$(SIM_PEER)" SIM_ROOM="$(SIM_ROOM)" $(PY) -m tests.sim

.PHONY: attack
attack: setup-dev ## Attack a running system and see whether its clients notice (options: make attack ARGS=--help)
	$(PY) -m tests.attack $(ARGS)

.PHONY: check
check: $(DEV) ## Check format, lint and types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

.PHONY: docs
docs: $(LOCAL) $(JAVASCRIPT_DEV) ## Make the tables, charts, openapi.json, asyncapi.json and types from the code
	$(PY) -m dev.documents
	cd . && node client/api.mjs

.PHONY: client
client: $(JAVASCRIPT_DEV) ## Make the npm package of the client library
	cd client && npm run prepack && npm pack --ignore-scripts

.PHONY: format
format: $(DEV) ## Format the code, and fix what can be fixed automatically
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

.PHONY: secrets
secrets: $(DEV) ## Look for secrets in the files
	git ls-files -z ':!tests' | xargs -0 $(SCAN)
	git ls-files -z tests | xargs -0 $(SCAN) --disable-plugin KeywordDetector

.PHONY: audit
audit: $(DEV) $(JAVASCRIPT_DEV) ## Ask the package indexes for known vulnerabilities in what we install
	for lock in run local dev; do \
		$(BIN)/uv tool run pip-audit==2.10.1 --require-hashes --disable-pip -r requirements/$$lock.txt || exit 1; \
	done
	cd . && npm audit

.PHONY: lock
lock: setup-dev ## Make the lock files again (newer versions: make lock LOCK_ARGS=--upgrade)
	$(LOCK) --output-file requirements/run.txt
	$(LOCK) --group local --constraint requirements/run.txt --output-file requirements/local.txt
	$(LOCK) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt
	$(subst compile pyproject.toml,compile,$(LOCK)) --group node --output-file requirements/node.txt
	npm install --package-lock-only && $(MAKE) setup-dev

.PHONY: clean
clean: ## Remove everything installed or made here, including secrets and the log's data
	rm -rf .venv .parley node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@PYTHON="$(PYTHON)" sh dev/make_venv.sh

$(LOCAL): requirements/local.txt | $(PY)
	@echo "Installing $<"
	@$(PIP) -r $<
	@touch $@

$(DEV): requirements/dev.txt | $(PY)
	@echo "Installing $<"
	@$(PIP) -r $<
	@touch $@ $(LOCAL)

$(NODE): requirements/node.txt | $(PY)
	@sh dev/install_node.sh
	@touch $@

$(JAVASCRIPT): package.json package-lock.json .npmrc | $(NODE)
	@echo "Installing package-lock.json"
	@npm ci --omit=dev && touch $@

$(JAVASCRIPT_DEV): package.json package-lock.json .npmrc | $(NODE)
	@echo "Installing package-lock.json, with what tests need"
	@npm ci && touch $@ $(JAVASCRIPT)
