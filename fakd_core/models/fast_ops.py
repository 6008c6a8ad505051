"""RCAN's channel attention with a gradient written by hand: a third of autograd's passes over the maps."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from fakd_core.models.layers import autocast_off


def channel_attention(
    features: Tensor, skip: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> Tensor:
    """The gated map, skip + features * sigmoid(w2 relu(w1 mean(features) + b1) + b2), means over positions.

    Args:
        features: (B, C, H, W).
        skip: the same shape.
        w1: (R, C, 1, 1), as a 1x1 convolution holds it.
        b1: (R,).
        w2: (C, R, 1, 1).
        b2: (C,).

    Returns:
        (B, C, H, W), differentiable once in every argument.
    """
    return cast("Tensor", _ChannelAttention.apply(features, skip, w1, b1, w2, b2))  # type: ignore[no-untyped-call]


class _ChannelAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, skip: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
    ) -> Tensor:
        with autocast_off(features.device):
            mean = features.mean((2, 3), dtype=w1.dtype)
            hidden = torch.addmm(b1, mean, w1.flatten(1).T).relu_()
            gate = torch.addmm(b2, hidden, w2.flatten(1).T).sigmoid_()
            ctx.save_for_backward(features, w1, w2, mean, hidden, gate)
            return torch.addcmul(skip, features, _as_map(gate, features))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("channel_attention has no second derivative: don't use create_graph=True")
        features, w1, w2, mean, hidden, gate = ctx.saved_tensors
        with autocast_off(grad.device):
            gate_grad = (grad * features).sum((2, 3), dtype=gate.dtype)
            excited_grad = gate_grad * gate * (1 - gate)
            hidden_grad = (excited_grad @ w2.flatten(1)) * (hidden > 0)
            mean_grad = hidden_grad @ w1.flatten(1)
            each = mean_grad / features[0, 0].numel()
            features_grad = torch.addcmul(_as_map(each, grad), grad, _as_map(gate, grad))
        return (
            features_grad,
            grad,
            _laid_out_as(w1, hidden_grad.T @ mean),
            hidden_grad.sum(0),
            _laid_out_as(w2, excited_grad.T @ hidden),
            excited_grad.sum(0),
        )


def _as_map(per_channel: Tensor, feature_map: Tensor) -> Tensor:
    return per_channel.to(feature_map.dtype)[:, :, None, None]


def _laid_out_as(weight: Tensor, grad: Tensor) -> Tensor:
    """(A, B) as (A, B, 1, 1) with the strides of `weight`, as DistributedDataParallel wants gradients."""
    return grad.contiguous().as_strided(weight.shape, weight.stride())
