"""The hand-written gradient of the channel attention equals autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.models.fast_ops import channel_attention
from fakd_core.models.rcan import RCAB


def arguments(dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 3, 5), (2, 4, 3, 5), (3, 4, 1, 1), (3,), (4, 3, 1, 1), (4,))
    return tuple(torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes)


def written_out(features: Tensor, skip: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    hidden = F.relu(F.conv2d(features.mean((2, 3), keepdim=True), w1, b1))
    return skip + features * torch.sigmoid(F.conv2d(hidden, w2, b2))


def test_value_and_gradients() -> None:
    given = arguments()
    torch.testing.assert_close(channel_attention(*given), written_out(*given))
    assert torch.autograd.gradcheck(channel_attention, given)


def test_the_block_computes_the_same_with_and_without_gradients() -> None:
    features = torch.rand(2, 32, 6, 7, generator=torch.Generator().manual_seed(1))
    block = RCAB(32, 16)
    learning = block(features)
    with torch.inference_mode():
        torch.testing.assert_close(block(features), learning.detach())
    learning.sum().backward()
    assert all(parameter.grad is not None for parameter in block.parameters())


def test_maps_in_half_precision_keep_their_type_and_weights_their_gradients() -> None:
    given = arguments(torch.float32)
    features, skip = (leaf.detach().bfloat16().requires_grad_() for leaf in given[:2])
    with torch.autocast("cpu", torch.bfloat16):
        out = channel_attention(features, skip, *given[2:])
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert features.grad is not None
    assert features.grad.dtype == torch.bfloat16
    assert given[2].grad is not None
    assert given[2].grad.dtype == torch.float32


def test_second_derivative_is_refused_rather_than_wrong() -> None:
    given = arguments()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(channel_attention(*given).sum(), given, create_graph=True)


def test_without_torchs_names_of_hooks_layers_compute_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    block = RCAB(4, 2)
    assert block.may_fuse()
    monkeypatch.delattr(torch.nn.modules.module, "_global_forward_hooks")
    assert not block.may_fuse()
