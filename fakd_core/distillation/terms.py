"""The registry of distillation terms: what each compares, its parameters, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.data.patches import Zoom
from fakd_core.distillation.affinity import (
    channel_affinity,
    full_precision,
    spatial_affinity,
    spatial_affinity_loss,
)
from fakd_core.distillation.changes import ANY_CHANGE, CHANGE, CHANGES, NO_CHANGE, SHARE
from fakd_core.distillation.positions import PositionDraws, sample_size, vectors_at
from fakd_core.errors import ConfigError, FeatureTapError
from fakd_core.models.fast_ops import autocast_off
from fakd_core.plugins import Registry

Value = int | float | str
Values = Mapping[str, Value]
Compared = Literal["maps", "outputs", "upcycled"]
"""Feature maps, the outputs of all patches, or those of upcycled inputs."""


POSITIONS = "positions"
"""The parameter for the share of the positions that are compared: all for 1, else drawn at every step."""


class FeaturePair(NamedTuple):
    """The student's and the teacher's map (B, C, H, W) at the tap `layer`."""

    layer: int
    student: Tensor
    teacher: Tensor


@dataclass(frozen=True)
class Parameter:
    """A number in `low`..`high`, or one of the words `choices`; its type is that of the default.

    A recipe holds one with `hidden_default` only if it has another value.
    """

    name: str
    default: Value
    _: KW_ONLY
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    hidden_default: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, for messages."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return f"a {'whole ' if isinstance(self.default, int) else ''}number in {self.low:g}..{self.high:g}"

    def parse(self, text: str) -> Value:
        """Convert `text` to a value; raises `ValueError` if it isn't allowed."""
        if self.choices:
            word = text.lower()
            if word not in self.choices:
                raise ValueError(text)
            return word
        value = type(self.default)(text)
        if isinstance(value, str) or not self.low <= value <= self.high:
            raise ValueError(text)
        return value

    def is_hidden(self, text: str) -> bool:
        """True if a recipe leaves out the value that `text` means."""
        with suppress(ValueError):
            return self.hidden_default and self.parse(text) == self.default
        return False


@dataclass(frozen=True)
class TermKind:
    """One kind of distillation term.

    It compares feature maps at some layers, the outputs (B, 3, H, W), 0..255, of all patches, or those of
    upcycled inputs only, which are made by `zoom`; outputs are one pair, of layer 0.

    `loss` gets the pairs of the compared layers in order, in float32 or float64, and the parameters' values.
    `prepare`, if given, is applied to every map before. A kind with the parameter `POSITIONS` compares
    affinities between positions: for a share below 1 it gets random positions as maps (B, C, n, 1), and its
    loss is scaled so that the expected value is the loss over all positions.
    """

    name: str
    title: str
    loss: Callable[[Sequence[FeaturePair], Values], Tensor]
    _: KW_ONLY
    compares: Compared = "maps"
    zoom: Zoom = Zoom.NONE
    parameters: tuple[Parameter, ...] = ()
    prepare: Callable[[Tensor, Values], Tensor] | None = None
    needs_equal_channels: bool = False
    min_layers: int = 1

    def compare(
        self, pairs: Sequence[FeaturePair], values: Values, draws: PositionDraws | None = None
    ) -> Tensor:
        """Compute the unweighted loss over `pairs`: a scalar, at least float32 even under autocast.

        `draws` decides on the positions of a term that compares a share of them. The teacher's maps of a term
        without `prepare` may hold these positions already, as (B, C, n, 1).

        Raises:
            FeatureTapError: batch or spatial sizes differ, widths differ but must not, or layers are too few.
        """
        if len(pairs) < self.min_layers:
            raise FeatureTapError(
                f"{self.name} compares at least {self.min_layers} layers, found {len(pairs)}"
            )
        for layer, student, teacher in pairs:
            shapes = f"layer {layer}: student {tuple(student.shape)}, teacher {tuple(teacher.shape)}"
            if student.ndim != 4 or teacher.ndim != 4:
                raise FeatureTapError(f"{self.name} compares feature maps (B, C, H, W); found {shapes}")
            sizes = {student.shape[2:]}
            if self.prepare is None:
                sizes |= self._sampled_sizes(student, values)
            if student.shape[0] != teacher.shape[0] or teacher.shape[2:] not in sizes:
                raise FeatureTapError(
                    f"{self.name} compares maps of equal batch, height and width; found {shapes}"
                )
            if self.needs_equal_channels and student.shape[1] != teacher.shape[1]:
                raise FeatureTapError(
                    f"{self.name} needs student and teacher maps of equal width; layer {layer} has "
                    f"{student.shape[1]} channels in the student and {teacher.shape[1]} in the teacher: "
                    "choose a term that works across widths, such as SA, or a student as wide as the teacher"
                )
        with autocast_off(pairs[0].student.device):
            factor, prepare = 1.0, self.prepare
            if prepare is not None:
                pairs = [_converted(pair, lambda f: prepare(full_precision(f), values)) for pair in pairs]
            if self._sampled_sizes(pairs[0].student, values):
                draws = draws or PositionDraws(0, [(image,) for image in range(len(pairs[0].student))])
                pairs, factor = _sampled(pairs, float(values[POSITIONS]), draws)
            return factor * self.loss([_converted(pair, full_precision) for pair in pairs], values)

    def _sampled_sizes(self, student: Tensor, values: Values) -> set[torch.Size]:
        """The size of a map at the drawn positions; empty if all positions are compared."""
        positions = student.shape[2] * student.shape[3]
        count = sample_size(float(values.get(POSITIONS, 1)), positions)
        return set() if count == positions else {torch.Size((count, 1))}


def _converted(pair: FeaturePair, convert: Callable[[Tensor], Tensor]) -> FeaturePair:
    return FeaturePair(pair.layer, convert(pair.student), convert(pair.teacher))


def _sampled(
    pairs: Sequence[FeaturePair], share: float, draws: PositionDraws
) -> tuple[list[FeaturePair], float]:
    """The pairs at random positions, and the factor that makes the mean over their affinities unbiased.

    The diagonal, where affinities never differ, has a larger part among fewer positions.
    """
    chosen = []
    for layer, student, teacher in pairs:
        positions = student.shape[2] * student.shape[3]
        count = sample_size(share, positions)
        drawn = draws.draw(layer, positions, count)
        if teacher.shape[2:] != (count, 1):
            teacher = vectors_at(teacher, drawn)
        chosen.append(FeaturePair(layer, vectors_at(student, drawn), teacher))
    return chosen, count * (positions - 1) / (positions * (count - 1))


def _each_layer(
    representation: Callable[[Tensor, Values], Tensor],
) -> Callable[[Sequence[FeaturePair], Values], Tensor]:
    """Make the usual loss: the L1 distance between the representations of both maps, summed over layers."""

    def loss(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
        distances = [F.l1_loss(representation(s, values), representation(t, values)) for _, s, t in pairs]
        return torch.stack(distances).sum()

    return loss


def _pooled(feature_map: Tensor, values: Values) -> Tensor:
    k = int(values["k"])
    pool = F.max_pool2d if values["pool"] == "max" else F.avg_pool2d
    return pool(feature_map, k, stride=k, ceil_mode=True)


def _sa(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
    return torch.stack([spatial_affinity_loss(student, teacher) for _, student, teacher in pairs]).sum()


def _batch_affinity(feature_map: Tensor, values: Values) -> Tensor:
    """(B, C, H, W) -> (B, B). For a single sample it is 1 for any map, so the term is 0."""
    samples = feature_map.flatten(1)
    return F.normalize(samples @ samples.mT, dim=1)


def _attention(feature_map: Tensor, values: Values) -> Tensor:
    energy = feature_map.square().sum(dim=1, keepdim=True)
    norm: Tensor = torch.linalg.vector_norm(energy, dim=(2, 3), keepdim=True)
    return energy / (norm + 1e-6)


def _fsp_matrix(first: Tensor, second: Tensor) -> Tensor:
    """Flow between two layers of a network, (B, C1, C2): the channels' products, averaged over positions."""
    size = (min(first.shape[2], second.shape[2]), min(first.shape[3], second.shape[3]))
    left, right = (F.adaptive_avg_pool2d(feature_map, size).flatten(2) for feature_map in (first, second))
    flow: Tensor = left @ right.mT / left.shape[2]
    return flow


def _fsp(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
    distances = [
        F.l1_loss(_fsp_matrix(first.student, second.student), _fsp_matrix(first.teacher, second.teacher))
        for first, second in pairwise(pairs)
    ]
    return torch.stack(distances).sum()


def _mean_distances(feature_map: Tensor, values: Values) -> Tensor:
    means = _pooled(feature_map, values).mean(dim=1).flatten(1)
    return (means.unsqueeze(2) - means.unsqueeze(1)).abs()


def _gaussian_kernel(feature_map: Tensor, values: Values) -> Tensor:
    """The Taylor series, to the power P, of the Gaussian kernel exp(-gamma |f_i - f_j|²) of unit features."""
    similarity = spatial_affinity(_pooled(feature_map, values))
    gamma = float(values["gamma"])
    factors = [
        math.exp(-2 * gamma) * (2 * gamma) ** p / math.factorial(p) for p in range(int(values["P"]) + 1)
    ]
    series = torch.full_like(similarity, factors[-1])
    for factor in reversed(factors[:-1]):
        series = series * similarity + factor
    return series


def _haar_bands(images: Tensor) -> tuple[Tensor, Tensor]:
    """The low band of images (B, C, H, W) and their three high bands, stacked, each (B, C, H/2, W/2)."""
    height, width = (side // 2 * 2 for side in images.shape[-2:])
    even, odd = images[..., 0:height:2, :width], images[..., 1:height:2, :width]
    sums, differences = even + odd, even - odd
    low, *high = (
        (rows[..., 0::2] + sign * rows[..., 1::2]) / 2 for rows in (sums, differences) for sign in (1, -1)
    )
    return low, torch.stack(high)


def _haar(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
    """The L1 distances between the bands of an orthonormal Haar transform, summed over all bands."""
    difference = pairs[0].student - pairs[0].teacher  # The transform is linear.
    levels = int(values["levels"])
    if min(difference.shape[-2:]) < 2**levels:
        found, least = " x ".join(map(str, difference.shape[-2:])), 2**levels
        raise ConfigError(
            f"Haar(levels={levels}) needs outputs of at least {least} x {least} pixels (found {found}); use "
            "fewer levels or a larger patch"
        )
    distances = []
    for _ in range(levels):
        difference, high = _haar_bands(difference)
        distances.append(3 * high.abs().mean())
    return torch.stack([difference.abs().mean(), *distances]).sum()


def _output_distance(pairs: Sequence[FeaturePair], values: Values) -> Tensor:
    return F.l1_loss(pairs[0].student, pairs[0].teacher)


def _upcycled(name: str, title: str, zoom: Zoom) -> TermKind:
    changes = Parameter(CHANGE, ANY_CHANGE, choices=(ANY_CHANGE, NO_CHANGE, *CHANGES))
    share = Parameter(SHARE, 0.25, low=0.001, high=0.999)
    return TermKind(
        name, title, _output_distance, compares="upcycled", zoom=zoom, parameters=(share, changes)
    )


_SHARE = Parameter(POSITIONS, 1.0, low=0.001, high=1, hidden_default=True)
_POOLING = (Parameter("k", 2, low=1, high=32), Parameter("pool", "max", choices=("max", "avg")))

# Sources: SA, FAKD (He et al., ICIP 2020); CA, IA, PSA, MMD, RBF, its published implementation;
# FSP, Yim et al., CVPR 2017; AT, Zagoruyko and Komodakis, ICLR 2017; FitNet, Romero et al., ICLR 2015;
# Haar bands of outputs, after MTKD (Jiang et al., ECCV 2024); upcycled inputs, after DUKD.
TERMS = Registry(
    TermKind,
    "distillation term",
    group="fakd.terms",
    entries=[
        TermKind("SA", "spatial affinity", _sa, parameters=(_SHARE,)),
        TermKind(
            "PSA", "spatial affinity after pooling", _sa, parameters=(*_POOLING, _SHARE), prepare=_pooled
        ),
        TermKind(
            "CA", "channel affinity", _each_layer(lambda f, _: channel_affinity(f)), needs_equal_channels=True
        ),
        TermKind("IA", "affinity of the samples of a batch", _each_layer(_batch_affinity)),
        TermKind("FSP", "flow between consecutive layers", _fsp, needs_equal_channels=True, min_layers=2),
        TermKind("AT", "attention: energy over channels", _each_layer(_attention)),
        TermKind(
            "FitNet", "the feature maps themselves", _each_layer(lambda f, _: f), needs_equal_channels=True
        ),
        TermKind(
            "MMD",
            "differences of channel means after pooling",
            _each_layer(_mean_distances),
            parameters=_POOLING,
        ),
        TermKind(
            "RBF",
            "Gaussian kernel of pooled unit features",
            _each_layer(_gaussian_kernel),
            parameters=(
                *_POOLING,
                Parameter("P", 2, low=1, high=20),
                Parameter("gamma", 5.0, low=0.001, high=40),
            ),
        ),
        TermKind(
            "Haar",
            "wavelet bands of the outputs",
            _haar,
            compares="outputs",
            parameters=(Parameter("levels", 1, low=1, high=5),),
        ),
        _upcycled("ZoomIn", "outputs for HR pixels as input", Zoom.IN),
        _upcycled("ZoomOut", "outputs for the halved LR image", Zoom.OUT),
        _upcycled("LC", "label consistency: outputs for changed inputs", Zoom.NONE),
    ],
)
