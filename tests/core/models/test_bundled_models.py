"""The bundled models have the scores that their model card states."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from fakd_core import load_model
from fakd_core.assets import assets_dir, reference_results
from fakd_core.data.datasets import open_dataset
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.references import bundled_models

MEGABYTE = 1_000_000


@cache
def load(name: str) -> SRNetwork:
    return load_model(name)


def family(name: str) -> str:
    """The family's title, such as 'RCAN x4'."""
    spec = load(name).spec
    return f"{spec.architecture.upper()} x{spec.scale}"


FAMILIES = sorted({family(name) for name in bundled_models()})


def members(title: str) -> list[str]:
    """The teacher, the student trained with FAKD, and the baseline."""
    names = [name for name in bundled_models() if family(name) == title]
    return sorted(names, key=lambda name: [name.endswith(end) for end in ("-baseline", "-fakd")])


def card(title: str = "") -> str:
    """The model card, or its section `title`."""
    text = (assets_dir() / "models" / "README.md").read_text(encoding="utf-8")
    return text.split(f"### {title}\n")[1].split("\n#")[0] if title else text


def promised(title: str, set_name: str) -> list[float]:
    """The PSNR of bicubic, teacher and both students on a set."""
    row = next(line for line in card(title).splitlines() if line.startswith(f"| {set_name} "))
    return [float(value) for value in re.findall(r"(\d+\.\d+) /", row)]


def test_they_are_small_and_on_the_model_card() -> None:
    sizes = {name: path.stat().st_size for name, path in bundled_models().items()}
    assert sum(sizes.values()) < 40 * MEGABYTE
    assert max(sizes.values()) < 8 * MEGABYTE
    for name in sizes:
        assert f"`{name}`" in card()


@pytest.mark.parametrize("title", FAMILIES)
def test_a_family_is_a_teacher_and_two_students(title: str) -> None:
    teacher, fakd, baseline = members(title)
    assert (fakd[-5:], baseline[-9:]) == ("-fakd", "-baseline")
    assert load(fakd).spec == load(baseline).spec
    assert load(teacher).spec.scale == load(fakd).spec.scale
    assert title.lower().replace(" ", "-") in reference_results()


@pytest.mark.parametrize("title", FAMILIES)
@pytest.mark.parametrize(
    "set_name", ["Set5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Set14", "B100"))]
)
def test_scores_are_those_of_the_model_card(shared: Callable[[str], Path], title: str, set_name: str) -> None:
    names = members(title)
    dataset = open_dataset(shared(f"data/benchmark/{set_name}"), load(names[0]).spec.scale)
    models = {"bicubic": None, **{name: load(name) for name in names}}
    measured = [result.psnr_y for result in collect_results(evaluate(models, [dataset]))]
    assert measured == pytest.approx(promised(title, set_name), abs=0.006)
    bicubic, teacher, fakd, baseline = measured
    assert bicubic < baseline < fakd < teacher


@pytest.mark.parametrize(("set_name", "least"), [("Set5", 31.3), ("Set14", 28.0), ("B100", 27.2)])
def test_the_best_x4_teacher_is_good_enough(set_name: str, least: float) -> None:
    assert max(promised(title, set_name)[1] for title in FAMILIES if title.endswith("x4")) >= least


def test_a_photograph_speaks_for_the_right_value_range(tmp_path: Path) -> None:
    weights = load("rcan-g5-r1-c32-x4-fakd").state_dict()
    bare = {key: tensor for key, tensor in weights.items() if "mean" not in key}
    torch.save(bare, tmp_path / "bare.pth")
    network = load_model(tmp_path / "bare.pth")
    assert "on a photograph 255 comes nearer to bicubic" in network.origin.guessed["value_range"]
