"""Gradients of the whole loss through the networks, parameter by parameter, against the golden norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.models.checkpoint import load_checkpoint, recognise
from fakd_core.models.layers import SRNetwork
from fakd_core.models.weight_files import read_weights

Shared = Callable[[str], Path]


class Golden:
    """One golden case: networks, inputs, the teacher's answer, and the expected norms under our names."""

    def __init__(self, name: str, shared: Shared, **teacher_sizes: Any) -> None:
        values = np.load(shared(f"golden/{name}.npz"))
        student_file = shared(f"golden/{name}_student.pt")
        self.student = load_checkpoint(student_file)
        self.lr, self.hr = torch.from_numpy(values["lr"]), torch.from_numpy(values["hr"])
        teacher = load_checkpoint(shared(f"golden/{name}_teacher.pt"), **teacher_sizes)
        with torch.no_grad():
            self.teacher_sr, self.teacher_maps = teacher.forward_features(self.lr)
        self.loss = DistillationLoss(float(values["alpha"]), f"{float(values['lambda_sa'])}*SA", (1, 2, 3))
        self.total = float(values["total"])
        weights, _ = read_weights(student_file)
        ours = recognise(student_file, weights)[1].native_keys(weights)
        self.norms = {
            ours[key.removeprefix("gradnorm/")]: float(values[key])
            for key in values
            if key.startswith("gradnorm/")
        }

    def gradient_norms(self) -> dict[str, float]:
        self.student.zero_grad()
        student_sr, student_maps = self.student.forward_features(self.lr)
        loss = self.loss(student_sr, self.teacher_sr, self.hr, student_maps, self.teacher_maps)
        assert loss.total.item() == pytest.approx(self.total, rel=1e-4)
        loss.total.backward()
        gradients = {key: parameter.grad for key, parameter in self.student.named_parameters()}
        return {key: gradients[key].norm().item() for key in self.norms}


@pytest.mark.parametrize(
    ("name", "teacher_sizes"), [("rcan_x4", {}), ("rcan_x3", {}), ("edsr_x2", {"res_scale": 0.1})]
)
def test_gradient_norms(name: str, teacher_sizes: dict[str, float], shared: Shared) -> None:
    golden = Golden(name, shared, **teacher_sizes)
    assert len(golden.norms) > 15
    assert golden.gradient_norms() == pytest.approx(golden.norms, rel=1e-4)


def rounding_variants(network: SRNetwork, count: int) -> Iterator[None]:
    """Yield with `network` unchanged, then with its attention's embeddings changed by float32's rounding."""
    embeddings = [p for key, p in network.named_parameters() if "theta" in key or "phi" in key]
    originals = [p.detach().clone() for p in embeddings]
    generator = torch.Generator().manual_seed(0)
    yield
    for _ in range(count - 1):
        for parameter, original in zip(embeddings, originals, strict=True):
            noise = torch.rand(original.shape, generator=generator) - 0.5
            parameter.data.copy_(original * (1 + 2e-7 * noise))
        yield


def test_gradient_norms_of_san_within_what_rounding_decides(shared: Shared) -> None:
    """The case's attention logits reach 1.5e6, where neighbouring float32 numbers are 0.1 apart.

    A pixel with two nearly equal best matches is then decided by rounding: the number of threads alone moves
    the norms by about 1 %. So one of some variants that differ by rounding must come near the golden norms.
    (Among 150 of them, one agreed with the taps to 3e-6 and then with every norm to 3e-5.)
    """
    golden = Golden("san_x4", shared)
    variants = [golden.gradient_norms() for _ in rounding_variants(golden.student, 24)]
    # phi's bias shifts all logits of a softmax alike: its true gradient is zero.
    zero = next(key for key in golden.norms if key.endswith("phi.0.bias"))
    assert max(variant[zero] for variant in variants) < 1e-3
    keys = [key for key in golden.norms if key != zero]
    assert len(keys) > 50
    expected = np.array([golden.norms[key] for key in keys])
    distances = np.array([[variant[key] for key in keys] for variant in variants]) / expected - 1
    assert np.abs(distances).max() < 0.2
    assert np.abs(distances).max(axis=1).min() < 0.01
