# Every target works from a fresh checkout; the environment is made when it is missing or outdated.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SERVE  ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check bench verifier tampering fuzz test-faults test-browser format messages lock clean env

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: env ## The whole way on MovieLens-100K, then serve; SERVE=0 ends after the table, INTERACTIONS=FILE takes your data
	@$(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve) $(if $(INTERACTIONS),--interactions '$(INTERACTIONS)')

test: check ## Everything that is checked: style, types, imports, tests
	@$(BIN)/pytest --numprocesses 2 --dist worksteal

check: env ## Style, types, direction of imports, missing migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@FEDSHARE_VAR=var/check $(BIN)/python manage.py makemigrations --check --dry-run

bench: env ## Benchmarks, quick; docs/engineers.md has the long ones
	@for name in forgetting verdicts rollback sharing training evidence record dashboard jobs tampering; do $(BIN)/python -m benchmarks.$$name --quick || exit 1; done

verifier: env ## The offline verifier as a package that can be installed by itself, in var/
	@$(BIN)/python deploy/verifier/build.py var

tampering: env ## Ten thousand forged reports, none of which may verify
	@$(BIN)/python -m benchmarks.tampering

fuzz: env ## A hundred requests of each sort to every operation of the API, held against its description
	@FUZZ_EXAMPLES=100 $(BIN)/pytest tests/unlearning/api/test_schema.py

format: env ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test-faults: env ## Break an installation some 200 times, with each broker that is installed, and lose a host of two
	@$(BIN)/python -m tests.faults.hosts
	@$(BIN)/python -m tests.faults

test-browser: env ## The dashboard in Debian's Chromium: a morning, axe, and pictures in var/screenshots
	@$(BIN)/pytest -p no:xdist tests/browser

messages: env ## Collect the texts of reports for translators, and compile what they wrote (needs GNU gettext)
	@$(BIN)/python manage.py makemessages --locale fr --locale de --no-obsolete --no-location --no-wrap \
		--ignore 'var/*' --ignore '.venv/*' --ignore 'tests/*' --ignore 'benchmarks/*'
	@$(BIN)/python manage.py compilemessages --locale fr --locale de --ignore '.venv/*'

lock: env ## Resolve the dependencies anew into requirements.lock
	@$(BIN)/pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml
	@# The build of torch (CPU or CUDA) is the installer's choice; its version is ours.
	@sed -i -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e '/^#/d' -e '/^$$/d' requirements.lock

clean: ## Remove what demo and test made: database, keys, models, reports, environment
	@rm -rf var $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

env: $(VENV)/.complete

$(VENV)/.complete: requirements.lock deploy/system-libraries.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "FedShare needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@sh deploy/system-libraries.sh
	@echo "Installing the environment (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@touch $@
