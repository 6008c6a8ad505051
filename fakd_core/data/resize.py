"""MATLAB's bicubic resizing of 8-bit images, at once or strip by strip."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8

BICUBIC = "bicubic"
"""The name that stands for this resizing where a model may be named."""

_ROWS_AT_ONCE = 128
_COLUMNS_AT_ONCE = 128
_REACH = 4
"""Rows beyond a strip that its pixels may depend on."""
_MARGIN = 4
"""Output pixels of padding: the kernel reaches two to each side."""

_Pixel = TypeVar("_Pixel", bound=np.generic)


def bicubic_strips(img: Image8, scale: int, cancel: CancelToken | None = None) -> Iterator[Image8]:
    """Yield `imresize_bicubic(img, scale)` from top to bottom, as (h, W·scale, 3) uint8 strips.

    Raises:
        Cancelled: between strips, once `cancel` is cancelled.
    """
    height = len(img)
    for top in range(0, height, _ROWS_AT_ONCE):
        if cancel is not None:
            cancel.raise_if_cancelled()
        yield bicubic_rows(img, scale, top, min(height, top + _ROWS_AT_ONCE))


def bicubic_rows(img: Image8, scale: int, top: int, end: int) -> Image8:
    """The part of `imresize_bicubic(img, scale)` that shows the rows `top` to `end` of `img`."""
    first = max(0, top - _REACH)
    enlarged = imresize_bicubic(img[first : end + _REACH], scale)
    return enlarged[(top - first) * scale : (end - first) * scale]


def imresize_bicubic(img: Image8, factor: float) -> Image8:
    """Resize (H, W, 3) uint8 RGB by `factor` = s or 1/s (s a whole number), pixel for pixel as MATLAB does.

    MATLAB's `imresize(img, factor, "bicubic")`: cubic kernel with a = -0.5, stretched by s when shrinking
    (antialiasing), mirrored border, vertical pass first, rounded to 8 bits after each of the two passes.
    The result is (ceil(H·factor), ceil(W·factor), 3).

    Raises:
        ConfigError: `factor` is not of this form.
        DataError: `img` is not such an array.

    Example:
        >>> import numpy as np
        >>> from fakd_core.data.resize import imresize_bicubic
        >>> ramp = np.arange(0, 240, 20, dtype=np.uint8)[None, :, None].repeat(3, axis=2).repeat(8, axis=0)
        >>> imresize_bicubic(ramp, 1 / 4)[0, :, 0]  # mirrored at the border
        array([ 27, 110, 193], dtype=uint8)
        >>> imresize_bicubic(ramp, 3).shape
        (24, 36, 3)
    """
    require_rgb8(img)
    grow, shrink = _whole_ratio(factor)
    tall = _resize_height(img, grow, shrink)
    return np.ascontiguousarray(_resize_height(tall.swapaxes(0, 1), grow, shrink).swapaxes(0, 1))


def modcrop(img: npt.NDArray[_Pixel], scale: int) -> npt.NDArray[_Pixel]:
    """Crop (H, W, ...) `img` at the bottom and right to multiples of `scale`; gives a view.

    Raises:
        DataError: a side is shorter than `scale`.
    """
    height, width = img.shape[:2]
    if height < scale or width < scale:
        raise DataError(f"an image of {width}x{height} is too small for scale {scale}; use a larger image")
    return img[: height - height % scale, : width - width % scale]


def require_rgb8(img: npt.NDArray[np.generic]) -> None:
    """Raise `DataError` unless `img` is (H, W, 3) uint8 with at least one pixel."""
    if img.dtype != np.uint8 or img.ndim != 3 or img.shape[2] != 3 or img.size == 0:
        raise DataError(f"expected an (H, W, 3) uint8 RGB array, found shape {img.shape} of {img.dtype}")


def _whole_ratio(factor: float) -> tuple[int, int]:
    if math.isfinite(factor) and factor > 0:
        grow, shrink = (round(factor), 1) if factor >= 1 else (1, round(1 / factor))
        if math.isclose(factor, grow / shrink, rel_tol=1e-9):
            return grow, shrink
    raise ConfigError(f"the resize factor must be a whole number s or 1/s, found {factor}")


def _resize_height(img: Image8, grow: int, shrink: int) -> Image8:
    """Resize the first axis of (H, W, 3) by grow/shrink and round half up to 8 bits.

    Works on some columns at a time, whose floats fit in the cache: twice as fast for large images.
    """
    height, width = img.shape[:2]
    resized = np.empty((math.ceil(height * grow / shrink), width, 3), dtype=np.uint8)
    for left in range(0, width, _COLUMNS_AT_ONCE):
        columns = slice(left, left + _COLUMNS_AT_ONCE)
        resized[:, columns] = _resize_columns(img[:, columns], grow, shrink)
    return resized


def _resize_columns(img: Image8, grow: int, shrink: int) -> Image8:
    """Resize the height of all columns at once.

    Pillow's kernel is MATLAB's, but it rounds 8-bit values differently and doesn't mirror the border: so it
    gets floats with a mirrored margin, which is cropped afterwards.
    """
    height, width = img.shape[:2]
    size = math.ceil(height * grow / shrink)
    missing = size * shrink // grow - height
    margin = _MARGIN * shrink
    padded = np.pad(img, ((margin, margin + missing), (0, 0), (0, 0)), mode="symmetric")
    plane = Image.fromarray(padded.reshape(len(padded), width * 3).astype(np.float32))
    resized = np.asarray(plane.resize((width * 3, size + 2 * _MARGIN * grow), Image.Resampling.BICUBIC))
    kept = resized[_MARGIN * grow : _MARGIN * grow + size]
    return np.clip(np.floor(kept + 0.5), 0, 255).astype(np.uint8).reshape(size, width, 3)
