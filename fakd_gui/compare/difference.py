"""The difference of two results: its values, image and range, computed in strips."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF

from fakd_core.evaluation.metrics import PEAK, SSIM_SIGMA, SSIM_WINDOW, rgb_to_y
from fakd_core.events import CancelToken, Image8
from fakd_gui.widgets.convert import colourise
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import Lut, colour_lut, difference_lut

Values = npt.NDArray[np.float32]

STRIP_PIXELS = 500_000
SSIM_RADIUS = SSIM_WINDOW // 2
Gain = Literal[1, 2, 4, 8, 16, 32]
Colours = Literal["inferno", "viridis", "grey"]
COLOUR_MAPS = {"inferno": "bids:inferno", "viridis": "bids:viridis", "grey": "matlab:gray"}


class Kind(Enum):
    """The function of two pixels that is shown."""

    ABSOLUTE = "absolute"
    SQUARED = "squared"
    SIGNED = "signed"
    SSIM = "SSIM map"


EXPLANATIONS = {
    Kind.ABSOLUTE: "The largest |a − b| of the three colour channels, in grey levels",
    Kind.SQUARED: "The mean of (a − b)² over the three colour channels, in squared grey levels",
    Kind.SIGNED: "a − b on luma (BT.601), in grey levels: red where a is brighter, blue where b is",
    Kind.SSIM: (
        "Structural similarity on luma around each pixel (11 × 11 Gaussian): bright is dissimilar.\n"
        "Mean and minimum leave out the border, as the scores do."
    ),
}


@dataclass(frozen=True)
class Difference:
    """Two results to compare, the kind of difference, and how much it is amplified."""

    a: str = ""
    b: str = ""
    _: KW_ONLY
    gain: Gain = 4
    kind: Kind = Kind.ABSOLUTE
    colours: Colours = "inferno"

    @property
    def bounds(self) -> tuple[float, float]:
        """The values at the two ends of the colour scale, the same for every image."""
        full = 255 / self.gain
        return {
            Kind.ABSOLUTE: (0.0, full),
            Kind.SQUARED: (0.0, full**2),
            Kind.SIGNED: (-full, full),
            Kind.SSIM: (1 - 1 / self.gain, 1.0),
        }[self.kind]

    @property
    def lut(self) -> Lut:
        """(256, 3) uint8 from the lower to the upper bound; zero is dark, or white if signed."""
        if self.kind is Kind.SIGNED:
            return difference_lut()
        table = colour_lut(COLOUR_MAPS[self.colours])
        return table[::-1] if self.kind is Kind.SSIM else table

    def title(self, first: str, second: str) -> str:
        """A formula with the names of the two results, such as |teacher − HR|."""
        return {
            Kind.ABSOLUTE: f"|{first} − {second}|",
            Kind.SQUARED: f"({first} − {second})²",
            Kind.SIGNED: f"{first} − {second}",
            Kind.SSIM: f"SSIM {first}, {second}",
        }[self.kind]


@dataclass(frozen=True, eq=False)
class DifferenceImage:
    """The difference of `a` and `b`: being drawn, drawn with its statistics, or failed with an `error`.

    SSIM's statistics leave out what a score leaves out: the cropped border and windows that reach into it.
    """

    a: Image8 = field(repr=False)
    b: Image8 = field(repr=False)
    difference: Difference
    _: KW_ONLY
    overlay: Overlay | None = field(default=None, repr=False)
    """None until it is drawn."""
    error: str = ""
    mean: float | None = None
    """None if SSIM's border leaves nothing."""
    minimum: float = 0.0
    maximum: float = 0.0
    similarity: Values | None = field(default=None, repr=False)
    """SSIM's map, (H, W). Values of the other kinds are computed from the pixels."""


def comparison_error(a: Image8, b: Image8, kind: Kind) -> str:
    """The reason why two images have no difference (their sizes, or SSIM's window), or an empty text."""
    height, width = a.shape[:2]
    if a.shape != b.shape:
        return "Only images of one size can be subtracted; choose two of HR size."
    if kind is Kind.SSIM and min(height, width) < SSIM_WINDOW:
        return f"SSIM needs 11 × 11 pixels, found {width} × {height}; choose another difference."
    return ""


def draw_difference(
    a: Image8, b: Image8, difference: Difference, *, crop_border: int, token: CancelToken
) -> DifferenceImage:
    """Compute and colour the difference of two (H, W, 3) images without a `comparison_error`.

    The statistics of SSIM leave out `crop_border` pixels per side, as the scores do. Raises `Cancelled`.
    """
    height, width = a.shape[:2]
    ssim = difference.kind is Kind.SSIM
    rows = max(SSIM_WINDOW, STRIP_PIXELS // width)
    rgb = np.empty(a.shape, np.uint8)
    similarity = np.empty((height, width), np.float32) if ssim else None
    lut, (low, high) = difference.lut, difference.bounds
    total, minimum, maximum = 0.0, np.inf, -np.inf
    for top in range(0, height, rows):
        token.raise_if_cancelled()
        strip = slice(top, min(height, top + rows))
        values = ssim_rows(a, b, strip) if ssim else pixel_difference(a[strip], b[strip], difference.kind)
        if similarity is not None:
            similarity[strip] = values
        rgb[strip] = colourise(values, lut, low, high)
        total += float(values.sum(dtype=np.float64))
        minimum, maximum = min(minimum, float(values.min())), max(maximum, float(values.max()))
    mean: float | None = total / (height * width)
    if similarity is not None:
        mean, border = None, crop_border + SSIM_RADIUS
        if min(height, width) > 2 * border:
            scored = similarity[border:-border, border:-border]
            mean, minimum = float(scored.mean(dtype=np.float64)), float(scored.min())
    overlay = Overlay.from_pixels(rgb, QRectF(0, 0, width, height))
    overlay.is_photo = False
    return DifferenceImage(
        a, b, difference, overlay=overlay, mean=mean, minimum=minimum, maximum=maximum, similarity=similarity
    )


def pixel_difference(a: Image8, b: Image8, kind: Kind) -> Values:
    """The difference, of a kind other than SSIM, of every pixel of two (h, w, 3) images: (h, w)."""
    if kind is Kind.SIGNED:
        return (rgb_to_y(a) - rgb_to_y(b)).astype(np.float32)
    per_channel = a.astype(np.int16) - b
    if kind is Kind.SQUARED:
        return np.square(per_channel.astype(np.float32)).mean(axis=2)
    return np.abs(per_channel).max(axis=2).astype(np.float32)


def ssim_rows(a: Image8, b: Image8, strip: slice) -> Values:
    """The rows `strip` of SSIM's map; rows around them are used too, as the window reaches 5 pixels."""
    from skimage.metrics import structural_similarity

    top, bottom = max(0, strip.start - SSIM_RADIUS), min(len(a), strip.stop + SSIM_RADIUS)
    # A last strip that is lower than the window is extended upwards.
    top = max(0, min(top, bottom - SSIM_WINDOW))
    _, similarity = structural_similarity(
        rgb_to_y(a[top:bottom]),
        rgb_to_y(b[top:bottom]),
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        data_range=PEAK,
        full=True,
    )
    return similarity[strip.start - top : strip.stop - top].astype(np.float32)
