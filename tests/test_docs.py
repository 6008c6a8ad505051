"""The documentation's site: it builds without warnings, and its pages hold what they should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fakd_core.distillation.terms import TERMS
from fakd_core.runs.option_help import training_options

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "NO_MKDOCS_2_WARNING": "1"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe)[^>]*\bsrc=\"?https?:|<link[^>]*\bhref=\"?https?:|url\(\"?https?:"
    )
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 15
    assert not [page.name for page in pages if loads.search(text_of(page))]


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    method = text_of(site / "method.html")
    assert method.count("<math") > 20
    assert "arithmatex" not in method
    for leftover in ("\\frac", "\\lVert", "$$"):
        assert leftover not in method.split("<article")[1].split("</article")[0]


def test_the_method_names_every_term(site: Path) -> None:
    method = text_of(site / "method.html")
    assert not [name for name in TERMS.names if f"<td><code>{name}</code></td>" not in method]


def test_the_commands_page_has_every_command_and_option(site: Path) -> None:
    page = text_of(site / "commands.html")
    options = {f"--{name.replace('_', '-')}" for name in training_options()}
    commands = {"gui", "train", "evaluate", "upscale", "figure", "affinity", "info"}
    assert not [word for word in options | {f"fakd {name}" for name in commands} if word not in page]


def test_the_python_page_has_signatures_and_docstrings(site: Path) -> None:
    page = text_of(site / "api.html")
    assert 'id="fakd_core.train"' in page
    assert 'id="fakd_core.psnr_y"' in page
    assert "PSNR in dB of the luma" in page


def test_the_evidence_has_the_tables_of_the_results() -> None:
    page = text_of(ROOT / "docs/evidence.md")
    lines = text_of(ROOT / "benchmarks/table3/results.md").splitlines()
    assert not [line for line in lines if line.startswith("|") and line not in page]


@pytest.mark.slow
@pytest.mark.timeout(620)
def test_every_picture_of_the_window_can_be_taken_again(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs/pictures.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    taken = {path.name for path in tmp_path.iterdir()}
    assert {
        "workbench.png",
        "compare-split.png",
        "inspect-matrix.png",
        "figure.png",
        "benchmark.png",
    } <= taken
    assert taken <= {path.name for path in (ROOT / "docs/images").iterdir()}
