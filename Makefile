# `make demo` and `make test`, and `make compare`. All set up what they need and are quick the second time.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test compare clean

demo: $(VENV)/.installed
	$(BIN)/asdbench run suites/quickstart.yaml

# Compare the code as it stands with the reference reports (docs/ci.md); SUITES names some of them.
SUITES ?= $(patsubst reports/%/report.json,%,$(wildcard reports/*/report.json))
compare: $(VENV)/.installed
	for suite in $(SUITES); do \
	  $(BIN)/asdbench run $$suite --out runs/compare-$$suite && \
	  $(BIN)/asdbench compare reports/$$suite runs/compare-$$suite --gate auc:0.02 --gate auc_gap:0.03 \
	  || exit $$?; \
	done

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "asdbench needs Python 3.11-3.13; found " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
