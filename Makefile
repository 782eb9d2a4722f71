# `make race` and `make test` set up whatever they need: Python 3.11 or later and make are enough.
PYTHON ?= python3
BIN := .venv/bin
EXPR ?= x^4 - 3*x^2 + x + y^2 + 0.5*sin(5*x)
START ?= x=2,y=1
OUT ?= out
NUMBER ?= 100000
PAIRS ?= 2000
SEED ?= 0

.PHONY: race test slow fuzz browser lint metrics report docs speed pictures clean

race: .venv/run  ## all rules on Rosenbrock from (-1.2, 1), then on a cost of yours: make race EXPR="x^2+y^4" START=x=1,y=2
	$(BIN)/symopt race "100*(y-x^2)^2 + (1-x)^2" --start x=-1.2,y=1 --steps 5000 --out $(OUT)/rosenbrock
	$(BIN)/symopt race "$(EXPR)" --start "$(START)" --steps 1000 --out $(OUT)/yours

test: .venv/test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

slow: .venv/test  ## the tests marked slow
	$(BIN)/python -m pip install --quiet --group slow
	$(BIN)/python -m pytest -q -m slow

fuzz: .venv/test  ## random expressions against 50 digits, rules and costs in bits: make fuzz NUMBER=1000 SEED=3
	cd tests && ../$(BIN)/python -m properties.fuzz --number $(NUMBER) --seed $(SEED)
	cd tests && ../$(BIN)/python -m properties.rule_cost_bits --number $(PAIRS) --seed $(SEED)

browser: .venv/test  ## the report in a real browser; needs chromium
	$(BIN)/python -m pip install --quiet --group browser
	$(BIN)/python -m pytest -q tests/harness/test_browser.py

report: .venv/run  ## all experiments, in one page
	$(BIN)/symopt experiments run all --out $(OUT)/experiments

docs: .venv/run  ## the manual: a page for each rule
	$(BIN)/symopt docs --out $(OUT)/docs

metrics: .venv/run  ## how dense the source reads, with limits
	$(BIN)/python tests/properties/metrics.py

lint: .venv/lint metrics
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

speed: .venv/run  ## ratios against C, and against JAX where it is installed; needs gcc
	$(BIN)/python experiments/speed/bench.py
	$(BIN)/python experiments/speed/sums.py

pictures: .venv/run  ## the picture of the README
	$(BIN)/python experiments/pictures/readme.py

.venv/run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/test: .venv/run
	$(BIN)/python -m pip install --quiet --group test
	touch $@

.venv/lint: .venv/test
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

clean:
	rm -rf .venv out
