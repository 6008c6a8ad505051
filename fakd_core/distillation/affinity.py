"""Feature affinity: the textbook matrices, one row of them, and the streamed loss for training."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor

from fakd_core.errors import FeatureTapError
from fakd_core.models.fast_ops import autocast_off
from fakd_core.runtime.cpu_tuning import is_intel

EPSILON = 1e-8
_MAX_ROWS = 768
"""Rows of the affinity matrix in memory at once."""
_CPU_ELEMENTS, _GPU_ELEMENTS = 1 << 17, 1 << 24
"""Affinities per chunk of samples: no more than a CPU's cache holds; few, large launches for a GPU."""


def full_precision(feature_map: Tensor) -> Tensor:
    """Convert to float32, unless it is float64: affinities in half precision are too coarse."""
    return feature_map.to(torch.promote_types(feature_map.dtype, torch.float32))


def unit_vectors(vectors: Tensor, dim: int) -> Tensor:
    """Divide `vectors` by (L2 norm over `dim` + 1e-8).

    A zero vector stays zero and gets a zero gradient: it has no direction, and the formula's derivative there
    (1e8) would ruin the optimiser's state.
    """
    norm = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    return vectors * torch.where(norm > 0, 1 / (norm + EPSILON), 0)


def spatial_affinity(feature_map: Tensor) -> Tensor:
    """Compute the cosine similarity of every pair of positions (FAKD's SA), as a whole matrix.

    (B, C, H, W) of any scale -> (B, N, N) with N = H·W, in -1..1, symmetric. Training uses
    `spatial_affinity_loss` instead.
    """
    positions = unit_vectors(feature_map.flatten(2), dim=1)
    return positions.mT @ positions


def channel_affinity(feature_map: Tensor) -> Tensor:
    """Compute the cosine similarity of every pair of channels: (B, C, H, W) -> (B, C, C) in -1..1."""
    channels = unit_vectors(feature_map.flatten(2), dim=2)
    return channels @ channels.mT


def affinity_row(feature_map: Tensor, y: int, x: int) -> Tensor:
    """Compute the cosine similarity of the feature at (y, x) to the feature at every position.

    Args:
        feature_map: (C, H, W).
        y: row, 0..H-1.
        x: column, 0..W-1.

    Returns:
        (H, W) in -1..1: one row of `spatial_affinity`.

    Raises:
        FeatureTapError: the map doesn't have three dimensions, or (y, x) lies outside it.

    Example:
        >>> import torch
        >>> from fakd_core.distillation.affinity import affinity_row
        >>> feature_map = torch.tensor([[[3.0, 0.0], [1.0, -2.0]], [[0.0, 5.0], [1.0, 0.0]]])
        >>> affinity_row(feature_map, y=0, x=0)  # same direction, orthogonal, 45 degrees, opposite
        tensor([[ 1.0000,  0.0000],
                [ 0.7071, -1.0000]])
    """
    if feature_map.ndim != 3:
        raise FeatureTapError(
            f"expected one feature map (C, H, W), found the shape {tuple(feature_map.shape)}"
        )
    _, height, width = feature_map.shape
    if not (0 <= y < height and 0 <= x < width):
        raise FeatureTapError(
            f"the position (y={y}, x={x}) lies outside the feature map: "
            f"y must be in 0..{height - 1} and x in 0..{width - 1}"
        )
    positions = unit_vectors(full_precision(feature_map), dim=0)
    return torch.einsum("chw,c->hw", positions, positions[:, y, x])


def spatial_affinity_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Compute the mean absolute difference of two spatial affinities (FAKD's SA) without N x N matrices.

    Computed in float32 (float64 for float64 maps), even under autocast. Differentiable once, in both maps.
    The gradient is computed in the forward pass, so nothing of size N x N is kept for the backward pass.

    Args:
        student: (B, Cs, H, W).
        teacher: (B, Ct, H, W); Ct may differ from Cs.

    Returns:
        Scalar in 0..2, equal to `l1_loss(spatial_affinity(student), spatial_affinity(teacher))`.

    Raises:
        FeatureTapError: batch or spatial sizes differ.

    Example:
        >>> import torch
        >>> from fakd_core import spatial_affinity_loss
        >>> teacher = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # two positions at right angles
        >>> student = torch.tensor([[[[1.0, 1.0]]]])  # two positions alike, one channel
        >>> spatial_affinity_loss(student, teacher)
        tensor(0.5000)
    """
    if student.ndim != 4 or teacher.ndim != 4 or _without_channels(student) != _without_channels(teacher):
        raise FeatureTapError(
            "spatial affinity compares maps (B, C, H, W) of equal B, H and W: "
            f"found student {tuple(student.shape)} and teacher {tuple(teacher.shape)}"
        )
    with autocast_off(student.device):
        dtype = torch.promote_types(full_precision(student).dtype, full_precision(teacher).dtype)
        positions = _unit_positions(student.to(dtype)), _unit_positions(teacher.to(dtype))
        return cast("Tensor", _StreamedAffinityL1.apply(*positions))  # type: ignore[no-untyped-call]


def _without_channels(feature_map: Tensor) -> tuple[int, ...]:
    return (feature_map.shape[0], *feature_map.shape[2:])


def _unit_positions(feature_map: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, N, C), contiguous so that consecutive positions are one block of memory."""
    return unit_vectors(feature_map.permute(0, 2, 3, 1).flatten(1, 2).contiguous(), dim=2)


class _StreamedAffinityL1(torch.autograd.Function):
    """The mean of |s sᵀ - t tᵀ| over (B, N, N) for s (B, N, Cs), t (B, N, Ct).

    D = s sᵀ - t tᵀ is symmetric, so strips of rows are computed from the diagonal to the right only, and
    elements right of the diagonal block count twice. With G = sign(D), also symmetric, the gradients are
    2 G s / (B N²) and -2 G t / (B N²).
    """

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> Tensor:
        maps = (student, teacher)
        grads = [
            torch.zeros_like(positions) if needed else None
            for positions, needed in zip(maps, ctx.needs_input_grad, strict=True)
        ]
        batch, n_positions, _ = student.shape
        n_samples = _max_samples(student)
        sums = []
        for chunk in (slice(first, first + n_samples) for first in range(0, batch, n_samples)):
            pairs = zip(maps, grads, strict=True)
            graded = [(positions[chunk], grad[chunk]) for positions, grad in pairs if grad is not None]
            sums.append(_sweep(student[chunk], teacher[chunk], graded))
        elements = batch * n_positions**2
        for grad, factor in zip(grads, (2, -2), strict=True):
            if grad is not None:
                grad.mul_(factor / elements)
        ctx.save_for_backward(*grads)
        return torch.stack(sums).sum() / elements

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor | None, ...]:
        # Autograd treats the saved gradients as constants: a second derivative would be silently wrong.
        if torch.is_grad_enabled():
            raise RuntimeError("spatial_affinity_loss has no second derivative: don't use create_graph=True")
        return tuple(None if grad is None else grad * grad_loss for grad in ctx.saved_tensors)


def _max_samples(positions: Tensor) -> int:
    n_positions = positions.shape[1]
    elements = _CPU_ELEMENTS if positions.device.type == "cpu" else _GPU_ELEMENTS
    return max(1, elements // (min(_MAX_ROWS, n_positions) * n_positions))


def _sweep(student: Tensor, teacher: Tensor, graded: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum |D| over some samples, and add sign(D) s or sign(D) t to the gradients of those in `graded`."""
    n_positions = student.shape[1]
    total = student.new_zeros(())
    for first in range(0, n_positions, _MAX_ROWS):
        rows = slice(first, min(first + _MAX_ROWS, n_positions))
        total += _block(student, teacher, graded, rows=rows, columns=rows)
        right = slice(rows.stop, n_positions)
        if right.start < right.stop:
            total += 2 * _block(student, teacher, graded, rows=rows, columns=right)
    return total


def _block(
    student: Tensor, teacher: Tensor, graded: list[tuple[Tensor, Tensor]], *, rows: slice, columns: slice
) -> Tensor:
    """Sum |D| over one block of D, and add the gradients of the block and of its mirror image."""
    # Two separate products, so that equal maps give exactly zero.
    difference = _times_transposed(student[:, rows], student[:, columns])
    difference -= _times_transposed(teacher[:, rows], teacher[:, columns])
    # Sum row by row: one long float32 sum would lose digits, and a norm would be four times slower.
    total = difference.abs().sum(2).sum()
    if graded:
        difference.sign_()
    for positions, grad in graded:
        grad[:, rows] += _times_transposed(difference, positions[:, columns].mT)
        if columns != rows:
            grad[:, columns] += _times_transposed(positions[:, rows].mT, difference.mT).mT
    return total


def _times_transposed(left: Tensor, right: Tensor) -> Tensor:
    """Multiply (n, a, k) by transposed (n, b, k): (n, a, b).

    torch uses MKL for matrix products on a CPU. The linear layer of oneDNN, the library of the convolutions,
    was measured 2.3 times as fast on AMD's processors (Zen 5, AVX-512), and takes 2 to 4 times as long on
    Intel's (Xeon with AMX).
    """
    on_cpu = left.device.type == "cpu" and left.dtype == torch.float32
    if on_cpu and len(left) == 1 and not is_intel() and _has_onednn_linear():
        return _onednn_linear(left[0], right[0]).unsqueeze(0)
    return left @ right.mT


def _onednn_linear(left: Tensor, right: Tensor) -> Tensor:
    """Multiply (a, k) by transposed (b, k) with torch.compile's operator for linear layers on CPUs."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return product


@cache
def _has_onednn_linear() -> bool:
    """Try the operator, which isn't public: torch may be built without it, and versions may change it."""
    probe = torch.arange(12.0).view(3, 4)
    try:
        return torch.equal(_onednn_linear(probe, probe[:2]), probe @ probe[:2].T)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, there is another way
        return False
