"""The fused convolution and the fused tail equal the textbook ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fakd_core.models.layers import Reconstruction, conv


@pytest.mark.parametrize("learns", [True, False])
def test_convolution_equals_torchs_own_in_value_and_gradients(learns: bool) -> None:
    torch.manual_seed(0)
    ours, torchs = conv(5, 7).double(), nn.Conv2d(5, 7, 3, padding=1).double()
    torchs.load_state_dict(ours.state_dict())
    results: list[list[Tensor]] = []
    for layer in (ours, torchs):
        layer.requires_grad_(learns)
        features = torch.rand(2, 5, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        features.requires_grad_()
        out = layer(features)
        out.square().sum().backward()
        grads = [leaf.grad for leaf in (features, *layer.parameters())]
        results.append([out, *(grad for grad in grads if grad is not None)])
    assert len(results[0]) == (4 if learns else 2)
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_frozen_bias_gets_no_gradient() -> None:
    layer = conv(2, 2, 1)
    assert layer.bias is not None
    layer.bias.requires_grad_(False)
    layer(torch.ones(1, 2, 3, 3)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is None


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_tail_computes_the_same_in_training_and_in_eval_mode(scale: int) -> None:
    torch.manual_seed(0)
    tail = Reconstruction(scale, 6).double()
    features = torch.rand(2, 6, 5, 4, dtype=torch.float64)
    learning = tail(features)
    assert learning.shape == (2, 3, 5 * scale, 4 * scale)
    with torch.inference_mode():
        torch.testing.assert_close(tail.eval()(features), learning.detach())
