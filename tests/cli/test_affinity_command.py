"""`fakd affinity`: the figure, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.cli import main
from fakd_core.figures.spec import AffinityFigure
from fakd_core.figures.spec_file import read_spec


def run(photos: Path, teacher: Path, out: Path, *changed: str) -> int:
    models = ["--teacher", str(teacher), "--student", f"Student={teacher}"]
    options = {"--layer": "2", "--at": "5,9", "--out": str(out)} | dict(
        zip(changed[::2], changed[1::2], strict=True)
    )
    words = [word for option in options.items() for word in option]
    return main(["affinity", str(photos / "coffee0.png"), *models, *words])


def test_a_figure_of_a_position(photos: Path, small_teacher: Path, tmp_path: Path) -> None:
    assert run(photos, small_teacher, tmp_path / "a.png") == 0
    recipe = read_spec(tmp_path / "a.png")
    assert isinstance(recipe, AffinityFigure)
    assert tuple(recipe.query) == (5, 9)
    assert recipe.students[0].name == "Student"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("--at", "32,9"), "y must be in 0..31"),
        (("--layer", "4"), "layer"),
        (("--scale", "2"), "x4 network"),
        (("--at", "here"), "--at: must be Y,X"),
    ],
)
def test_invalid_options_are_reported_in_one_line(
    photos: Path,
    small_teacher: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: tuple[str, ...],
    reason: str,
) -> None:
    assert run(photos, small_teacher, tmp_path / "a.png", *changed) == 2
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
