"""RCAN: residual channel attention network.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018.
Weights are named as in its authors' files.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.models.architecture import (
    Architecture,
    KeyFormat,
    PurposeError,
    Shapes,
    basicsr_frame,
    check_rgb,
    evenly_spaced,
    has_mean_shift,
    scale_from_tail,
)
from fakd_core.models.fast_ops import FusableLayer, channel_attention
from fakd_core.models.layers import (
    FeatureMaps,
    Head,
    LongSkipNetwork,
    Reconstruction,
    choose_taps,
    conv,
    pad_mirrored,
)
from fakd_core.models.spec import ModelSpec

UNSHUFFLES = (1, 2, 4)


class RCANSpec(ModelSpec):
    """Sizes of an RCAN; `taps` counts residual groups, by default 3/10 and 7/10 of them, rounded up.

    With `unshuffle` above 1 the network, as traiNNer-redux writes it, first folds so many rows and columns of
    pixels into channels, and computes on maps that are smaller by that factor.
    """

    architecture: Literal["rcan"] = "rcan"
    n_resgroups: int = Field(10, ge=1, le=100)
    n_resblocks: int = Field(20, ge=1, le=100)
    reduction: int = Field(16, ge=1)
    unshuffle: int = Field(1, ge=1, le=max(UNSHUFFLES))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.reduction > self.n_feats:
            raise ValueError(f"reduction must be at most n_feats = {self.n_feats} (found {self.reduction})")
        if self.unshuffle not in UNSHUFFLES:
            raise ValueError(f"unshuffle must be 1, 2 or 4 (found {self.unshuffle})")
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
        if spec.unshuffle > 1:
            folded = conv(3 * spec.unshuffle**2, spec.n_feats)
            self.head = Head(nn.PixelUnshuffle(spec.unshuffle), folded)
            self.tail = Reconstruction(spec.scale * spec.unshuffle, spec.n_feats)

    def forward(self, lr: Tensor) -> Tensor:
        if self.spec.unshuffle == 1:
            return super().forward(lr)
        return self._crop(super().forward_features(self._pad(lr))[0], lr, self.spec.scale)

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Compute the super-resolved images and the maps after the head, two groups and the long skip.

        Maps of a network with pixel-unshuffle are enlarged (bilinear) to the image's size.
        """
        if self.spec.unshuffle == 1:
            return super().forward_features(lr)
        sr, maps = super().forward_features(self._pad(lr))
        factor = self.spec.unshuffle
        enlarged = (F.interpolate(each, scale_factor=factor, mode="bilinear") for each in maps)
        cropped = tuple(self._crop(each, lr, 1) for each in enlarged)
        return self._crop(sr, lr, self.spec.scale), cast("FeatureMaps", cropped)

    def _pad(self, lr: Tensor) -> Tensor:
        height, width = lr.shape[2:]
        return pad_mirrored(lr, -width % self.spec.unshuffle, -height % self.spec.unshuffle)

    def _crop(self, image: Tensor, lr: Tensor, scale: int) -> Tensor:
        return image[..., : lr.shape[2] * scale, : lr.shape[3] * scale]


_BLOCK = re.compile(r"body\.(\d+)\.body\.(\d+)\.body\.")
_BASICSR_BLOCK = re.compile(r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.")
_FAKD_GROUP = re.compile(r"body_group(\d+)\.")


def _infer_spec(shapes: Shapes) -> RCANSpec:
    blocks = [match for match in map(_BLOCK.match, shapes) if match]
    squeeze = shapes["body.0.body.0.body.3.conv_du.0.weight"]
    head = "head.1.weight" if "head.1.weight" in shapes else "head.0.weight"
    unshuffle = check_rgb(shapes, head, UNSHUFFLES)
    scale, rest = divmod(scale_from_tail(shapes), unshuffle)
    if scale < 2 or rest:
        raise PurposeError(f"doesn't enlarge (x{scale}); expected x2, x3, x4 or x8")
    return RCANSpec.build(
        scale=scale,
        unshuffle=unshuffle,
        mean_shift=has_mean_shift(shapes),
        n_feats=shapes[head][0],
        n_resgroups=1 + max(int(match[1]) for match in blocks),
        n_resblocks=1 + max(int(match[2]) for match in blocks),
        reduction=squeeze[1] // max(1, squeeze[0]),
    )


def _from_fakd(keys: Collection[str]) -> dict[str, str]:
    """Rename the groups from FAKD's `body_group{i}`, and the body's convolution from `body_tail`."""
    groups = [int(match[1]) for match in map(_FAKD_GROUP.match, keys) if match]
    tail = f"body.{max(groups) + 1}."
    return {key: re.sub(r"^body_tail\.", tail, _FAKD_GROUP.sub(r"body.\1.", key, count=1)) for key in keys}


def _from_basicsr(keys: Collection[str]) -> dict[str, str]:
    blocks = [match for match in map(_BASICSR_BLOCK.match, keys) if match]
    groups, depth = (1 + max(int(match[place]) for match in blocks) for place in (1, 2))

    def native(key: str) -> str:
        key = re.sub(r"^(body\.\d+)\.residual_group\.(\d+)\.rcab\.", r"\1.body.\2.body.", key)
        key = key.replace(".body.3.attention.1.", ".body.3.conv_du.0.")
        key = key.replace(".body.3.attention.3.", ".body.3.conv_du.2.")
        return basicsr_frame(re.sub(r"^(body\.\d+)\.conv\.", rf"\1.body.{depth}.", key), groups)

    return {key: native(key) for key in keys}


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
        KeyFormat.like(
            "BasicSR's RCAN",
            _BASICSR_BLOCK,
            _from_basicsr,
            needs=("conv_first.weight", "conv_after_body.weight", "conv_last.weight"),
            mean_shift_range=255,
        ),
    ),
    infer_spec=_infer_spec,
    counterpart=_counterpart,
    blocks=lambda spec: spec.n_resgroups * spec.n_resblocks,
    fakd_key=_fakd_key,
)
