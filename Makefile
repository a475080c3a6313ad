# `make` or `make help` lists what can be made. Nothing is installed outside this folder, except Chromium by
# `make test` on Debian as root; data lives in ANNOTERA_HOME.
.DEFAULT_GOAL := help
.PHONY: help run demo test check stop clean
.NOTPARALLEL:

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python
BROWSER_LIBRARIES := node_modules/.package-lock.json
# The settings make secrets on first use: checks must not make them in a real installation.
HOME_FOR_CHECKS := $(CURDIR)/.stamps/home
# A process for each core, each with its own database and broker; a file's tests stay together.
IN_PARALLEL := --numprocesses=auto --maxprocesses=4 --dist=loadfile

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.for-run $(BROWSER_LIBRARIES) ## Install what is missing and start Annotera; PORT= and ANNOTERA_HOME= choose where
	@exec $(PYTHON_IN_VENV) manage.py up

demo: $(VENV)/.for-run $(BROWSER_LIBRARIES) ## Run the whole loop headless in a fresh ANNOTERA_HOME and print what it reached
	@exec $(PYTHON_IN_VENV) manage.py demo

test: $(VENV)/.for-development $(BROWSER_LIBRARIES) ## Run all tests with servers of their own; ARGS= goes to pytest
	@scripts/ensure_chromium.sh
	@ANNOTERA_HOME=$(HOME_FOR_CHECKS) $(PYTHON_IN_VENV) manage.py with-services --throwaway $(PYTHON_IN_VENV) -m pytest $(IN_PARALLEL) $(ARGS)

check: $(VENV)/.for-development $(BROWSER_LIBRARIES) ## Check style, types, imports between apps, and migrations
	@echo "ruff ..." && $(VENV)/bin/ruff check .
	@echo "mypy ..." && ANNOTERA_HOME=$(HOME_FOR_CHECKS) $(VENV)/bin/mypy
	@echo "import-linter ..." && $(VENV)/bin/lint-imports
	@echo "migrations ..." && ANNOTERA_HOME=$(HOME_FOR_CHECKS) \
		$(PYTHON_IN_VENV) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

stop: ## Stop the Annotera that runs on ANNOTERA_HOME
	@if [ -x $(PYTHON_IN_VENV) ]; then exec $(PYTHON_IN_VENV) manage.py stop; else echo "Annotera is not installed here."; fi

clean: ## Remove what make installed and built here; data in ANNOTERA_HOME stays
	rm -rf $(VENV) node_modules .stamps .mypy_cache .ruff_cache .pytest_cache .import_linter_cache test-results

$(VENV)/.made:
	@scripts/make_venv.sh
	@touch $@

# PyTorch comes first: with the rest in one go, pip would weigh hundreds of megabytes against each other.
$(VENV)/.torch: $(VENV)/.made constraints.txt
	@echo "Installing PyTorch (a large download on first use) ..."
	@scripts/install.sh "$$(grep '^torch==' constraints.txt)"
	@touch $@

$(VENV)/.for-run: $(VENV)/.torch constraints.txt pyproject.toml scripts/requirements.py
	@echo "Installing the Python packages ..."
	@$(PYTHON_IN_VENV) scripts/requirements.py embedded training > $(VENV)/requirements.txt
	@scripts/install.sh --requirement $(VENV)/requirements.txt
	@touch $@

$(VENV)/.for-development: $(VENV)/.for-run
	@echo "Installing what checks and tests need ..."
	@$(PYTHON_IN_VENV) scripts/requirements.py dev > $(VENV)/requirements-dev.txt
	@scripts/install.sh --requirement $(VENV)/requirements-dev.txt
	@touch $@

$(BROWSER_LIBRARIES): package.json package-lock.json | $(VENV)/.for-run
	@echo "Installing the browser libraries ..."
	@$(PYTHON_IN_VENV) scripts/install_browser_libraries.py
	@touch $@
