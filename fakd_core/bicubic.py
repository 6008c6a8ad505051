"""MATLAB's bicubic enlargement of images of any size, strip by strip."""

from __future__ import annotations

from collections.abc import Iterator

from fakd_core.events import CancelToken, Image8
from fakd_core.images import imresize_bicubic

BICUBIC = "bicubic"
"""What people name where a model could stand."""

_ROWS_AT_ONCE = 128
_REACH = 4
"""Rows beyond a strip that its pixels may depend on, or more."""


def bicubic_strips(img: Image8, scale: int, cancel: CancelToken | None = None) -> Iterator[Image8]:
    """`imresize_bicubic(img, scale)` of (H, W, 3) uint8 from top to bottom, as (h, W·scale, 3) uint8 strips.

    Raises `Cancelled` between strips once `cancel` is cancelled.
    """
    height = len(img)
    for top in range(0, height, _ROWS_AT_ONCE):
        if cancel is not None:
            cancel.raise_if_cancelled()
        first, end = max(0, top - _REACH), min(height, top + _ROWS_AT_ONCE)
        seen = imresize_bicubic(img[first : end + _REACH], scale)
        yield seen[(top - first) * scale : (end - first) * scale]
