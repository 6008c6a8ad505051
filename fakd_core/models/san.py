"""SAN: second-order attention network.

Dai et al., "Second-order Attention Network for Single Image Super-Resolution", CVPR 2019. Weights are
named as in its authors' files, which FAKD's share.
"""

from __future__ import annotations

import re
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.errors import DataError
from fakd_core.models.architecture import (
    Architecture,
    KeyFormat,
    Shapes,
    check_rgb,
    evenly_spaced,
    has_mean_shift,
    scale_from_tail,
)
from fakd_core.models.fast_ops import FusableLayer, attend_in_blocks, autocast_off
from fakd_core.models.layers import FeatureMaps, Head, MeanShift, Reconstruction, SRNetwork, choose_taps, conv
from fakd_core.models.spec import ModelSpec

NON_LOCAL_SOCA_REDUCTION = 8
MIN_SIDE = 4
MAX_POOLED_SIDE = 1000
ITERATIONS = 5
"""Newton-Schulz steps of the matrix square root."""
MIN_TRACE = 1e-12
"""The covariance of a single pixel or a constant map is zero; its square root is then zero, not NaN."""


class SANSpec(ModelSpec):
    """Sizes of a SAN; `taps` counts groups, by default 0.35 and 0.7 of them, rounded.

    `non_local_reduction` is the factor by which the non-local block's embeddings are narrower.
    """

    architecture: Literal["san"] = "san"
    n_feats: int = Field(64, ge=NON_LOCAL_SOCA_REDUCTION)
    n_resgroups: int = Field(20, ge=1, le=100)
    n_resblocks: int = Field(10, ge=1, le=100)
    reduction: int = Field(16, ge=1)
    non_local_reduction: int = Field(4, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("reduction", "non_local_reduction"):
            if getattr(self, name) > self.n_feats:
                raise ValueError(f"{name} must be at most n_feats = {self.n_feats}")
        default = ((7 * self.n_resgroups + 10) // 20, (7 * self.n_resgroups + 5) // 10)
        object.__setattr__(self, "taps", choose_taps(self.taps, default, self.n_resgroups))
        return self


class SecondOrderChannelAttention(nn.Module):
    """SOCA (Sec. 3.3): a gate in 0..1 per channel, computed from the channels' covariance."""

    def __init__(self, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            conv(n_feats, n_feats // reduction, 1),
            nn.ReLU(inplace=True),
            conv(n_feats // reduction, n_feats, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        gate: Tensor = self.conv_du(second_order_statistics(features))
        return features * gate


def second_order_statistics(features: Tensor) -> Tensor:
    """Compute the row means of the square root of the channels' covariance: (B, C, H, W) -> (B, C, 1, 1)."""
    with autocast_off(features.device):
        if features.dtype in (torch.float16, torch.bfloat16):
            features = features.float()
        root = matrix_square_root(covariance(centre_crop(features)))
        return root.mean(1)[:, :, None, None]


def centre_crop(features: Tensor, side: int = MAX_POOLED_SIDE) -> Tensor:
    """Crop to the central `side` rows and columns if there are more, as the authors pool over these only."""
    height, width = features.shape[2:]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return features[:, :, top : top + side, left : left + side]


def covariance(features: Tensor) -> Tensor:
    """Compute the biased covariance of the channels over the pixels: (B, C, H, W) -> (B, C, C).

    The features are centred instead of multiplied by an (HW, HW) centring matrix, which gives the same.
    """
    columns = features.flatten(2)
    centred = columns - columns.mean(2, keepdim=True)
    return centred @ centred.mT / columns.shape[2]


def matrix_square_root(matrix: Tensor) -> Tensor:
    """Compute the square root of positive semi-definite (B, C, C) matrices by coupled Newton-Schulz steps.

    The division by the trace makes the iteration converge, and is undone at the end. Autograd gives the
    same gradient as the paper's hand-written one.
    """
    trace = matrix.diagonal(dim1=1, dim2=2).sum(1).clamp_min(MIN_TRACE)[:, None, None]
    three = 3 * torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    normalised = matrix / trace
    z = (three - normalised) / 2
    y = normalised @ z
    for _ in range(ITERATIONS - 2):
        step = (three - z @ y) / 2
        y, z = y @ step, step @ z
    return y @ (three - z @ y) / 2 * trace.sqrt()


class NonLocalBlock(FusableLayer):
    """Embedded-Gaussian non-local block (Wang et al., CVPR 2018) with pooled keys and values."""

    def __init__(self, n_feats: int, embedded: int) -> None:
        super().__init__()
        self.g = nn.Sequential(conv(n_feats, embedded, 1), nn.MaxPool2d(2))
        self.W = conv(embedded, n_feats, 1)
        self.theta = conv(n_feats, embedded, 1)
        self.phi = nn.Sequential(conv(n_feats, embedded, 1), nn.MaxPool2d(2))
        for parameter in self.W.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        theta = self.theta(features)
        queries, keys, values = map(_tokens, (theta, self.phi(features), self.g(features)))
        if self.fused:
            attended = attend_in_blocks(queries, keys, values)
        else:
            attended = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        attended = attended.reshape(theta.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)
        residual: Tensor = self.W(attended)
        return features + residual


def _tokens(features: Tensor) -> Tensor:
    """Reshape (B, C, H, W) to one attention head of HW tokens, (B, 1, HW, C).

    The result is contiguous; otherwise torch would use the attention that builds the whole matrix.
    """
    return features.permute(0, 2, 3, 1).flatten(1, 2).unsqueeze(1).contiguous()


class RegionNonLocal(nn.Module):
    """The region-level non-local block: one block, applied within each quadrant (Sec. 3.2)."""

    def __init__(self, n_feats: int, embedded: int) -> None:
        super().__init__()
        self.non_local = NonLocalBlock(n_feats, embedded)
        # In every published file, though the forward pass never uses it.
        self.soca = SecondOrderChannelAttention(n_feats, NON_LOCAL_SOCA_REDUCTION)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2] // 2, features.shape[3] // 2
        halves = [
            torch.cat([self.non_local(half[:, :, :, :width]), self.non_local(half[:, :, :, width:])], dim=3)
            for half in (features[:, :, :height], features[:, :, height:])
        ]
        # torch.export would carry the sum of the halves' sizes through the rest of the network.
        return torch.cat(halves, dim=2).view_as(features)


class ResidualBlock(nn.Module):
    """Two convolutions under a skip; the authors call its list `rcab`."""

    def __init__(self, n_feats: int) -> None:
        super().__init__()
        self.conv_first = nn.Sequential(conv(n_feats, n_feats), nn.ReLU(inplace=True), conv(n_feats, n_feats))

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.conv_first(features)
        return features + residual


class LocalSourceResidualGroup(nn.Module):
    """LSRAG (Sec. 3.2): residual blocks, second-order attention and a convolution under a skip."""

    def __init__(self, n_resblocks: int, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.rcab = nn.ModuleList(ResidualBlock(n_feats) for _ in range(n_resblocks))
        self.soca = SecondOrderChannelAttention(n_feats, reduction)
        self.conv_last = conv(n_feats, n_feats)
        # In every published file, though the forward pass never uses it.
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        residual = features
        for block in self.rcab:
            residual = block(residual)
        attended: Tensor = self.conv_last(self.soca(residual))
        return features + attended


class SAN(SRNetwork):
    """Non-local block, groups with share-source skips, the same non-local block, then the upsampler."""

    spec: SANSpec

    def __init__(self, spec: SANSpec) -> None:
        super().__init__(spec)
        n_feats = spec.n_feats
        self.sub_mean = MeanShift(-1, spec.value_range, spec.mean_shift)
        self.head = Head(conv(3, n_feats))
        self.non_local = RegionNonLocal(n_feats, n_feats // spec.non_local_reduction)
        self.RG = nn.ModuleList(
            LocalSourceResidualGroup(spec.n_resblocks, n_feats, spec.reduction)
            for _ in range(spec.n_resgroups)
        )
        self.gamma = nn.Parameter(torch.zeros(1))
        # In every published file, though the forward pass never uses it.
        self.conv_last = conv(n_feats, n_feats)
        self.tail = Reconstruction(spec.scale, n_feats)
        self.add_mean = MeanShift(+1, spec.value_range, spec.mean_shift)

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Compute the super-resolved images, and the maps after the head, two groups and the non-local block.

        Raises `DataError` for images with a side of less than 4 pixels.
        """
        if min(lr.shape[2:]) < MIN_SIDE:
            raise DataError(
                f"SAN pools each quarter of the image by 2: it needs sides of at least {MIN_SIDE} pixels, "
                f"found {lr.shape[3]}x{lr.shape[2]}"
            )
        head = self.head(self.sub_mean(lr))
        features = source = self.non_local(head)
        shared = self.gamma.to(source.dtype) * source
        tapped: dict[int, Tensor] = {}
        for count, group in enumerate(self.RG, 1):
            features = group(features) + shared
            if count in self.spec.taps:
                tapped[count] = features
        body = self.non_local(features)
        # Free the maps that are no longer used before the upsampler, which needs the most memory.
        del features, source, shared
        sr = self.add_mean(self.tail(body + head))
        first, second = self.spec.taps
        return sr, (head, tapped[first], tapped[second], body)


_BLOCK = re.compile(r"RG\.(\d+)\.rcab\.(\d+)\.")


def _infer_spec(shapes: Shapes) -> SANSpec:
    blocks = [match for match in map(_BLOCK.match, shapes) if match]
    squeeze = shapes["RG.0.soca.conv_du.0.weight"]
    embedding = shapes["non_local.non_local.theta.weight"]
    check_rgb(shapes)
    return SANSpec.build(
        scale=scale_from_tail(shapes),
        n_feats=shapes["head.0.weight"][0],
        n_resgroups=1 + max(int(match[1]) for match in blocks),
        n_resblocks=1 + max(int(match[2]) for match in blocks),
        reduction=squeeze[1] // squeeze[0],
        non_local_reduction=embedding[1] // embedding[0],
        mean_shift=has_mean_shift(shapes),
    )


def _counterpart(key: str, student: SANSpec, teacher: SANSpec) -> str:
    """Match groups by even spacing; blocks and everything outside the groups have the same names."""
    return re.sub(
        r"^RG\.(\d+)\.",
        lambda group: f"RG.{evenly_spaced(int(group[1]), student.n_resgroups, teacher.n_resgroups)}.",
        key,
    )


ARCHITECTURE = Architecture(
    name="san",
    spec_class=SANSpec,
    network=SAN,
    formats=(KeyFormat.like("SAN authors'", _BLOCK),),
    infer_spec=_infer_spec,
    counterpart=_counterpart,
    blocks=lambda spec: spec.n_resgroups * spec.n_resblocks,
    fakd_key=lambda key, spec: key,
)
