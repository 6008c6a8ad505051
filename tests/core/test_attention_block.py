"""The hand-written gradient of RCAN's block is autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.models.attention_block import attention_block
from fakd_core.models.rcan import RCAB

SHAPES = ((2, 4, 3, 5), (4, 4, 3, 3), (4,), (4, 4, 3, 3), (4,), (3, 4, 1, 1), (3,), (4, 3, 1, 1), (4,))


def arguments() -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in SHAPES
    )


def written_out(features: Tensor, *parameters: Tensor) -> Tensor:
    first, first_bias, second, second_bias, w1, b1, w2, b2 = parameters
    rectified = F.relu(F.conv2d(features, first, first_bias, padding=1))
    residual = F.conv2d(rectified, second, second_bias, padding=1)
    hidden = F.relu(F.conv2d(residual.mean((2, 3), keepdim=True), w1, b1))
    return features + residual * torch.sigmoid(F.conv2d(hidden, w2, b2))


def test_value_and_gradients() -> None:
    given = arguments()
    torch.testing.assert_close(attention_block(*given), written_out(*given))
    assert torch.autograd.gradcheck(attention_block, given)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_block_learns_the_same_by_hand_and_by_autograd(layout: torch.memory_format) -> None:
    torch.manual_seed(3)
    block = RCAB(16, 4).to(memory_format=layout)
    features = torch.rand(2, 16, 9, 7).to(memory_format=layout).requires_grad_()

    def gradients() -> list[Tensor]:
        return list(torch.autograd.grad(block(features).square().sum(), [features, *block.parameters()]))

    by_hand = gradients()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fakd_core.models.rcan._by_hand", lambda features: False)
        by_autograd = gradients()
    for mine, theirs in zip(by_hand, by_autograd, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
        assert mine.stride() == theirs.stride()


def test_the_gradient_that_comes_in_is_left_as_it_was() -> None:
    given = arguments()
    out = attention_block(*given)
    grad = torch.ones_like(out)
    torch.autograd.grad(out, given, grad)
    assert torch.equal(grad, torch.ones_like(out))


def test_second_derivative_is_refused_rather_than_wrong() -> None:
    given = arguments()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(attention_block(*given).sum(), given, create_graph=True)
