"""The models that come with the program: what their card promises, measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fakd_core import load_model
from fakd_core.assets import assets_dir
from fakd_core.catalogue import bundled_models
from fakd_core.datasets import open_dataset
from fakd_core.evaluation import evaluate

TEACHER = "rcan-g5-r5-c32-x4"
STUDENTS = ("rcan-g5-r1-c32-x4-fakd", "rcan-g5-r1-c32-x4-plain")


def card() -> str:
    return (assets_dir() / "models" / "README.md").read_text(encoding="utf-8")


def promised(set_name: str) -> list[float]:
    """The PSNR of bicubic, teacher and the two students on a set, as the card's table has them."""
    row = next(line for line in card().splitlines() if line.startswith(f"| {set_name} "))
    return [float(value) for value in re.findall(r"(\d+\.\d+) /", row)]


def test_teacher_and_students_are_there_small_and_on_the_card() -> None:
    assert set(bundled_models()) == {TEACHER, *STUDENTS}
    for name, path in bundled_models().items():
        assert path.stat().st_size < 8_000_000
        assert f"`{name}`" in card()
        assert load_model(name).spec.scale == 4


@pytest.mark.parametrize(
    ("set_name", "least"),
    [
        ("Set5", 30.8),
        ("Set14", 27.6),
        pytest.param("B100", 26.9, marks=pytest.mark.slow),
    ],
)
def test_scores_are_those_of_the_card(shared: Callable[[str], Path], set_name: str, least: float) -> None:
    dataset = open_dataset(shared(f"data/benchmark/{set_name}"), 4)
    names = ["bicubic", TEACHER, *STUDENTS]
    models = {name: None if name == "bicubic" else load_model(name) for name in names}
    measured = [result.psnr_y for result in evaluate(models, dataset)]
    assert measured[1] >= least
    assert measured == pytest.approx(promised(set_name), abs=0.006)
