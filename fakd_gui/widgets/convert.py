"""Conversion between arrays and Qt's images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from fakd_core.events import Image8


def qimage_from_array(image: Image8) -> QImage:
    """(H, W, 3) RGB uint8 -> a QImage in the layout that Qt draws fastest.

    numpy fills it, which releases the GIL: called from a worker thread, it doesn't block the window.
    """
    height, width = image.shape[:2]
    made = QImage(width, height, QImage.Format.Format_RGB32)
    pixels = np.frombuffer(made.bits(), np.uint8).reshape(height, width, 4)
    # 0xffRRGGBB in little-endian order, the only one that Qt for Python runs on.
    for channel in range(3):
        pixels[:, :, 2 - channel] = image[:, :, channel]
    pixels[:, :, 3] = 255
    return made


def array_from_qimage(image: QImage) -> Image8:
    """A QImage -> (H, W, 3) uint8 RGB."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


def colourise(values: npt.NDArray[np.floating], lut: Image8, low: float, high: float) -> Image8:
    """(H, W) values -> (H, W, 3) uint8 by a (256, 3) table over [low, high]; values beyond are clipped."""
    position = (values.astype(np.float32) - low) / (high - low)
    index = np.clip(np.nan_to_num(position) * (len(lut) - 1) + 0.5, 0, len(lut) - 1).astype(np.intp)
    return lut[index]
