"""An image placed in HR coordinates and drawn at any zoom: crisp when enlarged, averaged when reduced."""

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

SMALLEST = 2
"""Sides in pixels below which an image isn't halved any more."""


class Layer:
    """`image` covers `rect` (HR pixels); an LR and an HR image with one rect lie on each other."""

    def __init__(self, image: QImage, rect: QRectF, opacity: float = 1.0) -> None:
        self.rect = rect
        self.opacity = opacity
        # RGB32 is what Qt's raster engine draws without converting at every paint.
        alpha = image.hasAlphaChannel()
        layout = QImage.Format.Format_ARGB32_Premultiplied if alpha else QImage.Format.Format_RGB32
        self._levels = [image.convertToFormat(layout)]

    @classmethod
    def ready(cls, pixels: Image8, rect: QRectF) -> Layer:
        """Of (H, W, 3) pixels, with all that drawing it needs; large ones are made on a thread."""
        layer = cls(rgb32_from_array(pixels), rect)
        layer.complete()
        return layer

    @property
    def image(self) -> QImage:
        return self._levels[0]

    def faded(self, opacity: float) -> Layer:
        """The same picture, drawn fainter."""
        layer = copy.copy(self)
        layer.opacity = opacity
        return layer

    def complete(self) -> None:
        """Make the reduced versions now, rather than when they are first drawn."""
        while (reduced := _halved(self._levels[-1])) is not None:
            self._levels.append(reduced)

    def draw(self, painter: QPainter, camera: Camera) -> None:
        """Draw the part that `camera` sees; the painter is in view coordinates."""
        shown = self.rect.intersected(camera.visible())
        if shown.isEmpty():
            return
        view = QRectF(camera.to_view(self.rect.topLeft()), camera.to_view(self.rect.bottomRight()))
        self._draw(painter, view, shown, camera.zoom * camera.pixel_ratio, camera.smooth)

    def draw_in(self, painter: QPainter, view: QRectF, pixel_ratio: float = 1.0) -> None:
        """Draw the whole layer into `view` (view coordinates), averaged."""
        self._draw(painter, view, self.rect, view.width() / self.rect.width() * pixel_ratio, True)

    def _draw(self, painter: QPainter, view: QRectF, shown: QRectF, scale: float, smooth: bool) -> None:
        """Draw what lies in `shown` (HR pixels) where the layer covers `view`."""
        pixel = self.rect.width() / self.image.width() * scale
        number = self._level(pixel)
        level, step = self._levels[number], 1 << number
        # A level's last pixel may stand for less than the others: the size in pixels doesn't halve exactly.
        per_hr_x = self.image.width() / self.rect.width() / step
        per_hr_y = self.image.height() / self.rect.height() / step
        # Whole source pixels with a margin for interpolation: cutting within a pixel would shift the picture,
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
        """How often to halve the image so that its pixels, now `pixel` screen pixels, are the screen's."""
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
    """Each pixel the mean of 2x2, where the sides are odd the last of what is there; None if too small.

    Pillow is as fast as Qt here, and lets other threads go on meanwhile.
    """
    width, height = image.width(), image.height()
    if min(width, height) <= SMALLEST:
        return None
    # "RGBX" averages every channel by itself, which is right for premultiplied alpha too.
    held = np.frombuffer(image.constBits(), np.uint8)
    pixels = Image.frombuffer("RGBX", (width, height), held, "raw", "RGBX", 0, 1).reduce(2)
    reduced = QImage(pixels.tobytes(), *pixels.size, 4 * pixels.width, image.format())
    # copy(): the QImage would otherwise point into memory that Python frees.
    return reduced.copy()
