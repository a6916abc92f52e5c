# `make demo` and `make test` do all the set-up they need on a machine with Python 3.11+, make and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo compare test verify laws figures lint bench baselines agents clean

demo: $(READY)
	$(BIN)/brinkmap demo

# Attacks of ours and of others side by side on the digits CNN; under three minutes.
compare: $(READY)
	$(BIN)/brinkmap compare --suite benchmarks/suites/digits.toml

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

# The long checks: the batch-invariance figures on a real network, a demo from a bare environment, every example.
verify: $(READY)
	$(BIN)/pytest -m slow
	scripts/bare-machine

# 100,000 seeded cases of the laws that every filter keeps; `make test` draws 2,000.
laws: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/laws

figures: $(READY)
	$(BIN)/brinkmap list --figures docs/figures

lint: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/render.py

baselines: $(READY)
	$(BIN)/python benchmarks/baselines.py

# The shipped agents, trained anew; cifar10 needs ../shared/data and an hour or more.
agents: $(READY)
	$(BIN)/python scripts/train_agents.py digits
	$(BIN)/python scripts/train_agents.py cifar10

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[torch,onnx,http,ecg,rl,explain,compare,dev]'
	$(BIN)/python -m pip install --quiet --no-deps torchattacks==3.5.1  # its dependencies ask for torchvision
	touch $@

.venv: $(READY)

clean:
	rm -rf $(VENV) demo-results brinkmap-results
