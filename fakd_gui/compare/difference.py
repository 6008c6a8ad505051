"""What two results differ by: values, picture and range; computed strip by strip."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF

from fakd_core.errors import DataError
from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import CancelToken, Image8
from fakd_gui.widgets.convert import colourise
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import Lut, colour_lut, difference_lut

Values = npt.NDArray[np.float32]

STRIP_PIXELS = 500_000
AT_ONCE_PIXELS = 250_000
"""Up to so many pixels a difference is drawn without a thread: it takes less than a frame or two."""
SSIM_RADIUS = 5
COLOURS = {"inferno": "bids:inferno", "viridis": "bids:viridis", "grey": "matlab:gray"}


class Kind(Enum):
    """What is computed of two pixels."""

    ABSOLUTE = "absolute"
    SQUARED = "squared"
    SIGNED = "signed"
    SSIM = "SSIM map"


EXPLANATIONS = {
    Kind.ABSOLUTE: "The largest |a − b| of the three colour channels, in grey levels",
    Kind.SQUARED: "The mean of (a − b)² over the three colour channels, in squared grey levels",
    Kind.SIGNED: "a − b on luma (BT.601), in grey levels: red where a is brighter, blue where b is",
    Kind.SSIM: (
        "Structural similarity on luma around each pixel (11 × 11 Gaussian): bright is unlike.\n"
        "Mean and smallest leave out the border, as the scores do."
    ),
}


@dataclass(frozen=True)
class Difference:
    """Which two results are compared, how, and how much the difference is amplified."""

    a: str
    b: str
    gain: int = 4
    kind: Kind = Kind.ABSOLUTE
    colours: str = "inferno"

    @property
    def bounds(self) -> tuple[float, float]:
        """The values at the two ends of the colours: fixed, whatever the image."""
        full = 255 / self.gain
        if self.kind is Kind.ABSOLUTE:
            return 0.0, full
        if self.kind is Kind.SQUARED:
            return 0.0, full**2
        return (-full, full) if self.kind is Kind.SIGNED else (1 - 1 / self.gain, 1.0)

    @property
    def lut(self) -> Lut:
        """(256, 4) uint8 RGBA from the lower bound to the upper. Alike is dark, or white where signed."""
        if self.kind is Kind.SIGNED:
            return difference_lut()
        table = colour_lut(COLOURS.get(self.colours, COLOURS["inferno"]))
        return table[::-1] if self.kind is Kind.SSIM else table

    @property
    def explanation(self) -> str:
        return EXPLANATIONS[self.kind]


@dataclass(frozen=True)
class Drawn:
    """A difference's picture with its figures.

    SSIM's leave out what a score does: the cut border, and the places where the window reaches into it.
    """

    a: Image8 = field(repr=False)
    b: Image8 = field(repr=False)
    difference: Difference
    overlay: Overlay = field(repr=False)
    mean: float | None
    """None where SSIM's leave out all."""
    smallest: float
    largest: float
    similarity: Values | None = field(default=None, repr=False)
    """SSIM's map, (H, W); what the other kinds show is read off the pixels."""

    def shows(self, a: Image8, b: Image8, difference: Difference) -> bool:
        return self.a is a and self.b is b and self.difference == difference


def draw_difference(
    a: Image8, b: Image8, difference: Difference, crop_border: int, token: CancelToken
) -> Drawn:
    """Compare two (H, W, 3) images, whose scores leave out `crop_border` pixels per side.

    Raises `Cancelled`, and `DataError` where the sizes differ or SSIM's window doesn't fit.
    """
    height, width = a.shape[:2]
    if a.shape != b.shape:
        raise DataError("Only images of one size can be subtracted; choose two of HR size.")
    ssim = difference.kind is Kind.SSIM
    if ssim and min(height, width) < 2 * SSIM_RADIUS + 1:
        raise DataError(f"SSIM needs 11 × 11 pixels, found {width} × {height}; choose another difference.")
    rows = max(2 * SSIM_RADIUS + 1, STRIP_PIXELS // width)
    rgb = np.empty((height, width, 3), np.uint8)
    similarity = np.empty((height, width), np.float32) if ssim else None
    lut, (low, high) = difference.lut, difference.bounds
    total, smallest, largest = 0.0, np.inf, -np.inf
    for top in range(0, height, rows):
        token.raise_if_cancelled()
        strip = slice(top, min(height, top + rows))
        found = _similarity(a, b, strip) if ssim else values(a[strip], b[strip], difference.kind)
        if similarity is not None:
            similarity[strip] = found
        rgb[strip] = colourise(found, lut, low, high)[:, :, :3]
        total += float(found.sum(dtype=np.float64))
        smallest, largest = min(smallest, float(found.min())), max(largest, float(found.max()))
    overlay = Overlay.from_pixels(rgb, QRectF(0, 0, width, height))
    mean: float | None = total / (height * width)
    if similarity is not None:
        mean, out = None, crop_border + SSIM_RADIUS
        if min(height, width) > 2 * out:
            scored = similarity[out:-out, out:-out]
            mean, smallest = float(scored.mean(dtype=np.float64)), float(scored.min())
    return Drawn(a, b, difference, overlay, mean, smallest, largest, similarity)


def values(a: Image8, b: Image8, kind: Kind) -> Values:
    """What `kind`, other than SSIM, is of every pixel of two (h, w, 3) images: (h, w)."""
    if kind is Kind.SIGNED:
        return (rgb_to_y(a) - rgb_to_y(b)).astype(np.float32)
    apart = a.astype(np.int16) - b
    if kind is Kind.SQUARED:
        squares: Values = np.square(apart.astype(np.float32)).mean(axis=2)
        return squares
    largest: Values = np.abs(apart).max(axis=2).astype(np.float32)
    return largest


def _similarity(a: Image8, b: Image8, strip: slice) -> Values:
    """SSIM's map of the rows `strip`, from rows around them too: its window reaches 5 pixels."""
    from skimage.metrics import structural_similarity

    from fakd_core.evaluation.metrics import PEAK, SSIM_SIGMA

    top, bottom = max(0, strip.start - SSIM_RADIUS), min(len(a), strip.stop + SSIM_RADIUS)
    # A last strip lower than the window takes more rows from above.
    top = max(0, min(top, bottom - 2 * SSIM_RADIUS - 1))
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]
        rgb_to_y(a[top:bottom]),
        rgb_to_y(b[top:bottom]),
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        data_range=PEAK,
        full=True,
    )
    kept: Values = similarity[strip.start - top : strip.stop - top].astype(np.float32)
    return kept
