"""Channels, exposure and gamma of what the panes show, and the histogram of it; never of what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from fakd_core.evaluation.metrics import LUMA_OFFSET, LUMA_WEIGHTS

MAX_STOPS = 8.0
MIN_GAMMA, MAX_GAMMA = 0.2, 5.0
MAX_SAMPLES = 150_000
"""A histogram counts at most about this many pixels, evenly spaced."""


class Channel(Enum):
    """The channel that is shown: all, or one in grey."""

    RGB = "RGB"
    RED = "R"
    GREEN = "G"
    BLUE = "B"
    LUMA = "Y"
    """BT.601 luma as scores are measured on: 16 is black, 235 is white."""


Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tone:
    """The channel that is shown or all, `stops` of exposure in linear light, and then `gamma`."""

    channel: Channel = Channel.RGB
    stops: float = 0.0
    gamma: float = 1.0

    @property
    def is_neutral(self) -> bool:
        return self == Tone()

    @property
    def text(self) -> str:
        """Such as 'R, +2 EV, γ 1.4'; empty if it changes nothing."""
        parts = [
            self.channel.value if self.channel is not Channel.RGB else "",
            f"{self.stops:+g} EV".replace("-", "−") if self.stops else "",
            f"γ {self.gamma:g}" if self.gamma != 1 else "",
        ]
        return ", ".join(filter(None, parts))

    def apply(self, image: QImage) -> QImage:
        """An RGB32 `image` as it is shown. Pillow is fast here and releases the GIL."""
        pixels, width, height = image.constBits(), image.width(), image.height()
        table = level_table(self.stops, self.gamma).tolist()
        if self.channel is not Channel.RGB:
            grey = self._planes(pixels, width, height).point(table).tobytes()
            shown = QImage(grey, width, height, width, QImage.Format.Format_Grayscale8)
            return shown.convertToFormat(QImage.Format.Format_RGB32)
        # The order of the channels doesn't matter: all have the same table but the unused fourth byte.
        four = Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)
        exposed = four.point([*table * 3, *[255] * 256]).tobytes()
        # copy(): the QImage would otherwise refer to memory that Python frees.
        return QImage(exposed, width, height, 4 * width, QImage.Format.Format_RGB32).copy()

    def histogram(self, image: QImage, part: QRect) -> Shares:
        """The share of pixels at each of the 256 levels shown, (3, 256) for RGB, else (1, 256).

        Of the pixels in `part` of the RGB32 `image`, evenly spaced ones are counted if there are many.
        """
        step = max(1, int((part.width() * part.height() / MAX_SAMPLES) ** 0.5))
        pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width())
        sample = pixels[part.top() : part.bottom() + 1 : step, part.left() : part.right() + 1 : step]
        height, width = sample.shape
        counts = np.reshape(self._planes(sample.tobytes(), width, height).histogram(), (-1, 256))
        table = level_table(self.stops, self.gamma)
        shown = [np.bincount(table, weights=count, minlength=256) for count in counts]
        return np.array(shown) / (width * height)

    def _planes(self, pixels: memoryview | bytes, width: int, height: int) -> Image.Image:
        """The shown channels of RGB32 pixels, as 'RGB' or 'L'."""
        rgb = Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", 0, 1)
        match self.channel:
            case Channel.RGB:
                return rgb
            case Channel.LUMA:
                return rgb.convert("L", (*LUMA_WEIGHTS, LUMA_OFFSET))
            case single:
                return rgb.getchannel(single.value)


@lru_cache(maxsize=64)
def level_table(stops: float, gamma: float) -> npt.NDArray[np.uint8]:
    """(256,) the level shown for each sRGB level: exposed in linear light, clipped, encoded, then gamma."""
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = np.minimum(1.0, linear * 2.0**stops)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    table = np.round(255 * np.clip(encoded, 0, 1) ** (1 / gamma)).astype(np.uint8)
    table.setflags(write=False)
    return table
