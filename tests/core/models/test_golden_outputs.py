"""The networks against the authors' own outputs, feature maps and gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from fakd_core.models.checkpoint import load_checkpoint, recognise
from fakd_core.models.layers import SRNetwork
from fakd_core.models.weight_files import read_weights

Shared = Callable[[str], Path]
PAIRS = ("rcan_x4", "rcan_x3", "san_x4", "edsr_x2")
OUTPUTS = ("sr", "feat0", "feat1", "feat2", "feat3")
TOLERANCE = 1e-5
# Its non-local block meets logits of 15 000, so that one rounding of the input moves its maps by up to
# 2e-3 (`test_san_student_is_at_the_limit_of_float32`): no float32 implementation can agree any closer.
ROUNDING_LIMITED = {("san_x4", "student"): 3e-3}


def load(shared: Shared, name: str, role: str) -> SRNetwork:
    settings: dict[str, Any] = {"res_scale": 0.1} if (name, role) == ("edsr_x2", "teacher") else {}
    return load_checkpoint(shared(f"golden/{name}_{role}.pt"), **settings)


def run(model: SRNetwork, lr: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
    return dict(zip(OUTPUTS, (sr, *maps), strict=True))


def deviation(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest absolute value expected."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("name", PAIRS)
def test_outputs_and_taps_are_the_authors(shared: Shared, name: str, role: str) -> None:
    golden = np.load(shared(f"golden/{name}.npz"))
    outputs = run(load(shared, name, role), torch.from_numpy(golden["lr"]))
    found = {
        key: deviation(value, torch.from_numpy(golden[f"{role}_{key}"])) for key, value in outputs.items()
    }
    assert max(found.values()) < ROUNDING_LIMITED.get((name, role), TOLERANCE), found


def test_san_student_is_at_the_limit_of_float32(shared: Shared) -> None:
    """One unit in the last place of the input moves the output as far as it is from the golden one."""
    golden = np.load(shared("golden/san_x4.npz"))
    model, lr = load(shared, "san_x4", "student"), torch.from_numpy(golden["lr"])
    plain = run(model, lr)["feat3"]
    moved = []
    for seed in range(6):
        noise = torch.randn(lr.shape, generator=torch.Generator().manual_seed(seed))
        moved.append(deviation(run(model, lr * (1 + torch.finfo(lr.dtype).eps * noise))["feat3"], plain))
    assert deviation(plain, torch.from_numpy(golden["student_feat3"])) < 2 * max(moved)


def spatial_affinity(features: Tensor) -> Tensor:
    columns = features.flatten(2)
    columns = columns / (columns.norm(dim=1, keepdim=True) + 1e-8)
    return columns.mT @ columns


@pytest.mark.parametrize("name", PAIRS)
def test_total_and_gradient_norms_are_the_authors(shared: Shared, name: str) -> None:
    golden = np.load(shared(f"golden/{name}.npz"))
    lr, hr = torch.from_numpy(golden["lr"]), torch.from_numpy(golden["hr"])
    teacher, student = load(shared, name, "teacher"), load(shared, name, "student")
    with torch.no_grad():
        teacher_sr, teacher_maps = teacher.forward_features(lr)
    sr, maps = student.forward_features(lr)
    affinity = sum(
        l1_loss(spatial_affinity(maps[tap]), spatial_affinity(teacher_maps[tap])) for tap in (1, 2, 3)
    )
    alpha = float(golden["alpha"])
    total = (1 - alpha) * l1_loss(sr, hr) + alpha * l1_loss(sr, teacher_sr)
    total = total + float(golden["lambda_sa"]) * affinity
    total.backward()
    assert total.item() == pytest.approx(float(golden["total"]), rel=1e-5)

    weights, _ = read_weights(shared(f"golden/{name}_student.pt"))
    native = recognise(Path(name), weights)[1].native_keys(weights)
    expected = {
        native[key.removeprefix("gradnorm/")]: float(golden[key])
        for key in golden.files
        if key.startswith("gradnorm/")
    }
    found = {key: p.grad.norm().item() for key, p in student.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    if name == "san_x4":
        # The bias of phi moves every logit of a pixel alike: its gradient is zero but for rounding.
        del found["non_local.non_local.phi.0.bias"], expected["non_local.non_local.phi.0.bias"]
    assert found == pytest.approx(expected, rel=5e-2 if name == "san_x4" else 1e-4, abs=1e-6)


def test_unused_parameters_of_san_are_the_authors(shared: Shared) -> None:
    student = load(shared, "san_x4", "student")
    student(torch.rand(1, 3, 8, 8)).mean().backward()
    unused = {key for key, parameter in student.named_parameters() if parameter.grad is None}
    gammas = {f"RG.{group}.gamma" for group in range(6)}
    soca = {f"non_local.soca.conv_du.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")}
    assert unused == gammas | soca | {"conv_last.weight", "conv_last.bias"}


def test_both_rcan_key_formats_are_one_network(shared: Shared) -> None:
    fakd = load_checkpoint(shared("golden/rcan_x4_teacher.pt"))
    authors = load_checkpoint(shared("golden/rcan_x4_teacher_eccv18_keys.pt"))
    assert authors.spec == fakd.spec
    ours, theirs = authors.state_dict(), fakd.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    stored, _ = read_weights(shared("golden/rcan_x4_teacher_eccv18_keys.pt"))
    assert ours.keys() == stored.keys()
