# Two commands set everything up by themselves: `make demo` and `make test`.
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
SHARE := $(or $(XDG_DATA_HOME),$(HOME)/.local/share)
TEACHERS := .venv-teachers
PACKAGES := $(VENV)/.packages-installed
# A window on an X11 display needs more libraries than one offscreen.
LIBRARIES := $(VENV)/.libraries-found$(if $(DISPLAY),-x11)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-teachers setup lint bench docs app desktop format constraints clean

help:  ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

demo: setup  ## Open the app and distil a student (no display: do it offscreen, write screenshots)
	$(BIN)/python -m fakd_gui.demo

# A worker per core, each with one thread; worksteal leaves neighbours, which share fixtures, to one worker.
# pytest comes last: its summary closes the output.
test: setup lint  ## Run every check
	OMP_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term

# The newest versions rather than constraints.txt, whose CPU build of torch may have no torchvision.
test-teachers: $(TEACHERS)/.packages-installed  ## Try published teachers with the newest torch (minutes, 6 GB)
	OMP_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen $(TEACHERS)/bin/python -m pytest -m 'not slow' -rA \
		tests/teachers tests/core/models/test_external.py tests/core/models/test_external_refusals.py \
		tests/cli/test_external_commands.py tests/core/export/test_external_export.py \
		tests/gui/train/test_external_teacher.py

setup: $(LIBRARIES)  ## Make .venv with everything in it

lint: setup  ## Style, types and import rules only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## Measure the engine against the textbook (half an hour on an idle machine)
	$(BIN)/python -m benchmarks

docs: setup  ## Make the documentation's site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

app: setup  ## Make the one-folder app in dist/ (PyInstaller, minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pyinstaller
	$(BIN)/python -m PyInstaller --noconfirm --workpath build/app packaging/fakd.spec

# The menu starts the app of this checkout.
desktop: setup  ## Put the app into the desktop's menu
	mkdir -p $(SHARE)/applications $(SHARE)/icons/hicolor/scalable/apps
	sed 's|Exec=fakd-gui|Exec=$(CURDIR)/$(BIN)/fakd-gui|' packaging/fakd-workbench.desktop \
		> $(SHARE)/applications/fakd-workbench.desktop
	cp assets/icon.svg $(SHARE)/icons/hicolor/scalable/apps/fakd-workbench.svg

format: setup  ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: setup  ## Pin what is installed now; the local label (+cpu, +cu...) of a torch build goes
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/pip freeze --exclude-editable | sed 's/+[^+]*$$//'; } > .constraints.new
	mv .constraints.new constraints.txt

clean:  ## Remove .venv and what the tools left
	rm -rf $(VENV) $(TEACHERS) .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist site

$(LIBRARIES): $(PACKAGES) .ci/system-libraries
	.ci/system-libraries $(BIN)/python
	@touch $@

$(PACKAGES): pyproject.toml constraints.txt
	.ci/check-python $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(TEACHERS)/.packages-installed: pyproject.toml
	.ci/check-python $(PYTHON)
	test -x $(TEACHERS)/bin/python || $(PYTHON) -m venv $(TEACHERS)
	$(TEACHERS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
