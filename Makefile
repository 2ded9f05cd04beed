# What a newcomer needs, in one word each. `make` alone lists it.

PORT ?= 5000
HOST ?= 127.0.0.1
STORES ?= postgresql sqlite
DATA ?= $(or $(PORTAL_DATA_DIR),var)
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
IN = .venv/bin/python

# $(call debian,PACKAGE,SENTENCE): install a Debian package as root; tell others how, and stop
debian = { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1); } \
	|| { echo "$(2) Please run: sudo apt-get install $(1)" >&2; exit 1; }

.PHONY: help setup run test check screenshots clean dev chromium

help: ## list what make can do
	@echo 'make WORD, where WORD is one of'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r word does; do printf '%-15s %s\n' "  $$word" "$$does"; done

setup: .venv/run.stamp ## install what the portal needs to run, into .venv

run: setup ## start the demo shop: make run PORT=5000 HOST=127.0.0.1 DATA=var
	@exec $(IN) -m portal demo --host $(HOST) --port $(PORT) --data $(DATA)

test: chromium ## run all tests on both stores, or some on one: make test STORES=sqlite ARGS='-k unsubscribe'
	@set -e; for store in $(STORES); do $(IN) -m pytest -n 2 --store $$store $(ARGS); done

check: dev ## lint, types, floors
	@$(IN) -m ruff check .
	@$(IN) -m mypy --strict portal
	@.venv/bin/lint-imports

screenshots: chromium ## take the pictures of the README anew
	@$(IN) -m tests.screenshots

clean: ## remove what setup and tests made; the demo shop's data stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

dev: .venv/dev.stamp

chromium: dev
	@{ command -v chromium && $(IN) -m playwright --version; } >/dev/null 2>&1 \
		|| $(call debian,chromium libatomic1,The tests walk the pages in Chromium: it or a library of its driver is missing.)

.venv/run.stamp: requirements.txt | .venv/bin/python
	@echo 'Installing what the portal needs into .venv; this happens once and takes about a minute.'
	@$(IN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	@echo 'Installing what the tests need into .venv; this happens once and takes about a minute.'
	@$(IN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.venv/bin/python:
	@[ -n '$(PYTHON)' ] || $(call debian,python3 python3-venv,The portal needs Python 3.11 or newer.)
	@python=$(or $(PYTHON),python3); $$python -c 'import ensurepip' 2>/dev/null \
		|| $(call debian,$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'),This Python cannot make virtual environments.); \
		$$python -m venv --clear .venv || { rm -rf .venv; exit 1; }
