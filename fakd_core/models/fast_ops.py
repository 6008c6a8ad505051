"""Hand-fused forms of the networks' layers, and the switch between them and the textbook forms."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as torch_modules

MAX_QUERIES = 4096
"""Pixels that attend at once in a non-local block."""


class FusableLayer(nn.Module):
    """A layer with a hand-fused form beside its textbook one, which its network switches by `fuse`."""

    fused = True

    def may_fuse(self) -> bool:
        """Say whether to compute the fused form, which doesn't call the modules inside.

        A hook on one of these modules has to fire, and so requires the textbook form.
        """
        hooked = _has_hooks(torch_modules, _GLOBAL_HOOKS) or any(map(_has_hooks, self.modules()))
        return self.fused and not hooked


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_GLOBAL_HOOKS = tuple(f"_global{name}" for name in _HOOKS)


def _has_hooks(owner: object, names: Iterable[str] = _HOOKS) -> bool:
    """True if `owner` has hooks, or if this torch calls them otherwise, as their names aren't public."""
    return any(getattr(owner, name, True) for name in names)


def autocast_off(device: torch.device) -> AbstractContextManager[object]:
    """A block that computes in its tensors' own precision; does nothing where autocast is already off."""
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def to_autocast_type(features: Tensor) -> Tensor:
    """Convert to the type that autocast computes in; the same tensor where autocast is off."""
    kind = features.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return features.to(torch.get_autocast_dtype(kind))
    return features


def convolve(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The convolution of stride 1 that keeps height and width.

    While it learns in float32 on a CPU, the bias is added, and gets its gradient, separately: oneDNN takes up
    to a tenth longer for a backward pass with the bias's gradient, which is one quick sum.
    """
    padding = weight.shape[-1] // 2
    learns = torch.is_grad_enabled() and bias.requires_grad
    if not learns or features.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return F.conv2d(features, weight, bias, padding=padding)
    return F.conv2d(features, weight, None, padding=padding).add_(bias[:, None, None])


def convolve_then_shuffle(features: Tensor, layer: nn.Conv2d, step: int) -> Tensor:
    """`pixel_shuffle(layer(features), step)`, which moves whole pixels in memory: channels last.

    The filters are sorted by subpixel first. torch moves every value on its own, and took up to ten times as
    long for the gradient.
    """
    assert layer.bias is not None
    weight, bias = (
        each.reshape(-1, step**2, *each.shape[1:]).transpose(0, 1).flatten(0, 1)
        for each in (layer.weight, layer.bias)
    )
    subpixels = convolve(features, weight, bias).permute(0, 2, 3, 1)
    batch, height, width, _ = subpixels.shape
    moved = subpixels.reshape(batch, height, width, step, step, -1).transpose(2, 3)
    return moved.reshape(batch, height * step, width * step, -1).permute(0, 3, 1, 2)


def convolve_before_shuffle(features: Tensor, layer: nn.Conv2d, step: int) -> Tensor:
    """`layer(pixel_shuffle(features, step))` for a 3x3 convolution, with the shuffle last.

    The large map between the two, which sets the peak of memory, is never made: for a layer from C to A
    channels, (B, C·step², H, W) -> (B, A, H·step, W·step).
    """
    assert layer.bias is not None
    weight, bias = weight_before_shuffle(layer.weight, step), layer.bias.repeat_interleave(step**2)
    return F.pixel_shuffle(convolve(features, weight, bias), step)


def weight_before_shuffle(weight: Tensor, step: int) -> Tensor:
    """3x3 filters that do before a pixel shuffle by `step` what `weight` does after it.

    (A, B, 3, 3) -> (A·step², B·step², 3, 3).
    """
    # A filter of each subpixel's neighbours among the 3·step x 3·step subpixels around.
    placed = [
        F.pad(weight, (step - 1 + x, 2 * step - 2 - x, step - 1 + y, 2 * step - 2 - y))
        for y, x in product(range(step), repeat=2)
    ]
    return F.pixel_unshuffle(torch.stack(placed, 1).flatten(0, 1), step)


def attend_in_blocks(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Unscaled dot-product attention of (B, 1, N, C) tokens, `MAX_QUERIES` at a time.

    Not every device has a kernel that never builds the whole matrix.
    """
    blocks = torch.split(queries, MAX_QUERIES, 2)
    return torch.cat([F.scaled_dot_product_attention(block, keys, values, scale=1.0) for block in blocks], 2)


def channel_attention(
    features: Tensor, skip: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> Tensor:
    """RCAN's channel attention and the skip around it, with a gradient written by hand.

    skip + features * sigmoid(w2 relu(w1 mean(features) + b1) + b2), means over positions. The gradient takes
    a third of autograd's passes over the maps, which are (B, C, H, W). The weights are those of 1x1
    convolutions, (R, C, 1, 1) and (C, R, 1, 1). Differentiable once in every argument.
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
        # Gradients are on in a backward pass only if it is to be differentiated itself.
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
            _with_strides_of(w1, hidden_grad.T @ mean),
            hidden_grad.sum(0),
            _with_strides_of(w2, excited_grad.T @ hidden),
            excited_grad.sum(0),
        )


def _as_map(per_channel: Tensor, feature_map: Tensor) -> Tensor:
    return per_channel.to(feature_map.dtype)[:, :, None, None]


def _with_strides_of(weight: Tensor, grad: Tensor) -> Tensor:
    """(A, B) as (A, B, 1, 1) with the strides of `weight`, as DistributedDataParallel expects gradients."""
    return grad.contiguous().as_strided(weight.shape, weight.stride())
