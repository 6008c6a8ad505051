"""Images placed in HR coordinates and drawn at any zoom: crisp when enlarged, averaged when reduced."""

from __future__ import annotations

import copy
import math

import numpy as np
from PIL import Image
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from fakd_core.events import Image8
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import rgb32_from_array

MIN_SIDE = 2
"""An image with a side of at most this many pixels isn't halved further."""


class Overlay:
    """An image that covers `rect` (HR pixels): an LR and an HR image with the same `rect` coincide."""

    def __init__(self, image: QImage, rect: QRectF, opacity: float = 1.0) -> None:
        self.rect = rect
        self.opacity = opacity
        # Qt's raster engine draws RGB32 without converting it at every paint.
        alpha = image.hasAlphaChannel()
        layout = QImage.Format.Format_ARGB32_Premultiplied if alpha else QImage.Format.Format_RGB32
        self._levels = [image.convertToFormat(layout)]

    @classmethod
    def from_pixels(cls, pixels: Image8, rect: QRectF) -> Overlay:
        """Place (H, W, 3) pixels, with all levels built: call it from a worker thread for large images."""
        overlay = cls(rgb32_from_array(pixels), rect)
        overlay.build_levels()
        return overlay

    @property
    def image(self) -> QImage:
        return self._levels[0]

    def with_opacity(self, opacity: float) -> Overlay:
        """The same image drawn with another opacity; both share their pixels."""
        overlay = copy.copy(self)
        overlay.opacity = opacity
        return overlay

    def build_levels(self) -> None:
        """Halve the image down to `MIN_SIDE` now rather than at the first paint."""
        while (reduced := _halved(self._levels[-1])) is not None:
            self._levels.append(reduced)

    def draw(self, painter: QPainter, camera: Camera) -> None:
        """Draw the visible part; the painter is in view coordinates."""
        shown = self.rect.intersected(camera.visible())
        if shown.isEmpty():
            return
        view = QRectF(camera.to_view(self.rect.topLeft()), camera.to_view(self.rect.bottomRight()))
        scale = camera.zoom * camera.pixel_ratio
        self._draw(painter, view, shown=shown, scale=scale, smooth=camera.smooth)

    def draw_in(self, painter: QPainter, view: QRectF, pixel_ratio: float = 1.0) -> None:
        """Draw the whole overlay into `view` (view coordinates), averaged."""
        scale = view.width() / self.rect.width() * pixel_ratio
        self._draw(painter, view, shown=self.rect, scale=scale, smooth=True)

    def _draw(self, painter: QPainter, view: QRectF, *, shown: QRectF, scale: float, smooth: bool) -> None:
        """Draw the part `shown` (HR pixels) of the overlay, which covers `view` (view coordinates)."""
        pixel = self.rect.width() / self.image.width() * scale
        number = self._level(pixel)
        level, step = self._levels[number], 1 << number
        # Odd sizes don't halve exactly: a level's last pixel may cover less than the others.
        per_hr_x = self.image.width() / self.rect.width() / step
        per_hr_y = self.image.height() / self.rect.height() / step
        # Whole source pixels with a margin for interpolation: a cut within a pixel would shift the image,
        # and coordinates far outside the view overflow Qt's rasteriser at high zoom.
        left = max(0, math.floor((shown.left() - self.rect.left()) * per_hr_x) - 2)
        top = max(0, math.floor((shown.top() - self.rect.top()) * per_hr_y) - 2)
        right = min(level.width(), math.ceil((shown.right() - self.rect.left()) * per_hr_x) + 2)
        bottom = min(level.height(), math.ceil((shown.bottom() - self.rect.top()) * per_hr_y) + 2)
        across, down = view.width() / self.rect.width(), view.height() / self.rect.height()
        target = QRectF(
            QPointF(view.left() + left / per_hr_x * across, view.top() + top / per_hr_y * down),
            QPointF(view.left() + right / per_hr_x * across, view.top() + bottom / per_hr_y * down),
        )
        painter.save()
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth or pixel < 0.999)
        if number:
            painter.setClipRect(view, Qt.ClipOperation.IntersectClip)
        painter.drawImage(target, level, QRectF(left, top, right - left, bottom - top))
        painter.restore()

    def _level(self, pixel: float) -> int:
        """The level whose pixels are at least half a screen pixel wide; those of level 0 are `pixel` wide."""
        number = 0
        while pixel < 0.5:
            if number + 1 == len(self._levels):
                reduced = _halved(self._levels[-1])
                if reduced is None:
                    break
                self._levels.append(reduced)
            number += 1
            pixel *= 2
        return number


def _halved(image: QImage) -> QImage | None:
    """The image reduced by 2, each pixel the mean of 2x2 (fewer at odd sides); None if it is too small.

    Pillow is as fast as Qt here and releases the GIL.
    """
    width, height = image.width(), image.height()
    if min(width, height) <= MIN_SIDE:
        return None
    # "RGBX" averages every channel separately, which is right for premultiplied alpha too.
    memory = np.frombuffer(image.constBits(), np.uint8)
    pixels = Image.frombuffer("RGBX", (width, height), memory, "raw", "RGBX", 0, 1).reduce(2)
    reduced = QImage(pixels.tobytes(), *pixels.size, 4 * pixels.width, image.format())
    # copy(): the QImage would otherwise refer to memory that Python frees.
    return reduced.copy()
