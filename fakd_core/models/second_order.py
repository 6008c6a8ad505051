"""Second-order channel statistics: covariance pooling and its matrix square root.

Li et al., "Towards Faster Training of Global Covariance Pooling Networks by Iterative Matrix Square
Root Normalization", CVPR 2018, as SAN uses it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fakd_core.models.layers import autocast_off

POOLED_SIDE = 1000
ITERATIONS = 5
# Features of one pixel or of a flat map have no covariance; their square root is then zero, not NaN.
LEAST_TRACE = 1e-12


def second_order_statistics(features: Tensor) -> Tensor:
    """The row means of the square root of the covariance of (B, C, H, W) features: (B, C, 1, 1)."""
    with autocast_off(features.device):
        if features.dtype in (torch.float16, torch.bfloat16):
            features = features.float()
        root = matrix_square_root(covariance(centre_crop(features)))
        return root.mean(1)[:, :, None, None]


def centre_crop(features: Tensor, side: int = POOLED_SIDE) -> Tensor:
    """The central `side` rows and columns, where there are more; SAN pools over these only."""
    height, width = features.shape[2:]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return features[:, :, top : top + side, left : left + side]


def covariance(features: Tensor) -> Tensor:
    """The biased covariance (B, C, C) of the channels of (B, C, H, W) over the pixels.

    The features are centred rather than multiplied by an (HW, HW) centring matrix: the same value.
    """
    columns = features.flatten(2)
    centred = columns - columns.mean(2, keepdim=True)
    return centred @ centred.mT / columns.shape[2]


def matrix_square_root(matrix: Tensor) -> Tensor:
    """The square root of positive semi-definite (B, C, C) matrices by coupled Newton-Schulz steps.

    Dividing by the trace first makes the iteration converge; multiplying by its square root at the
    end undoes it. Autograd through it equals the paper's hand-written backward.
    """
    trace = matrix.diagonal(dim1=1, dim2=2).sum(1).clamp_min(LEAST_TRACE)[:, None, None]
    three = 3 * torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    normalised = matrix / trace
    z = (three - normalised) / 2
    y = normalised @ z
    for _ in range(ITERATIONS - 2):
        step = (three - z @ y) / 2
        y, z = y @ step, step @ z
    return y @ (three - z @ y) / 2 * trace.sqrt()
