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
            mean, hidden, gate = gates(features, w1, b1, w2, b2)
            ctx.save_for_backward(features, w1, w2, mean, hidden, gate)
            return torch.addcmul(skip, features, as_map(gate, features))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        refuse_second_derivative()
        with autocast_off(grad.device):
            features_grad, *parameter_grads = gates_backward(grad, *ctx.saved_tensors)
        return features_grad, grad, *parameter_grads


def gates(features: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The means (B, C), the hidden layer (B, R) and the gates (B, C) in 0..1."""
    mean = features.mean((2, 3), dtype=w1.dtype)
    hidden = torch.addmm(b1, mean, w1.flatten(1).T).relu_()
    return mean, hidden, torch.addmm(b2, hidden, w2.flatten(1).T).sigmoid_()


def gates_backward(
    grad: Tensor, features: Tensor, w1: Tensor, w2: Tensor, mean: Tensor, hidden: Tensor, gate: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of features * gate in the features, w1, b1, w2 and b2, from `grad` (B, C, H, W)."""
    gate_grad = (grad * features).sum((2, 3), dtype=gate.dtype)
    excited_grad = gate_grad * gate * (1 - gate)
    hidden_grad = (excited_grad @ w2.flatten(1)) * (hidden > 0)
    each = (hidden_grad @ w1.flatten(1)) / features[0, 0].numel()
    return (
        torch.addcmul(as_map(each, grad), grad, as_map(gate, grad)),
        _laid_out_as(w1, hidden_grad.T @ mean),
        hidden_grad.sum(0),
        _laid_out_as(w2, excited_grad.T @ hidden),
        excited_grad.sum(0),
    )


def refuse_second_derivative() -> None:
    """Raise `RuntimeError` in a backward pass that is itself to be differentiated."""
    if torch.is_grad_enabled():
        raise RuntimeError("channel attention has no second derivative: don't use create_graph=True")


def as_map(per_channel: Tensor, feature_map: Tensor) -> Tensor:
    """(B, C) as (B, C, 1, 1) in the map's type."""
    return per_channel.to(feature_map.dtype)[:, :, None, None]


def _laid_out_as(weight: Tensor, grad: Tensor) -> Tensor:
    """(A, B) as (A, B, 1, 1) with the strides of `weight`, as DistributedDataParallel wants gradients."""
    return grad.contiguous().as_strided(weight.shape, weight.stride())
