"""Checks of the project as a whole: the first screen of the README, imports, files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import fakd_core
from fakd_core.distillation.terms import TERMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
QT = ("PySide6", "shiboken6", "pyqtgraph", "qtawesome", "qtpy")
TEXT_SUFFIXES = {"", ".cfg", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".yaml", ".yml"}


def modules_loaded_by(statement: str) -> set[str]:
    """Top-level names in `sys.modules` of a fresh interpreter after `statement`."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules_of(package: str) -> list[str]:
    """Every module of `package` by its dotted name, less those that run when imported."""
    files = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / package).rglob("*.py"))
    names = {".".join(file.parts).removesuffix(".__init__") for file in files}
    return sorted(name for name in names if not name.endswith(".__main__"))


def repository_texts() -> list[Path]:
    """Tracked text files, or, where this is no repository, none."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=False)
    return [
        ROOT / name
        for name in listed.stdout.split("\0")
        if name and Path(name).suffix in TEXT_SUFFIXES and (ROOT / name).is_file()
    ]


def test_readme_shows_both_commands_on_its_first_screen() -> None:
    first_screen = "\n".join(README.splitlines()[:25])
    assert "    make demo" in first_screen
    assert "    make test" in first_screen


def test_readme_names_every_term_and_only_terms_that_are() -> None:
    recipes = README[README.index("## Recipes") : README.index("## A run folder")]
    assert set(re.findall(r"^\| `(\w+)` \|", recipes, re.MULTILINE)) == set(TERMS.names)


def test_links_in_the_documents_lead_to_files() -> None:
    missing = []
    for document in (*ROOT.glob("*.md"), *(ROOT / "assets").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
            if "://" not in target and not (document.parent / target).exists():
                missing.append(f"{document.name}: {target}")
    assert not missing


def test_one_version_everywhere() -> None:
    assert version("fakd-workbench") == fakd_core.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", fakd_core.__version__)


def test_constraints_pin_every_dependency_and_name_no_place_to_get_it() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line) for line in lines)
    pinned = {normal(line.partition("==")[0]) for line in lines}
    project = PROJECT["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    wanted = {normal(re.split(r"[<>=[]", name)[0]) for name in project["dependencies"] + extras}
    assert wanted - {normal(project["name"])} <= pinned
    assert "torch==2.13.0" in lines


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_file_holds_a_path_of_one_machine() -> None:
    paths = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp|mnt|workspace)/\w")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in repository_texts()
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if paths.search(line)
    ]
    assert not found


def test_the_whole_core_imports_without_qt_or_the_window() -> None:
    loaded = modules_loaded_by("import " + ", ".join(modules_of("fakd_core")))
    assert "torch" in loaded
    assert not loaded & {*QT, "fakd_gui"}


@pytest.mark.parametrize("statement", ["import fakd_core", "import fakd_core.cli"])
def test_the_command_starts_without_waiting_for_torch(statement: str) -> None:
    assert "torch" not in modules_loaded_by(statement)


def test_the_window_starts_without_waiting_for_torch() -> None:
    loaded = modules_loaded_by("import " + ", ".join(modules_of("fakd_gui")))
    assert "PySide6" in loaded
    assert "torch" not in loaded


def test_every_python_file_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for part in ("fakd_core", "fakd_gui", "tests", "benchmarks")
        for path in (ROOT / part).rglob("*.py")
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent
