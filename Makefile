# DragAnything Lab. Each target makes what it needs and is safe to run twice.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lab test test-all test-colab check bench lessons docs figures clean
BIN := .venv/bin
INSTALL = PYTHON="$(PYTHON)" sh tools/install.sh
# Two tests at a time, on one core each, whole files: what a file's tests share is made once.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
export PYTHONUTF8 := 1

help:  ## List what there is
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' Makefile

demo: .venv/.models  ## Run the main job: outputs/demo/ gets a video, a picture strip, a report and the numbers
	$(BIN)/draganything-lab demo

lab: .venv/.dev  ## Open JupyterLab on the first notebook
	$(BIN)/draganything-lab lab

test: .venv/.dev  ## Run the tests, but for the slow ones: some minutes
	$(PYTEST) -m "not slow"

test-all: .venv/.dev  ## Run all tests: notebooks, browsers, training and the shipped weights, too
	$(PYTEST)

test-colab:  ## Run the studio's tests and the lessons with Google Colab's versions (LESSONS="0 3": only these)
	$(or $(PYTHON),python3) tests/colab/run.py --lessons $(LESSONS)

check: .venv/.dev  ## Lint, and check the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.dev  ## Run the benchmarks: time and memory
	$(BIN)/python benchmarks/run.py

lessons: .venv/.dev  ## Write the notebooks from lessons/, run, for students and teachers
	$(BIN)/draganything-lab lessons build

docs: .venv/.dev  ## Make the site of gallery, lessons, guides and reference: outputs/docs/index.html
	$(BIN)/python tools/docs.py --gallery

figures: .venv/.dev  ## Make the README's pictures and the studio's again
	$(BIN)/python tools/figures.py
	$(BIN)/python tools/screenshot.py

clean:  ## Remove the environment and what the tools keep; outputs/ stays
	rm -rf .venv .venv-colab build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.models: pyproject.toml tools/install.sh
	@$(INSTALL) models
	@touch $@

.venv/.dev: pyproject.toml tools/install.sh
	@$(INSTALL) dev
	@touch $@ .venv/.models
