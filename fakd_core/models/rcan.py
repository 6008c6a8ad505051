"""RCAN: residual channel attention network.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018.
Weights are named as in its authors' files.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from fakd_core.models.architecture import Architecture, KeyFormat, Shapes, evenly_spaced, scale_from_tail
from fakd_core.models.fast_ops import FusableLayer, channel_attention
from fakd_core.models.layers import LongSkipNetwork, choose_taps, conv
from fakd_core.models.spec import ModelSpec


class RCANSpec(ModelSpec):
    """Sizes of an RCAN; `taps` counts residual groups, by default 3/10 and 7/10 of them, rounded up."""

    architecture: Literal["rcan"] = "rcan"
    n_resgroups: int = Field(10, ge=1, le=100)
    n_resblocks: int = Field(20, ge=1, le=100)
    reduction: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.reduction > self.n_feats:
            raise ValueError(f"reduction must be at most n_feats = {self.n_feats} (found {self.reduction})")
        default = (-(-3 * self.n_resgroups // 10), -(-7 * self.n_resgroups // 10))
        object.__setattr__(self, "taps", choose_taps(self.taps, default, self.n_resgroups))
        return self


class ChannelAttention(nn.Module):
    """Channels weighted by gates in 0..1, which are computed from the channels' means (Eq. 6-9)."""

    def __init__(self, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            conv(n_feats, n_feats // reduction, 1),
            nn.ReLU(inplace=True),
            conv(n_feats // reduction, n_feats, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        gate: Tensor = self.conv_du(features.mean((2, 3), keepdim=True))
        return features * gate


class RCAB(FusableLayer):
    """Residual channel attention block (Fig. 4)."""

    def __init__(self, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(n_feats, n_feats),
            nn.ReLU(inplace=True),
            conv(n_feats, n_feats),
            ChannelAttention(n_feats, reduction),
        )

    def forward(self, features: Tensor) -> Tensor:
        # torch.compile fuses the textbook form itself.
        if torch.compiler.is_compiling() or not self.may_fuse():
            residual: Tensor = self.body(features)
            return features + residual
        first, relu, second, attention = self.body
        return channel_attention(second(relu(first(features))), features, *attention.parameters())


class ResidualGroup(nn.Module):
    """RCABs and a convolution under a short skip connection."""

    def __init__(self, n_resblocks: int, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(RCAB(n_feats, reduction) for _ in range(n_resblocks)),
            conv(n_feats, n_feats),
        )

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.body(features)
        return features + residual


class RCAN(LongSkipNetwork):
    """Residual in residual: groups and a convolution under the long skip, then the upsampler."""

    spec: RCANSpec

    def __init__(self, spec: RCANSpec) -> None:
        sizes = (spec.n_resblocks, spec.n_feats, spec.reduction)
        super().__init__(spec, spec.n_resgroups, lambda: ResidualGroup(*sizes))


_BLOCK = re.compile(r"body\.(\d+)\.body\.(\d+)\.body\.")
_FAKD_GROUP = re.compile(r"body_group(\d+)\.")


def _infer_spec(shapes: Shapes) -> RCANSpec:
    blocks = [match for match in map(_BLOCK.match, shapes) if match]
    squeeze = shapes["body.0.body.0.body.3.conv_du.0.weight"]
    return RCANSpec.build(
        scale=scale_from_tail(shapes),
        n_feats=shapes["head.0.weight"][0],
        n_resgroups=1 + max(int(match[1]) for match in blocks),
        n_resblocks=1 + max(int(match[2]) for match in blocks),
        reduction=squeeze[1] // max(1, squeeze[0]),
    )


def _from_fakd(keys: Collection[str]) -> dict[str, str]:
    """Rename the groups from FAKD's `body_group{i}`, and the body's convolution from `body_tail`."""
    groups = [int(match[1]) for match in map(_FAKD_GROUP.match, keys) if match]
    tail = f"body.{max(groups) + 1}."
    return {key: re.sub(r"^body_tail\.", tail, _FAKD_GROUP.sub(r"body.\1.", key, count=1)) for key in keys}


def _fakd_key(key: str, spec: RCANSpec) -> str:
    tail = f"body.{spec.n_resgroups}."
    if key.startswith(tail):
        return f"body_tail.{key.removeprefix(tail)}"
    return re.sub(r"^body\.(\d+)\.", r"body_group\1.", key)


def _counterpart(key: str, student: RCANSpec, teacher: RCANSpec) -> str:
    """Match groups by even spacing, blocks by number, and closing convolutions with one another."""
    match = re.match(r"body\.(\d+)\.(?:body\.(\d+)\.)?", key)
    if match is None:
        return key
    rest = key[match.end() :]
    if match[2] is None:
        return f"body.{teacher.n_resgroups}.{rest}"
    group = evenly_spaced(int(match[1]), student.n_resgroups, teacher.n_resgroups)
    block = int(match[2])
    return f"body.{group}.body.{teacher.n_resblocks if block == student.n_resblocks else block}.{rest}"


ARCHITECTURE = Architecture(
    name="rcan",
    spec_class=RCANSpec,
    network=RCAN,
    formats=(
        KeyFormat.like("RCAN authors'", _BLOCK),
        KeyFormat.like("FAKD RCAN", _FAKD_GROUP, _from_fakd),
    ),
    infer_spec=_infer_spec,
    counterpart=_counterpart,
    blocks=lambda spec: spec.n_resgroups * spec.n_resblocks,
    fakd_key=_fakd_key,
)
