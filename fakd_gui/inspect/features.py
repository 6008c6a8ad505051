"""Feature maps of a model, and what follows from them: rows, matrices, losses. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Image8
from fakd_gui.session.opened_image import OpenedImage

if TYPE_CHECKING:
    from torch import Tensor

    from fakd_core.models.layers import SRNetwork
    from fakd_core.models.spec import ModelSpec

MAX_SIDE = 256
"""A larger LR image is inspected in a window of this side around the query.

Four maps of 64 channels are 67 MB then.
"""
MAX_EXACT_POSITIONS = 128 * 128
"""The SA loss costs positions² · channels: above this it takes many seconds, and is only estimated."""
ESTIMATE_POSITIONS = 64 * 64

Row = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A part of the LR image, in LR pixels: the one whose feature maps are held, or a region of it."""

    top: int
    left: int
    height: int
    width: int

    def holds(self, y: int, x: int) -> bool:
        return 0 <= y - self.top < self.height and 0 <= x - self.left < self.width

    def contains(self, other: Window) -> bool:
        return self.holds(other.top, other.left) and self.holds(
            other.top + other.height - 1, other.left + other.width - 1
        )

    @property
    def positions(self) -> int:
        return self.height * self.width

    def index(self, y: int, x: int) -> int:
        """The number of the pixel (y, x), counted along the rows of the window."""
        return (y - self.top) * self.width + x - self.left

    def pixel(self, index: int) -> tuple[int, int]:
        """The pixel (y, x) of the image that `index` counts."""
        row, column = divmod(index, self.width)
        return self.top + row, self.left + column


Origin = tuple[str, int]
"""A weights file and when it was written: what feature maps come from."""


@dataclass(frozen=True)
class Source:
    """A model to inspect: `ref` names it for people; its weights are in `file`, if one is given."""

    ref: str
    file: Path | None = None

    def gave(self, origin: Origin) -> bool:
        """Whether maps of `origin` are this model's, as far as its name tells."""
        return self.file is None or str(self.file) == origin[0]


@dataclass(frozen=True)
class Features:
    """One model's output and its four taps over `window`, as unit vectors (C, h*w) float32.

    Kept scaled to length 1, so that a row of the affinity is one product of a matrix with a vector.
    """

    origin: Origin
    spec: ModelSpec
    window: Window
    sr: Image8 = field(repr=False)
    vectors: tuple[npt.NDArray[np.float32], ...] = field(repr=False)

    @property
    def nbytes(self) -> int:
        return self.sr.nbytes + sum(vectors.nbytes for vectors in self.vectors)

    def row(self, layer: int, y: int, x: int) -> Row:
        """The affinity of the LR pixel (y, x) to every pixel of the window, (h, w) in -1..1."""
        vectors = self.vectors[layer]
        # Copied: BLAS wants its vector in one piece.
        query = vectors[:, self.window.index(y, x)].copy()
        row: Row = (query @ vectors).reshape(self.window.height, self.window.width)
        return row

    def matrix(self, layer: int, region: Window) -> Matrix:
        """The affinity of every pixel of `region` to every other, (N, N) in -1..1."""
        window = self.window
        planes = self.vectors[layer].reshape(-1, window.height, window.width)
        top, left = region.top - window.top, region.left - window.left
        inside = planes[:, top : top + region.height, left : left + region.width].reshape(len(planes), -1)
        matrix: Matrix = inside.T @ inside
        return matrix

    def map(self, layer: int) -> Tensor:
        """The tap as a (1, C, h, w) tensor of unit vectors, sharing their memory."""
        import torch

        window = self.window
        return torch.from_numpy(self.vectors[layer]).view(1, -1, window.height, window.width)


def window_around(lr_size: tuple[int, int], y: int, x: int) -> Window:
    """The whole image of `lr_size` (height, width) if it is small, else the window centred on (y, x)."""
    height, width = (min(size, MAX_SIDE) for size in lr_size)
    top = min(max(0, y - height // 2), lr_size[0] - height)
    left = min(max(0, x - width // 2), lr_size[1] - width)
    return Window(top, left, height, width)


def extract(
    model: SRNetwork, origin: Origin, image: OpenedImage, window: Window, token: CancelToken, name: str
) -> Features:
    """Run `model` once on `window` of the LR image.

    Raises `ConfigError` for a model of another scale, `FeatureTapError` for one without feature maps, and
    `Cancelled` between two layers.
    """
    import torch

    from fakd_core.distillation.affinity import full_precision, unit_vectors
    from fakd_core.inference.upscale import image_from_tensor, tensor_from_image
    from fakd_core.models.layers import check_taps
    from fakd_core.runtime.cancellation import cancellable

    if model.spec.scale != image.scale:
        raise ConfigError(
            f"{name} enlarges by {model.spec.scale}, but the image was opened for x{image.scale}; "
            f"choose a model for x{image.scale}"
        )
    check_taps(model, name)
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    lr = tensor_from_image(image.lr[rows, columns], next(model.parameters()).device)
    with torch.inference_mode(), cancellable(token):
        sr, maps = model.forward_features(lr)
        # Channels first in memory: a row of affinities then is one pass over contiguous planes.
        vectors = tuple(
            unit_vectors(full_precision(tap[0]), dim=0).flatten(1).float().cpu().contiguous().numpy()
            for tap in maps
        )
    return Features(origin, model.spec, window, image_from_tensor(sr), vectors)


def estimate_stride(window: Window) -> int:
    """Every how many pixels the lattice has one on which the SA loss is estimated."""
    stride = 1
    while -(-window.height // stride) * -(-window.width // stride) > ESTIMATE_POSITIONS:
        stride += 1
    return stride


def affinity_loss(teacher: Features, student: Features, layer: int, stride: int = 1) -> float:
    """The SA loss (unweighted) of one layer over the window.

    With a `stride`, only pairs of positions on a lattice count: an estimate, at 1/stride⁴ of the cost.
    """
    import torch

    from fakd_core.distillation.affinity import spatial_affinity_loss

    with torch.inference_mode():
        student_map, teacher_map = (
            held.map(layer)[..., ::stride, ::stride].contiguous() for held in (student, teacher)
        )
        return float(spatial_affinity_loss(student_map, teacher_map))


_UNITS: Mapping[str, tuple[str, str]] = {
    "rcan": ("residual group", "n_resgroups"),
    "san": ("group", "n_resgroups"),
    "edsr": ("block", "n_resblocks"),
}


def tap_title(spec: ModelSpec, layer: int) -> str:
    """What tap `layer` of a network is, as METHOD's papers name its parts: 'after residual group 3 of 10'.

    Of a foreign network, the path of the module.
    """
    from fakd_core.models.external.network import SpandrelSpec

    if isinstance(spec, SpandrelSpec):
        return spec.tap_names[layer]
    if layer == 0:
        return "head conv"
    if layer == len(spec.tap_names) - 1:
        return "non-local output" if spec.architecture == "san" else "body output"
    unit, count = _UNITS.get(spec.architecture, ("", ""))
    total = getattr(spec, count, None) if count else None
    return spec.tap_names[layer] if total is None else f"after {unit} {spec.taps[layer - 1]} of {total}"
