# Everything a developer runs. It needs Python 3.11 or newer and make; all else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
UV     ?= $(BIN)/uv
RUN    := $(VENV)/.run-stamp
DEV    := $(VENV)/.dev-stamp
OTHERS := $(VENV)/.conformance-stamp
SPARK  := $(VENV)/.spark-stamp
NODE   := tests/conformance/node_modules/.package-lock.json
PEERS  := bench/peers/node_modules/.package-lock.json
CODE   := $(wildcard api governance tests bench)

# Whoever starts processes, as many tests do, shall find their modules compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve test conformance spark check format fuzz chaos bench bench-fanout bench-peers bench-workers bench-growth bench-pages bench-crawl soak lock clean

help:
	@echo 'make serve          run Comity with its demonstration world on http://127.0.0.1:8000'
	@echo 'make test           every test, on SQLite and PostgreSQL'
	@echo 'make conformance    what others test of a served node; some of it needs Node.js and npm'
	@echo 'make spark          whether Spark reads the exports; needs Java 17, installs 490 MB'
	@echo 'make check          style, types, the published schema, the lock files'
	@echo 'make format         put the code into the style that check wants'
	@echo 'make fuzz           the property tests and schemathesis, with thousands of examples each'
	@echo 'make chaos          three nodes, killed, cut off and slowed (CHAOS="--seconds 600 --engine mixed")'
	@echo 'make bench          the measurements'
	@echo 'make bench-fanout   how fast a thousand subscribers hear of events'
	@echo 'make bench-peers    reads and batches beside other servers; needs npm (ARGS="--sanctions 1000000")'
	@echo 'make bench-growth   how reads grow with the number of sanctions, to a million'
	@echo 'make bench-pages    what each page of the explorer costs at a million'
	@echo 'make bench-crawl    how long partners wait beside a crawler'
	@echo 'make bench-workers  how reads grow with the processes of a node'
	@echo 'make soak           an hour at half load, with memory looked at (ARGS="--seconds 300")'
	@echo 'make lock           resolve dependencies again (UPGRADE=--upgrade for the newest)'
	@echo 'make clean          remove what make made'

serve: $(RUN)
	$(BIN)/comity serve --demo

test: $(DEV)
	$(BIN)/pytest -n auto --dist worksteal --ignore tests/conformance

conformance: $(OTHERS) $(if $(shell command -v npm),$(NODE))
	$(BIN)/pytest -n auto --dist worksteal -r s tests/conformance

spark: $(SPARK)
	COMITY_TEST_TOOLS=required $(BIN)/pytest tests/conformance/test_frames.py -k spark

check: $(DEV)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy --num-workers auto $(CODE)
	$(BIN)/comity schema --check schema.graphql
	$(BIN)/pytest --quiet tests/test_locks.py

format: $(DEV)
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

fuzz: $(OTHERS)
	COMITY_HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -n auto --dist worksteal -m "hypothesis or property"
	COMITY_HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest tests/conformance/test_clients.py -k schemathesis

chaos: $(DEV)
	$(BIN)/python -m tests.chaos $(CHAOS)

bench: $(DEV)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.log
	$(BIN)/python -m bench.ingest

bench-fanout: $(DEV)
	$(BIN)/python -m bench.fanout

bench-peers: $(DEV) $(PEERS)
	$(BIN)/python -m bench.peers $(ARGS)

bench-growth: $(DEV)
	$(BIN)/python -m bench.growth $(ARGS)

bench-pages: $(DEV)
	$(BIN)/python -m bench.pages $(ARGS)

bench-crawl: $(DEV)
	$(BIN)/python -m bench.crawl $(ARGS)

bench-workers: $(DEV)
	$(BIN)/python -m bench.workers $(ARGS)

soak: $(DEV)
	$(BIN)/python -m bench.soak $(ARGS)

# Versions stay as they are unless pyproject.toml or UPGRADE says otherwise.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate $(UPGRADE)

lock: | $(UV)
	$(COMPILE) pyproject.toml --all-extras --group build --group dev \
		--output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --group build --constraint requirements-dev.txt \
		--output-file requirements.txt
	$(COMPILE) --group pyproject.toml:conformance --constraint requirements-dev.txt \
		--output-file requirements-conformance.txt
	$(COMPILE) --group pyproject.toml:spark --constraint requirements-dev.txt \
		--output-file requirements-spark.txt

clean:
	rm -rf $(VENV) tests/conformance/node_modules bench/peers/node_modules build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +

# The project itself is installed without dependencies or isolation: the lock has all it needs.
# What is editable pip doesn't compile, and not everybody lets Python keep what it compiles.
COMPILED = $(BIN)/python -m compileall -q api governance

$(RUN): requirements.txt pyproject.toml | $(BIN)/pip
	@echo 'Installing what Comity needs into $(VENV) ...'
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILED)
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml | $(BIN)/pip
	@echo 'Installing what development needs into $(VENV) ...'
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILED)
	@touch $(RUN) $@

$(OTHERS): $(DEV) requirements-conformance.txt
	@echo 'Installing what others test with into $(VENV) ...'
	@$(PIP) --require-hashes -r requirements-conformance.txt
	@touch $@

# What Spark is published as is built with the setuptools of the development lock.
$(SPARK): $(DEV) requirements-spark.txt
	@echo 'Installing Spark into $(VENV) ...'
	@$(PIP) --no-build-isolation --require-hashes -r requirements-spark.txt
	@touch $@

$(NODE): tests/conformance/package-lock.json
	@echo 'Installing what others test with into tests/conformance/node_modules ...'
	@npm ci --prefix tests/conformance --silent
	@touch $@

$(PEERS): bench/peers/package-lock.json
	@echo 'Installing what Comity is measured beside into bench/peers/node_modules ...'
	@npm ci --prefix bench/peers --silent
	@touch $@

$(BIN)/uv:
	@$(MAKE) $(DEV)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Comity needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11' >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo 'This Python cannot make virtual environments; on Debian and Ubuntu, run:' >&2; \
		echo '  sudo apt-get install python3-venv' >&2; \
		exit 1; }
