"""EDSR: enhanced deep residual network.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017. Weights are
named as in its authors' files.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from fakd_core.models.architecture import (
    Architecture,
    KeyFormat,
    Shapes,
    basicsr_frame,
    check_rgb,
    evenly_spaced,
    has_mean_shift,
    scale_from_tail,
)
from fakd_core.models.layers import LongSkipNetwork, choose_taps, conv
from fakd_core.models.spec import ModelSpec

WIDE = 256
"""Features from which the paper scales residuals by 0.1."""


class EDSRSpec(ModelSpec):
    """Sizes of an EDSR; `taps` counts residual blocks, by default 1/3 and 2/3 of them, rounded down."""

    architecture: Literal["edsr"] = "edsr"
    n_resblocks: int = Field(16, ge=1, le=1000)
    res_scale: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        default = (self.n_resblocks // 3, 2 * self.n_resblocks // 3)
        object.__setattr__(self, "taps", choose_taps(self.taps, default, self.n_resblocks))
        return self


class ResidualBlock(nn.Module):
    """Conv-ReLU-conv without batch normalisation (Fig. 2c), scaled before the skip (Sec. 3.3)."""

    def __init__(self, n_feats: int, res_scale: float) -> None:
        super().__init__()
        self.res_scale = res_scale
        self.body = nn.Sequential(conv(n_feats, n_feats), nn.ReLU(inplace=True), conv(n_feats, n_feats))

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.body(features)
        return features + (residual if self.res_scale == 1 else residual * self.res_scale)


class EDSR(LongSkipNetwork):
    """Residual blocks and a convolution under the long skip, then the upsampler."""

    spec: EDSRSpec

    def __init__(self, spec: EDSRSpec) -> None:
        super().__init__(spec, spec.n_resblocks, lambda: ResidualBlock(spec.n_feats, spec.res_scale))


_BLOCK = re.compile(r"body\.(\d+)\.body\.[02]\.weight")
_FIRST_CONV = re.compile(r"body\.\d+\.body\.0\.weight$")
_BASICSR_BLOCK = re.compile(r"body\.(\d+)\.conv([12])\.")
_BASICSR_FRAME = ("conv_first.weight", "conv_after_body.weight", "conv_last.weight")
_MMAGIC_UPSAMPLER = re.compile(r"upsample\.\d+\.upsample_conv\.")
_FAKD_BLOCK = re.compile(r"body([123])\.(\d+)\.")


def _infer_spec(shapes: Shapes) -> EDSRSpec:
    """Read the sizes; the residual scale, which isn't stored, is the paper's for a network of that width."""
    n_feats = shapes["head.0.weight"][0]
    check_rgb(shapes)
    return EDSRSpec.build(
        scale=scale_from_tail(shapes),
        n_feats=n_feats,
        n_resblocks=1 + max(int(match[1]) for match in map(_BLOCK.fullmatch, shapes) if match),
        res_scale=0.1 if n_feats >= WIDE else 1.0,
        mean_shift=has_mean_shift(shapes),
    )


def _unshown(spec: EDSRSpec) -> dict[str, str]:
    return {"res_scale": f"the paper's for {spec.n_feats} features; a file like this doesn't say"}


def _from_fakd(keys: Collection[str]) -> dict[str, str]:
    """Number the blocks of FAKD's three body parts consecutively."""
    parts = [match for match in map(_FAKD_BLOCK.match, keys) if match]
    starts, start = {}, 0
    for part in "123":
        starts[part] = start
        start += 1 + max((int(match[2]) for match in parts if match[1] == part), default=-1)

    def native(key: str) -> str:
        return _FAKD_BLOCK.sub(lambda match: f"body.{starts[match[1]] + int(match[2])}.", key, count=1)

    return {key: native(key) for key in keys}


def _from_basicsr(keys: Collection[str]) -> dict[str, str]:
    """Rename from BasicSR's and mmagic's code, which differ in the upsampler."""
    blocks = 1 + max(int(match[1]) for match in map(_BASICSR_BLOCK.match, keys) if match)

    def native(key: str) -> str:
        key = _BASICSR_BLOCK.sub(lambda match: f"body.{match[1]}.body.{2 * int(match[2]) - 2}.", key)
        return basicsr_frame(key, blocks)

    return {key: native(key) for key in keys}


def _fakd_key(key: str, spec: EDSRSpec) -> str:
    """Split the body after a third and two thirds of the blocks, as FAKD's code does, whatever the taps."""
    starts = {1: 0, 2: spec.n_resblocks // 3, 3: 2 * spec.n_resblocks // 3}

    def split(match: re.Match[str]) -> str:
        index = int(match[1])
        part = max(part for part, start in starts.items() if start <= index)
        return f"body{part}.{index - starts[part]}."

    return re.sub(r"^body\.(\d+)\.", split, key)


def _counterpart(key: str, student: EDSRSpec, teacher: EDSRSpec) -> str:
    """Match blocks by even spacing, and the closing convolutions with one another."""

    def matching(match: re.Match[str]) -> str:
        index, ours, theirs = int(match[1]), student.n_resblocks, teacher.n_resblocks
        return f"body.{theirs if index == ours else evenly_spaced(index, ours, theirs)}."

    return re.sub(r"^body\.(\d+)\.", matching, key)


ARCHITECTURE = Architecture(
    name="edsr",
    spec_class=EDSRSpec,
    network=EDSR,
    formats=(
        KeyFormat.like("EDSR authors'", _FIRST_CONV),
        KeyFormat.like("FAKD EDSR", _FAKD_BLOCK, _from_fakd),
        KeyFormat.like(
            "mmagic's EDSR",
            _MMAGIC_UPSAMPLER,
            _from_basicsr,
            needs=(*_BASICSR_FRAME, "body.0.conv1.weight"),
            mean_shift_range=1,
        ),
        KeyFormat.like(
            "BasicSR's EDSR", _BASICSR_BLOCK, _from_basicsr, needs=_BASICSR_FRAME, mean_shift_range=255
        ),
    ),
    infer_spec=_infer_spec,
    counterpart=_counterpart,
    blocks=lambda spec: spec.n_resblocks,
    unshown=_unshown,
    fakd_key=_fakd_key,
)
