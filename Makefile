# Laurel on one machine.
#
# Variables, set behind the target (`make up PORT=9000 DEMO=0`):
##   PORT=8000            first of ten ports: console 8000, issuer 8001, registry 8002, verifier 8003, notifier 8004
##   BROKER=embedded      the event log: embedded (in PostgreSQL) or kafka (Apache Kafka; needs Java 17 and Maven)
##   DEMO=                0 leaves the demo institution, employer and badges out; 1 makes them anew once they were removed
##   LAUREL_HOME=.laurel  where everything is kept: data, keys, logs, mail; another folder is another Laurel
##   PYTHON=python3       the Python, 3.11 or newer, that .venv is made with
##   CHROMIUM=chromium    the browser that the tests of pages drive

export PORT BROKER DEMO LAUREL_HOME PYTHON CHROMIUM
PYTHON_OF_VENV := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help up down status logs test test-docker screenshots interop interop-log fuzz lint bench locks clean runtime dev browser

help: ## show this
	@echo "make TARGET [VARIABLE=value ...]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@sed -n 's/^##//p' $(MAKEFILE_LIST)

up: runtime ## start Laurel, load the demo, walk a badge from issue to revocation; changes nothing when it runs
	@$(PYTHON_OF_VENV) -m deploy.embedded up

down: runtime ## stop every process of it; data stays
	@$(PYTHON_OF_VENV) -m deploy.embedded down

status: runtime ## tell what runs
	@$(PYTHON_OF_VENV) -m deploy.embedded status

logs: runtime ## follow the logs
	@$(PYTHON_OF_VENV) -m deploy.embedded logs

test: dev browser ## run every test, on the embedded log and on a real Apache Kafka (Java 17 with Maven, or Docker), and in Chromium
	$(PYTHON_OF_VENV) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-docker: dev ## run docker-compose.yml and the testcontainers path for real, on images made here where none can be pulled
	$(PYTHON_OF_VENV) -m deploy.docker.trial

screenshots: dev browser ## take a picture of every page, wide and narrow, light and dark, into .screenshots
	rm -rf .screenshots
	SCREENSHOTS=.screenshots $(PYTHON_OF_VENV) -m pytest -q tests/browser

lint: dev ## check style, types and the arrows between the parts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

interop: dev ## exchange badges with other people's programs (Node.js and npm), both ways
	$(PYTHON_OF_VENV) -m tests.interop

interop-log: dev ## let other people's programs check the transparency log (Go), and ours theirs
	$(PYTHON_OF_VENV) -m tests.interop_log

fuzz: dev ## send 50,000 odd inputs through the readers of badges, lists and keys, and make ten times a test run's examples
	$(PYTHON_OF_VENV) -m tests.fuzz
	EXAMPLES=10 $(PYTHON_OF_VENV) -m pytest -q -n 2 tests/unit/credentials

bench: dev ## measure, beside the anchors
	$(PYTHON_OF_VENV) -m bench

locks: dev ## write requirements*.lock anew from pyproject.toml
	printf 'uv==0.13.9\n' | $(COMPILE) - -o requirements-uv.lock
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
COMPILE = $(shell command -v uv || echo .venv/bin/uv) pip compile -q --python-version 3.11 --universal \
	--generate-hashes --no-emit-index-url --no-header

clean: ## remove what tests and tools leave behind, and .venv; .laurel stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.laurel/*' -prune -exec rm -rf {} +

runtime dev:
	@deploy/setup.sh $@

browser:
	@deploy/browser.sh
