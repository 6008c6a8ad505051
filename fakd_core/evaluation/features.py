"""Feature maps of an image, and what is compared in them: affinity rows and matrices, the SA loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakd_core.events import CancelToken, Image8

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork
    from fakd_core.models.spec import ModelSpec

MAX_WINDOW_SIDE = 256
"""Side in LR pixels of the window taken from a larger image. Four maps of 64 channels are 67 MB then."""
MAX_EXACT_POSITIONS = 128 * 128
"""Number of positions above which the SA loss (positions² x channels operations) takes many seconds."""
MAX_LATTICE_POSITIONS = 64 * 64
"""Number of positions of the lattice on which the SA loss of a larger window is estimated."""
NEARLY_CONSTANT = 0.12
"""Standard deviation of affinities below which they hardly depend on the positions."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of an LR image, in LR pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.width)

    @property
    def positions(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def contains_pixel(self, y: int, x: int) -> bool:
        return 0 <= y - self.top < self.height and 0 <= x - self.left < self.width

    def contains(self, other: Window) -> bool:
        last_y, last_x = other.top + other.height - 1, other.left + other.width - 1
        return self.contains_pixel(other.top, other.left) and self.contains_pixel(last_y, last_x)

    def index(self, y: int, x: int) -> int:
        """Row-major index in the window of the image's pixel (y, x)."""
        return (y - self.top) * self.width + x - self.left

    def pixel(self, index: int) -> tuple[int, int]:
        """The image's pixel (y, x) with this row-major `index` in the window."""
        row, column = divmod(index, self.width)
        return self.top + row, self.left + column


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of the affinities of all pairs of different positions."""

    mean: float
    deviation: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.deviation:.2f}".replace("-", "−")

    @property
    def is_nearly_constant(self) -> bool:
        """True if there is little to learn from these affinities."""
        return self.deviation < NEARLY_CONSTANT


def affinity_spread(vectors: Floats) -> Spread:
    """The spread of the affinities of N positions, whose unit `vectors` are (C, N); without N×N matrix."""
    unit = vectors.astype(np.float64)
    pairs = max(1, unit.shape[1] * (unit.shape[1] - 1))
    own = (unit**2).sum(0)
    mean = float(((unit.sum(1) ** 2).sum() - own.sum()) / pairs)
    # The sum over all pairs of (f·g)² is that of the squares of the C×C matrix of products.
    square = float((((unit @ unit.T) ** 2).sum() - (own**2).sum()) / pairs)
    return Spread(mean, max(0.0, square - mean**2) ** 0.5)


def window_around(lr_size: tuple[int, int], y: int, x: int) -> Window:
    """The whole image of `lr_size` (height, width) if it is small, else a window inside it around (y, x)."""
    height, width = (min(size, MAX_WINDOW_SIDE) for size in lr_size)
    top = min(max(0, y - height // 2), lr_size[0] - height)
    left = min(max(0, x - width // 2), lr_size[1] - width)
    return Window(top, left, height, width)


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureMaps:
    """A network's output and four feature maps over a window of an LR image.

    Args:
        spec: The network's sizes and taps.
        window: The part of the LR image, h x w pixels, that the network was given.
        sr: Its output, (h·scale, w·scale, 3) uint8.
        vectors: The maps as unit vectors, (C, h·w) float32 each: a row of affinities is a single product.
        spreads: Every layer's spread of affinities over the window.
        note: How the computation deviated.
    """

    spec: ModelSpec
    window: Window
    sr: Image8 = field(repr=False)
    vectors: tuple[Floats, ...] = field(repr=False)
    spreads: tuple[Spread, ...]
    note: str = ""

    @property
    def nbytes(self) -> int:
        return self.sr.nbytes + sum(vectors.nbytes for vectors in self.vectors)

    def affinity_row(self, layer: int, y: int, x: int) -> Floats:
        """Affinity of the LR pixel (y, x) to every pixel of the window, (h, w) in -1..1."""
        vectors = self.vectors[layer]
        # Copied: BLAS needs a contiguous vector.
        query = vectors[:, self.window.index(y, x)].copy()
        row: Floats = (query @ vectors).reshape(self.window.height, self.window.width)
        return row

    def affinity_matrix(self, layer: int, region: Window) -> Floats:
        """Affinity of every pair of the N pixels of `region`, (N, N) in -1..1, in row-major order."""
        window = self.window
        planes = self.vectors[layer].reshape(-1, window.height, window.width)
        top, left = region.top - window.top, region.left - window.left
        inside = planes[:, top : top + region.height, left : left + region.width].reshape(len(planes), -1)
        matrix: Floats = inside.T @ inside
        return matrix


def extract_features(
    model: SRNetwork, lr: Image8, window: Window, *, name: str, cancel: CancelToken | None = None
) -> FeatureMaps:
    """Run `model`, called `name` in messages, once on `window` of the whole image `lr`, (H, W, 3) uint8.

    A GPU that runs out of memory leaves it to the CPU, and the result's `note` says so.

    Raises:
        FeatureTapError: The network has no feature maps.
        Cancelled: `cancel` was cancelled; it is looked at between two layers.
    """
    from fakd_core.models.cost import device_of
    from fakd_core.models.layers import check_taps
    from fakd_core.models.meta import cpu_copy
    from fakd_core.runtime.device import describe_device, is_out_of_memory

    check_taps(model, name)
    device, token = device_of(model), cancel or CancelToken()
    try:
        return _extract(model, lr, window, token)
    except RuntimeError as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
    note = f"{describe_device(device)} ran out of memory: the CPU computed the feature maps"
    return replace(_extract(cpu_copy(model), lr, window, token), note=note)


def _extract(model: SRNetwork, lr: Image8, window: Window, token: CancelToken) -> FeatureMaps:
    import torch

    from fakd_core.distillation.affinity import full_precision, unit_vectors
    from fakd_core.inference.upscale import image_from_tensor, tensor_from_image
    from fakd_core.models.cost import device_of
    from fakd_core.runtime.cancellation import cancellable
    from fakd_core.runtime.turns import turn

    device = device_of(model)
    token.check()
    with turn(device), torch.inference_mode(), cancellable(token):
        sr, maps = model.forward_features(tensor_from_image(lr[window.rows, window.columns], device))
        # Channels first in memory: a row of affinities is one pass over contiguous planes.
        vectors = tuple(
            unit_vectors(full_precision(tap[0]), dim=0).flatten(1).float().cpu().contiguous().numpy()
            for tap in maps
        )
        enlarged = image_from_tensor(sr)
    spreads = tuple(map(affinity_spread, vectors))
    return FeatureMaps(spec=model.spec, window=window, sr=enlarged, vectors=vectors, spreads=spreads)


def mean_spreads(
    model: SRNetwork, images: Sequence[Image8], side: int, *, name: str, cancel: CancelToken | None = None
) -> tuple[Spread, ...]:
    """Every layer's spread in the middle `side` x `side` pixels of LR `images`, the mean over these.

    Raises what `extract_features` does.
    """
    found = []
    for lr in images:
        height, width = lr.shape[:2]
        middle = Window(
            max(0, height - side) // 2, max(0, width - side) // 2, min(side, height), min(side, width)
        )
        found.append(extract_features(model, lr, middle, name=name, cancel=cancel).spreads)
    return tuple(
        Spread(*(float(np.mean(values)) for values in zip(*map(astuple, layer), strict=True)))
        for layer in zip(*found, strict=True)
    )


def lattice_stride(window: Window) -> int:
    """Stride of the lattice on which the SA loss over `window` is estimated; 1 for a small window."""
    stride = 1
    while -(-window.height // stride) * -(-window.width // stride) > MAX_LATTICE_POSITIONS:
        stride += 1
    return stride


def sa_loss(student: FeatureMaps, teacher: FeatureMaps, layer: int, *, stride: int = 1) -> float:
    """The unweighted SA loss at tap `layer` over the window, 0..2.

    With a `stride`, only pairs of positions on a lattice count: an estimate at 1/stride⁴ of the cost.
    """
    import torch

    from fakd_core.distillation.affinity import spatial_affinity_loss

    size = student.window.height, student.window.width
    with torch.inference_mode():
        student_map, teacher_map = (
            torch.from_numpy(maps.vectors[layer]).view(1, -1, *size)[..., ::stride, ::stride].contiguous()
            for maps in (student, teacher)
        )
        return float(spatial_affinity_loss(student_map, teacher_map))


_UNITS = {
    "rcan": ("residual group", "n_resgroups"),
    "san": ("group", "n_resgroups"),
    "edsr": ("block", "n_resblocks"),
}


def tap_title(spec: ModelSpec, layer: int) -> str:
    """Tap `layer` in the words of the networks' papers, such as 'after residual group 3 of 10'.

    The taps of an external network are named by the paths of their modules.
    """
    from fakd_core.models.external.network import SpandrelSpec

    if isinstance(spec, SpandrelSpec):
        return spec.tap_names[layer]
    if layer == 0:
        return "head conv"
    if layer == len(spec.tap_names) - 1:
        return "non-local output" if spec.architecture == "san" else "body output"
    unit, count = _UNITS.get(spec.architecture, ("", ""))
    total = getattr(spec, count, None)
    return spec.tap_names[layer] if total is None else f"after {unit} {spec.taps[layer - 1]} of {total}"
