"""A network of convolutions, the EDGE term and the mean absolute error, for FAKD Workbench."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.distillation.terms import FeaturePair, TermKind, Values
from fakd_core.evaluation.metrics import Metric, RGBArray, rgb_to_y
from fakd_core.models.architecture import Architecture, KeyFormat, Shapes, same_keys, scale_from_tail
from fakd_core.models.layers import FeatureMaps, MeanShift, Reconstruction, SRNetwork, choose_taps, conv
from fakd_core.models.spec import ModelSpec

# --- A network ------------------------------------------------------------------------------------------


class ChainSpec(ModelSpec):
    """Sizes of a chain; `taps` counts its convolutions, by default 1/3 and 2/3 of them."""

    architecture: Literal["chain"] = "chain"
    n_feats: int = Field(32, ge=1, le=4096)
    n_convs: int = Field(6, ge=2, le=200)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        default = (self.n_convs // 3, 2 * self.n_convs // 3)
        object.__setattr__(self, "taps", choose_taps(self.taps, default, self.n_convs))
        return self


class Chain(SRNetwork):
    """Convolutions with ReLU under a skip connection, then the upsampler."""

    spec: ChainSpec

    def __init__(self, spec: ChainSpec) -> None:
        super().__init__(spec)
        self.sub_mean = MeanShift(-1)
        self.head = conv(3, spec.n_feats)
        self.chain = nn.ModuleList(conv(spec.n_feats, spec.n_feats) for _ in range(spec.n_convs))
        self.tail = Reconstruction(spec.scale, spec.n_feats)
        self.add_mean = MeanShift(1)

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        head = features = self.head(self.sub_mean(lr))
        tapped = []
        for count, convolution in enumerate(self.chain, start=1):
            features = F.relu(convolution(features))
            if count in self.spec.taps:
                tapped.append(features)
        body = features + head
        return self.add_mean(self.tail(body)), (head, tapped[0], tapped[1], body)


def _is_chain(keys: Collection[str]) -> bool:
    return "chain.0.weight" in keys


def _infer_spec(shapes: Shapes) -> ChainSpec:
    return ChainSpec.build(
        scale=scale_from_tail(shapes),
        n_feats=shapes["head.weight"][0],
        n_convs=sum(re.fullmatch(r"chain\.\d+\.weight", key) is not None for key in shapes),
    )


CHAIN = Architecture(
    name="chain",
    spec_class=ChainSpec,
    network=Chain,
    formats=(KeyFormat("chain", _is_chain, same_keys),),
    infer_spec=_infer_spec,
    counterpart=lambda key, student, teacher: key,
    blocks=lambda spec: spec.n_convs // 2,
)

# --- A distillation term --------------------------------------------------------------------------------


def _edges(feature_map: Tensor) -> Tensor:
    """(B, 1, H-1, W-1): the gradient magnitude of the mean over channels, with unit L2 norm."""
    mean = feature_map.mean(dim=1, keepdim=True)
    magnitude = mean.diff(dim=2)[..., 1:].abs() + mean.diff(dim=3)[..., 1:, :].abs()
    return F.normalize(magnitude.flatten(1), dim=1).view_as(magnitude)


def _edge_loss(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
    return torch.stack([F.l1_loss(_edges(student), _edges(teacher)) for _, student, teacher in pairs]).sum()


EDGE = TermKind("EDGE", "edges of the mean over channels", _edge_loss)

# --- A metric -------------------------------------------------------------------------------------------


def _mae_y(sr: RGBArray, hr: RGBArray, crop_border: int) -> float:
    inside = slice(crop_border, -crop_border or None)
    return float(np.abs(rgb_to_y(sr[inside, inside]) - rgb_to_y(hr[inside, inside])).mean())


MAE_Y = Metric("mae_y", "mean absolute error on luma in grey levels; mean over images", _mae_y)
