"""PSNR and SSIM by the protocol of the super-resolution papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakd_core.errors import DataError
from fakd_core.events import CancelToken
from fakd_core.plugins import Registry

RGBArray = npt.NDArray[np.uint8] | npt.NDArray[np.float32] | npt.NDArray[np.float64]

PEAK = 255.0
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
LUMA_WEIGHTS, LUMA_OFFSET = (65.481 / 255, 128.553 / 255, 24.966 / 255), 16.0
"""BT.601 luma of RGB in 0..255."""
_STRIP_PIXELS = 1 << 19

PROTOCOL: dict[str, str] = {
    "pixels": "SR clipped to 0..255 and rounded to 8 bits",
    "transparency": "images are taken as they look on a white page",
    "crop_border": "scale pixels from every side",
    "luma": "BT.601 as MATLAB's rgb2ycbcr, (65.481 R + 128.553 G + 24.966 B)/255 + 16, not rounded",
    "psnr_y": "dB, peak 255, on luma; mean over the images where it is finite",
    "ssim_y": "on luma, 11x11 Gaussian, sigma 1.5, K1 0.01, K2 0.03, biased covariance; mean over images",
    "lr": "the set's own LR images; where missing, MATLAB's bicubic of HR cut to a multiple of the scale",
}
"""The protocol of an evaluation, for users and for JSON."""


@dataclass(frozen=True)
class Metric:
    """A metric beside PSNR and SSIM.

    Attributes:
        name: The title of its column.
        description: Its line in the protocol: unit, and what is measured.
        score: Takes (sr, hr, crop_border) as `psnr_y` does and returns a number.
    """

    name: str
    description: str
    score: Callable[[RGBArray, RGBArray, int], float]


RESERVED_NAMES = frozenset(
    {"model", "dataset", "set", "scale", "image", "name", "psnr_y", "ssim_y", "seconds", "images", *PROTOCOL}
    | {"images_in_set", "left_out", "seen", "unseen", "transparent", "infinite_psnr"}
)
"""Columns of tables of results that are not added metrics."""
METRICS = Registry(Metric, "metric", group="fakd.metrics", reserved=RESERVED_NAMES)


def psnr_y(sr: RGBArray, hr: RGBArray, crop_border: int, *, cancel: CancelToken | None = None) -> float:
    """PSNR in dB of the luma of two (H, W, 3) RGB images in 0..255, without `crop_border` pixels per side.

    Float images are clipped to 0..255 and rounded first. Identical images give infinity.

    Raises:
        DataError: The shapes differ, or nothing is left after the crop.
        Cancelled: `cancel` was cancelled; it is looked at after every half megapixel.

    Example:
        >>> import numpy as np
        >>> from fakd_core import psnr_y
        >>> hr = np.full((32, 32, 3), 100, np.uint8)
        >>> print(f"{psnr_y(hr + 5, hr, crop_border=4):.2f} dB")  # luma has 219 levels for 255 of RGB
        35.47 dB
        >>> psnr_y(hr, hr, crop_border=4)
        inf
    """
    pair = _cropped(sr, hr, crop_border, min_side=1)
    return _psnr((rgb_to_y(one), rgb_to_y(other)) for one, other in _strips(*pair, cancel=cancel))


def psnr_rgb(sr: RGBArray, hr: RGBArray, crop_border: int) -> float:
    """PSNR in dB over all three channels; FAKD uses it with crop_border = scale + 6 for DIV2K validation.

    Rounding, identical images and errors as in `psnr_y`.
    """
    return _psnr(_strips(*_cropped(sr, hr, crop_border, min_side=1)))


def ssim_y(sr: RGBArray, hr: RGBArray, crop_border: int, *, cancel: CancelToken | None = None) -> float:
    """Mean SSIM of the luma of two (H, W, 3) RGB images in 0..255 (Wang et al., 2004), as in `PROTOCOL`.

    Rounding and errors as in `psnr_y`, but the 11x11 window must fit into what is left after the crop.
    Identical images give 1.

    Example:
        >>> import numpy as np
        >>> from fakd_core import ssim_y
        >>> hr = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        >>> print(f"{ssim_y(hr, hr, crop_border=4):.4f}, {ssim_y(255 - hr, hr, crop_border=4):.4f}")
        1.0000, -0.9578
    """
    # scikit-image takes half a second to import; only those who measure SSIM pay for it.
    from skimage.metrics import structural_similarity

    pair = _cropped(sr, hr, crop_border, min_side=SSIM_WINDOW)
    total, rows = 0.0, 0
    # Only windows that lie inside the image count, so strips overlap by a window less one row.
    for sr_strip, hr_strip in _strips(*pair, overlap=SSIM_WINDOW - 1, cancel=cancel):
        mean = structural_similarity(  # type: ignore[no-untyped-call]
            rgb_to_y(sr_strip),
            rgb_to_y(hr_strip),
            gaussian_weights=True,
            sigma=SSIM_SIGMA,
            use_sample_covariance=False,
            data_range=PEAK,
        )
        inside = len(sr_strip) - (SSIM_WINDOW - 1)
        total, rows = total + float(mean) * inside, rows + inside
    return total / rows


def mae_y(first: RGBArray, second: RGBArray, *, cancel: CancelToken | None = None) -> float:
    """Mean absolute luma difference of two (H, W, 3) RGB images in grey levels; errors as in `psnr_y`."""
    total = 0.0
    for one, other in _strips(*_cropped(first, second, 0, min_side=1), cancel=cancel):
        total += float(np.abs(rgb_to_y(one) - rgb_to_y(other)).sum())
    mean: float = total / (first.shape[0] * first.shape[1])
    return mean


def _psnr(strips: Iterable[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]) -> float:
    total, values = 0.0, 0
    for sr, hr in strips:
        total, values = total + float(np.sum((sr - hr) ** 2)), values + sr.size
    return float("inf") if total == 0 else float(10 * np.log10(PEAK**2 / (total / values)))


def _cropped(sr: RGBArray, hr: RGBArray, crop_border: int, *, min_side: int) -> tuple[RGBArray, RGBArray]:
    if sr.shape != hr.shape or sr.ndim != 3 or sr.shape[2] != 3:
        raise DataError(f"expected two RGB images of one (H, W, 3) shape, found {sr.shape} and {hr.shape}")
    height, width = sr.shape[0] - 2 * crop_border, sr.shape[1] - 2 * crop_border
    if crop_border < 0 or min(height, width) < min_side:
        raise DataError(
            f"an image of {sr.shape[1]}x{sr.shape[0]} cut by {crop_border} pixels per side is too small to "
            f"measure; at least {min_side}x{min_side} must be left, use a larger one"
        )
    rows, columns = slice(crop_border, crop_border + height), slice(crop_border, crop_border + width)
    return sr[rows, columns], hr[rows, columns]


def _strips(
    sr: RGBArray, hr: RGBArray, *, overlap: int = 0, cancel: CancelToken | None = None
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """The pair from top to bottom as 8-bit values; strips share `overlap` rows.

    Float arrays of a whole photograph would take gigabytes, and couldn't be cancelled.
    """
    height, width = sr.shape[:2]
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height - overlap, rows):
        if cancel is not None:
            cancel.raise_if_cancelled()
        part = slice(top, top + rows + overlap)
        yield _eight_bit(sr[part]), _eight_bit(hr[part])


def _eight_bit(img: RGBArray) -> npt.NDArray[np.float64]:
    return np.rint(np.clip(img.astype(np.float64), 0, PEAK))


def rgb_to_y(img: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """BT.601 luma of (..., 3) RGB in 0..255, not rounded, in 16..235: MATLAB's `rgb2ycbcr`."""
    luma: npt.NDArray[np.float64] = img.astype(np.float64) @ np.array(LUMA_WEIGHTS) + LUMA_OFFSET
    return luma
