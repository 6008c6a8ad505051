"""The loss equals the golden values, and its parts sum to the total."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.errors import ConfigError, FeatureTapError

GOLDEN = ["rcan_x4", "rcan_x3", "san_x4", "edsr_x2"]
GOLDEN_TERMS = {
    "SA": "SA",
    "CA": "CA",
    "IA": "IA",
    "AT": "AT",
    "FSP": "FSP",
    "FitNet": "fitnet",
    "PSA(k=2,pool=max)": "PSA_max2",
    "PSA(k=2,pool=avg)": "PSA_avg2",
    "MMD(k=2,pool=max)": "MMD_max2",
    "RBF(k=2,pool=max,P=2,gamma=5)": "RBF_max2_P2_g5",
}


def batch(size: int = 8, channels: int = 4, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Arguments of the loss, with a student that requires gradients."""
    generator = torch.Generator().manual_seed(0)

    def rand(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    images = [100 + 50 * rand(2, 3, size, size) for _ in range(3)]
    maps = [[rand(2, channels, size // 2, size // 2) for _ in range(4)] for _ in range(2)]
    return {
        "student_sr": images[0].requires_grad_(),
        "teacher_sr": images[1].requires_grad_(),
        "hr": images[2],
        "student_maps": [m.requires_grad_() for m in maps[0]],
        "teacher_maps": [m.requires_grad_() for m in maps[1]],
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name: str, shared: Callable[[str], Path]) -> None:
    golden = np.load(shared(f"golden/{name}.npz"))
    images = [torch.from_numpy(golden[key]) for key in ("student_sr", "teacher_sr", "hr")]
    maps = [[torch.from_numpy(golden[f"{who}_feat{i}"]) for i in range(4)] for who in ("student", "teacher")]
    loss = DistillationLoss(float(golden["alpha"]), f"{float(golden['lambda_sa'])}*SA", (1, 2, 3))(
        *images, *maps
    )
    assert loss.total.item() == pytest.approx(float(golden["total"]), rel=1e-5)
    assert loss.raw["DS"].item() == pytest.approx(float(golden["ds_l1"]), rel=1e-6)
    assert loss.raw["TS"].item() == pytest.approx(float(golden["ts_l1"]), rel=1e-6)
    assert loss.raw["SA"].item() == pytest.approx(float(golden["loss_SA"]), rel=1e-5)

    every = DistillationLoss(0.5, "+".join(GOLDEN_TERMS), (1, 2, 3))(*images, *maps)
    measured = {term.full_name: every.raw[part].item() for term, part in recipe_parts("+".join(GOLDEN_TERMS))}
    expected = {term: float(golden[f"loss_{key}"]) for term, key in GOLDEN_TERMS.items()}
    assert measured == pytest.approx(expected, rel=2e-5)


def recipe_parts(text: str) -> list[tuple[Any, str]]:
    recipe = parse_recipe(text)
    return list(zip(recipe, recipe.part_names, strict=True))


@pytest.mark.parametrize("alpha", [0, 0.25, 1])
@pytest.mark.parametrize("recipe", ["none", "10*SA", "2*PSA(k=2)+SA+0.5*PSA(k=3)+3*AT+FSP"])
def test_parts_are_weighted_and_sum_to_the_total(alpha: float, recipe: str) -> None:
    loss = DistillationLoss(alpha, recipe)
    result = loss(**batch())
    assert tuple(result.parts) == tuple(result.raw) == loss.part_names
    assert tuple(result.parts)[:2] == ("DS", "TS")
    torch.testing.assert_close(sum(result.parts.values()), result.total)
    weights = [1 - alpha, alpha, *(term.weight for term in parse_recipe(recipe))]
    for weight, name in zip(weights, result.parts, strict=True):
        torch.testing.assert_close(result.parts[name], weight * result.raw[name])


def test_data_and_teacher_supervision_are_l1() -> None:
    arguments = batch()
    raw = DistillationLoss(0.5, "none")(**arguments).raw
    torch.testing.assert_close(raw["DS"], F.l1_loss(arguments["student_sr"], arguments["hr"]))
    torch.testing.assert_close(raw["TS"], F.l1_loss(arguments["student_sr"], arguments["teacher_sr"]))


def test_only_the_given_layers_are_compared() -> None:
    arguments = batch()
    DistillationLoss(0.5, "SA", (2,))(**arguments).total.backward()
    assert [m.grad is not None for m in arguments["student_maps"]] == [False, False, True, False]


def test_terms_with_layers_of_their_own_are_those_at_these_layers() -> None:
    data = batch()
    own = DistillationLoss(0.5, "10*SA@2,3+AT@1+FitNet", (0,))
    assert own.layers == (0, 1, 2, 3)
    raw = own(**data).raw
    for name, layers in {"SA": (2, 3), "AT": (1,), "FitNet": (0,)}.items():
        assert torch.equal(raw[name], DistillationLoss(0.5, name, layers)(**data).raw[name])


def test_the_student_learns_and_the_teacher_does_not() -> None:
    arguments = batch()
    DistillationLoss()(**arguments).total.backward()
    assert arguments["student_sr"].grad.abs().max() > 0
    assert all(m.grad.abs().max() > 0 for m in arguments["student_maps"][1:])
    assert arguments["teacher_sr"].grad is None
    assert all(m.grad is None for m in arguments["teacher_maps"])


def test_without_a_teacher_the_total_is_the_data_loss() -> None:
    arguments = batch()
    for loss in (DistillationLoss.ground_truth_only(), DistillationLoss(0.7, "10*SA")):
        result = loss(arguments["student_sr"], None, arguments["hr"])
        assert list(result.parts) == ["DS"]
        assert result.total == result.parts["DS"] == F.l1_loss(arguments["student_sr"], arguments["hr"])


def test_a_recipe_without_terms_needs_no_maps() -> None:
    arguments = batch() | {"student_maps": None, "teacher_maps": None}
    assert list(DistillationLoss(0.5, "")(**arguments).parts) == ["DS", "TS"]
    with pytest.raises(FeatureTapError, match=r"10\*SA compares feature maps"):
        DistillationLoss(0.5, "10*SA")(**arguments)


def test_float32_under_autocast() -> None:
    arguments = batch(dtype=torch.bfloat16)
    expected = DistillationLoss()(**batch(dtype=torch.bfloat16))
    with torch.autocast("cpu", torch.bfloat16):
        result = DistillationLoss()(**arguments)
        result.total.backward()
    assert {value.dtype for value in (result.total, *result.parts.values())} == {torch.float32}
    assert result.total == expected.total


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha must be in"):
        DistillationLoss(alpha)


@pytest.mark.parametrize("layers", [(1, 1), (-1,)])
def test_impossible_layers(layers: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="layers must be different numbers"):
        DistillationLoss(layers=layers)


@pytest.mark.parametrize(("recipe", "layers", "least"), [("FSP", (1,), 2), ("SA", (), 1)])
def test_too_few_layers_are_found_before_training(recipe: str, layers: tuple[int, ...], least: int) -> None:
    with pytest.raises(ConfigError, match=f"{recipe} needs at least {least} layers"):
        DistillationLoss(recipe=recipe, layers=layers)


@pytest.mark.parametrize("who", ["student", "teacher"])
def test_a_layer_that_the_network_lacks(who: str) -> None:
    arguments = batch()
    arguments[f"{who}_maps"] = arguments[f"{who}_maps"][:3]
    with pytest.raises(
        FeatureTapError, match=rf"layers \[3\] are not among the {who}'s feature maps: it has 3"
    ):
        DistillationLoss()(**arguments)


@pytest.mark.parametrize("name", ["hr", "teacher_sr"])
def test_images_of_another_shape_are_refused(name: str) -> None:
    arguments = batch() | {name: torch.ones(2, 3, 8, 1)}
    with pytest.raises(FeatureTapError, match=rf"\(2, 3, 8, 8\) and {name} \(2, 3, 8, 1\)"):
        DistillationLoss()(**arguments)


def test_unequal_widths_name_the_term_and_the_layer() -> None:
    arguments = batch() | {"teacher_maps": batch(channels=6)["teacher_maps"]}
    with pytest.raises(FeatureTapError, match=r"CA needs .* layer 1 has 4 channels in the student and 6"):
        DistillationLoss(recipe="SA+CA")(**arguments)


def test_a_network_without_maps_is_refused_in_one_line() -> None:
    """Some external networks have no map over the LR image's pixels: only the outputs can be compared."""
    loss = DistillationLoss(recipe="10*SA")
    with pytest.raises(
        ConfigError, match="the teacher has none over the LR image's pixels: use the recipe none"
    ):
        loss.check_widths((8, 8, 8, 8), ())
    with pytest.raises(ConfigError, match="the student has none"):
        loss.check_widths((), (8, 8, 8, 8))
    DistillationLoss(recipe="none").check_widths((8, 8, 8, 8), ())


@pytest.mark.parametrize("missing", ["student", "teacher", "both"])
def test_a_recipe_without_the_maps_of_one_side_is_refused(missing: str) -> None:
    images = torch.rand(1, 3, 8, 8)
    maps = [torch.rand(1, 4, 2, 2)] * 4
    given = [None if missing in (side, "both") else maps for side in ("student", "teacher")]
    with pytest.raises(FeatureTapError, match="give the student's and teacher's"):
        DistillationLoss()(images, images, images, *given)
