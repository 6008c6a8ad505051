"""Losses without gradients are found before the first step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fakd_core import create_model
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import ConfigError, FeatureTapError
from fakd_core.models.layers import SRNetwork
from fakd_core.training.sanity_check import check_gradient_flow


def network(**sizes: int) -> SRNetwork:
    given = {"n_feats": 8, "n_resgroups": 2, "n_resblocks": 1, "reduction": 4, **sizes}
    return create_model("rcan", **given)


def frozen(**sizes: int) -> SRNetwork:
    return network(**sizes).eval().requires_grad_(False)


def test_a_valid_recipe_passes_without_side_effects() -> None:
    student, teacher = network(), frozen(n_resgroups=3)
    before = {name: weights.clone() for name, weights in student.state_dict().items()}
    check_gradient_flow(
        student=student, teacher=teacher, loss=DistillationLoss(recipe="10*SA+AT+FSP"), patch=12
    )
    check_gradient_flow(student=student, teacher=None, loss=DistillationLoss(), patch=12)
    assert all(weights.grad is None for weights in student.parameters())
    assert all(torch.equal(before[name], weights) for name, weights in student.state_dict().items())


def test_a_teacher_that_is_not_frozen_is_refused() -> None:
    with pytest.raises(ConfigError, match="not frozen"):
        check_gradient_flow(student=network(), teacher=network(), loss=DistillationLoss(), patch=12)


def test_a_part_without_gradient_is_named() -> None:
    student = network()
    for weights in (*student.sub_mean.parameters(), *student.head.parameters()):
        weights.requires_grad_(False)
    with pytest.raises(ConfigError, match=r"^SA does not depend"):
        check_gradient_flow(student=student, teacher=frozen(), loss=DistillationLoss(layers=(0,)), patch=12)


def test_a_student_without_trainable_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^DS does not depend"):
        check_gradient_flow(student=frozen(), teacher=frozen(), loss=DistillationLoss(), patch=12)


def test_maps_of_different_shapes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = frozen()
    forward = teacher.forward_features

    def cropped(lr: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        sr, maps = forward(lr)
        return sr, tuple(feature_map[:, :, 1:] for feature_map in maps)

    monkeypatch.setattr(teacher, "forward_features", cropped)
    with pytest.raises(FeatureTapError):
        check_gradient_flow(student=network(), teacher=teacher, loss=DistillationLoss(), patch=12)
