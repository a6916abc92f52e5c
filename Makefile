# `make demo` and `make test` do all the set-up they need on a machine with Python 3.11+, make and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FULL := $(VENV)/.full

.PHONY: demo demo-ecg demo-video compare test verify laws faults docs serve figures screenshots sbom audit-deps lint bench baselines agents clean

demo: $(READY)
	$(BIN)/brinkmap demo

# A real record of MIT-BIH where it is at hand, else a simulated one: the strip, the waves, and where the answer rests.
demo-ecg: $(READY)
	$(BIN)/python examples/ecg_audit.py

# Clips: frames dropped, frozen, blurred together or flickering, where the classifier is weak.
demo-video: $(READY)
	$(BIN)/brinkmap audit --victim moving-digits-tsm --data moving-digits --limit 40 --agent factorised --patch 2x4x4 \
		--budget 200 --refine-budget 100 --distortions frame-drop frame-freeze temporal-blur flicker --out video-results

# Attacks of ours and of others side by side on the digits CNN; under three minutes.
compare: $(READY)
	$(BIN)/brinkmap compare --suite benchmarks/suites/digits.toml

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

# The long checks: the batch-invariance figures on a real network, a demo from a bare environment, every example.
verify: $(FULL)
	$(BIN)/pytest -m slow
	scripts/bare-machine

# Every fault as often as docs/results/reliability.md says; ten minutes or so on two quiet cores. Root for the full disk.
faults: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/faults

# 100,000 seeded cases of the laws that every filter keeps; `make test` draws 2,000.
laws: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/laws

docs: $(FULL)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python scripts/check_links --site site

# The live page, on this machine alone.
serve: $(READY)
	$(BIN)/brinkmap serve

# What a person sees, photographed in a headless Chromium.
screenshots: $(FULL)
	$(BIN)/python scripts/screenshots
	$(BIN)/python scripts/page_screenshots

figures: $(READY)
	$(BIN)/brinkmap list --figures docs/figures

# What is installed, and which of it has known holes; the latter asks the package index.
sbom: $(FULL)
	$(BIN)/python scripts/sbom

audit-deps: $(FULL)
	$(BIN)/python scripts/audit-deps

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

# The shipped agents, trained anew; ecg takes half an hour, cifar10 needs ../shared/data and half an hour.
agents: $(READY)
	$(BIN)/python scripts/train_agents.py digits
	$(BIN)/python scripts/train_agents.py ecg
	$(BIN)/python scripts/train_agents.py cifar10

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[torch,onnx,http,ecg,video,huggingface,rl,explain,compare,prometheus,ui,dev]'
	$(BIN)/python -m pip install --quiet --no-deps torchattacks==3.5.1  # its dependencies ask for torchvision
	touch $@

$(FULL): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,docs,verify]'
	touch $@

.venv: $(READY)

clean:
	rm -rf $(VENV) demo-results brinkmap-results
