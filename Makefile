# Two commands on a fresh machine: `make quickstart` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
export MPLBACKEND ?= Agg

.PHONY: help quickstart test slow faults coverage flakes mutants lint bench study docs site format install lock audit clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	# Bytecode is compiled for what is imported, when it is: most of what these packages bring never is.
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	touch $@

install: $(STAMP)  ## a virtual environment in .venv with everything

quickstart: $(STAMP)  ## the main job on the embedded synthetic set: four fusion cells, trained, scored and ranked
	$(BIN)/lt-bench ablate experiments/quickstart.yaml

test: $(STAMP)  ## lint, types, layers and the whole quick test suite
	$(MAKE) lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not faults"

slow: $(STAMP)  ## the tests that take minutes
	$(BIN)/python -m pytest -m "slow and not faults"

faults: $(STAMP)  ## kill -9, full disks, lost servers, interrupts: the tests that break commands off
	$(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 --durations 8 -m faults

coverage: $(STAMP)  ## the quick tests, and which lines and branches of the code they reach
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not faults" --cov --cov-report=term

SEEDS ?= $(shell seq 20)
flakes: $(STAMP)  ## the quick tests twenty times, each time in another order (hours; SEEDS="3 7": only those orders)
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/flakes pytest-randomly
	set -e; for seed in $(SEEDS); do \
	  PYTHONPATH=$(CURDIR)/$(VENV)/flakes $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not faults" --randomly-seed=$$seed; \
	done

mutants: $(STAMP)  ## change the code of the maths in every small way, and list the changes that no test notices (slow)
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/mutmut mutmut libcst setproctitle textual
	PYTHONPATH=$(CURDIR)/$(VENV)/mutmut OMP_NUM_THREADS=1 $(BIN)/python -m mutmut run
	PYTHONPATH=$(CURDIR)/$(VENV)/mutmut $(BIN)/python -m mutmut results

lint: $(STAMP)  ## style, spelling, prose, types and the layers of the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python docs/check_prose.py
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: $(STAMP)  ## measure speed and memory again (18 minutes) and render experiments/performance/README.md
	PYTHON=$(CURDIR)/$(BIN)/python experiments/performance/bench.sh

STUDY = experiments/fusion_ablation

study: $(STAMP)  ## the fusion study from scratch (hours): operating point, ablations, analysis, its page
	$(BIN)/lt-bench search experiments/search/operating_point.yaml
	$(BIN)/lt-bench assets get face_landmarker.task --group grid-sample
	$(BIN)/lt-bench prepare grid-sample --out caches/grid
	# Videos of rendered people are kept, of real ones not.
	set -e; for pair in synthetic:main synthetic_no_motion:no_motion study_grid_sample:grid_sample reach:reach \
	    reach_levers:reach_levers_2 learning_curves:learning_curves scaling:scaling; do \
	  config=$${pair%:*}; run=runs/study/$${pair#*:}; \
	  $(BIN)/lt-bench ablate $(STUDY)/$$config.yaml out=$$run; \
	  videos=1; test $$config != study_grid_sample || videos=0; \
	  $(BIN)/python $(STUDY)/keep.py $$run --out $(STUDY)/results/$${pair#*:}.tar.xz --videos $$videos; \
	done
	$(BIN)/python $(STUDY)/same_seed.py $(STUDY)/results/main.tar.xz $(STUDY)/results/learning_curves.tar.xz
	$(BIN)/python $(STUDY)/codec_ceiling.py caches/synthetic-64 --out runs/study/codec_ceiling
	cp runs/study/codec_ceiling/result.json $(STUDY)/results/codec_ceiling/
	$(BIN)/python $(STUDY)/page.py

docs: $(STAMP)  ## the pages of docs/ that are made from the code
	$(BIN)/python docs/make_reference.py

site: $(STAMP)  ## the website of docs/, the notebooks, the studies and the Python API, in build/site
	$(BIN)/python docs/stage_site.py build/pages
	$(BIN)/zensical build --clean --strict

format: $(STAMP)  ## put the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/tools: $(STAMP)
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet uv pip-audit

lock: $(VENV)/tools  ## pin by hash what is installed now, which should be what `make install` installs (requirements.lock)
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip | grep -v ' @ ' > $(VENV)/installed.txt
	grep '^#' requirements.lock > $(VENV)/lock
	# Nothing is to be resolved: only the hashes of these very versions are asked for.
	$(VENV)/tools/bin/uv pip compile $(VENV)/installed.txt --no-deps --generate-hashes --no-annotate --no-header --quiet \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_28 >> $(VENV)/lock
	mv $(VENV)/lock requirements.lock

audit: $(VENV)/tools  ## ask a database of known weaknesses about every pinned package; what could not be asked fails
	$(VENV)/tools/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

clean:  ## remove what was built (not runs/ and caches/)
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
