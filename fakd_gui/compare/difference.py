"""The picture of a difference; drawn strip by strip, on a thread where it takes long."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QRectF

from fakd_core.events import CancelToken, Image8
from fakd_gui.convert import colourise, qimage_from_array
from fakd_gui.theme import affinity_lut
from fakd_gui.widgets.layers import Layer

STRIP_PIXELS = 500_000
AT_ONCE_PIXELS = 2_000_000
"""Up to so many pixels a difference is drawn without a thread: it takes less than a frame or two."""


@dataclass(frozen=True)
class Drawn:
    """|a - b|, the largest of the three channels: its picture, mean and maximum in grey levels."""

    a: Image8 = field(repr=False)
    b: Image8 = field(repr=False)
    gain: int
    layer: Layer = field(repr=False)
    mean: float
    largest: int

    def shows(self, a: Image8, b: Image8, gain: int) -> bool:
        return self.a is a and self.b is b and self.gain == gain


def draw_difference(a: Image8, b: Image8, gain: int, token: CancelToken) -> Drawn:
    """Subtract two (H, W, 3) images; full brightness is a difference of 255/`gain`. Raises `Cancelled`."""
    height, width = a.shape[:2]
    rows = max(1, STRIP_PIXELS // width)
    rgb = np.empty((height, width, 3), np.uint8)
    total, largest = 0, 0
    for top in range(0, height, rows):
        token.raise_if_cancelled()
        strip = slice(top, top + rows)
        distance = np.abs(a[strip].astype(np.int16) - b[strip]).max(axis=2)
        rgb[strip] = colourise(distance, affinity_lut(), 0, 255 / gain)[:, :, :3]
        total += int(distance.sum(dtype=np.int64))
        largest = max(largest, int(distance.max()))
    layer = Layer(qimage_from_array(rgb), QRectF(0, 0, width, height))
    return Drawn(a, b, gain, layer, total / (height * width), largest)
