"""Networks under autocast on a CPU: which maps are in half precision, and how close results are."""

from __future__ import annotations

import pytest
import torch
from small_networks import SMALL, lively
from torch import Tensor
from torch.nn import functional as F

from fakd_core.models.factory import create_model, list_architectures
from fakd_core.models.fast_ops import convolve_then_shuffle
from fakd_core.models.layers import MeanShift, Reconstruction, SRNetwork, conv

HALF = torch.bfloat16


def learn(model: SRNetwork, lr: Tensor) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """The output, the maps, and all gradients in one row, of a step of L1 to grey."""
    sr, maps = model.forward_features(lr)
    model.zero_grad()
    F.l1_loss(sr, torch.full_like(sr, 128)).backward()
    return sr, maps, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", list_architectures())
def test_maps_are_in_half_precision_and_results_close(name: str) -> None:
    torch.manual_seed(5)
    model = lively(create_model(name, **SMALL[name])).train()
    lr = (torch.rand(2, 3, 12, 12) * 255).round()
    sr, maps, gradient = learn(model, lr)
    with torch.autocast("cpu", HALF):
        half_sr, half_maps, half_gradient = learn(model, lr)
    assert {each.dtype for each in half_maps} == {HALF}
    assert half_sr.dtype == torch.float32
    # The head is computed in full precision.
    assert torch.equal(half_maps[0], maps[0].to(HALF))
    assert F.l1_loss(half_sr, sr) < 0.02 * sr.std()
    assert F.cosine_similarity(half_gradient, gradient, dim=0) > 0.99
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}


@pytest.mark.parametrize("step", [2, 3])
def test_whole_pixels_are_shuffled_as_values_are(step: int) -> None:
    torch.manual_seed(0)
    layer = conv(5, 4 * step**2).double()
    features = torch.rand(2, 5, 6, 7, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 4, 6 * step, 7 * step, dtype=torch.float64)
    leaves = (features, *layer.parameters())
    moved = convolve_then_shuffle(features, layer, step)
    expected = F.pixel_shuffle(layer(features), step)
    torch.testing.assert_close(moved, expected)
    assert moved.is_contiguous(memory_format=torch.channels_last)
    both = [torch.autograd.grad((out * weights).sum(), leaves) for out in (moved, expected)]
    for mine, theirs in zip(*both, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_tail_learns_as_published(scale: int) -> None:
    torch.manual_seed(0)
    tail = Reconstruction(scale, 6).double()
    results = []
    for fused in (True, False):
        tail.fused = fused
        features = torch.rand(2, 6, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        features.requires_grad_()
        out = tail(features)
        results.append([out, *torch.autograd.grad(out.square().sum(), (features, *tail.parameters()))])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_mean_is_added_as_the_stored_convolution_does() -> None:
    shift = MeanShift(+1)
    image = (torch.rand(1, 3, 4, 5) * 255).requires_grad_()
    published = F.conv2d(image, shift.weight, shift.bias)
    torch.testing.assert_close(shift(image), published, rtol=0, atol=0)
    shift.weight[0, 1] = 0.01  # Published files have such weights.
    drifted = F.conv2d(image, shift.weight, shift.bias)
    torch.testing.assert_close(shift(image), drifted)
    assert not torch.allclose(drifted, published)
