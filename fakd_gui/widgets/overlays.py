"""Images placed in HR coordinates and drawn at any zoom: crisp when enlarged, averaged when reduced."""

from __future__ import annotations

import copy

import numpy as np
from PIL import Image
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QTransform

from fakd_core.events import Image8
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.tone import Shares, Tone

MIN_SIDE = 2
"""An image with a side of at most this many pixels isn't halved further."""

SMALL_PART = 60_000
"""Parts of at most this many pixels, as in the magnifier, are shown in another tone without keeping them."""


class Overlay:
    """An image that covers `rect` (HR pixels): an LR and an HR image with the same `rect` coincide."""

    def __init__(self, image: QImage, rect: QRectF, opacity: float = 1.0) -> None:
        self.rect = rect
        self.opacity = opacity
        self.is_photo = True
        """False for values in colours: they have no exposure, channels or histogram."""
        self._toned: tuple[object, QImage] | None = None
        """The part that was drawn last in another tone, by what it depends on."""
        self._counted: tuple[object, Shares] | None = None
        # Qt's raster engine draws RGB32 without converting it at every paint.
        self._levels = [image.convertToFormat(QImage.Format.Format_RGB32)]

    @classmethod
    def from_pixels(cls, pixels: Image8, rect: QRectF) -> Overlay:
        """Place (H, W, 3) pixels, with all levels built: call it from a worker thread for large images."""
        overlay = cls(qimage_from_array(pixels), rect)
        while overlay._add_level():
            pass
        return overlay

    @property
    def image(self) -> QImage:
        return self._levels[0]

    def with_opacity(self, opacity: float) -> Overlay:
        """The same image drawn with another opacity; both share their pixels."""
        overlay = copy.copy(self)
        overlay.opacity = opacity
        return overlay

    def draw(self, painter: QPainter, camera: Camera) -> None:
        """Draw the visible part; the painter is in view coordinates."""
        rect, shown = self.rect, self.rect.intersected(camera.visible())
        if shown.isEmpty():
            return
        pixel = rect.width() / self.image.width() * camera.zoom * camera.pixel_ratio
        number = self._level(pixel)
        level, step = self._levels[number], 1 << number
        # Odd sizes don't halve exactly: a level's last pixel may cover less than the others.
        width, height = step * rect.width() / self.image.width(), step * rect.height() / self.image.height()
        to_hr = QTransform.fromTranslate(rect.left(), rect.top()).scale(width, height)
        # Whole source pixels with a margin for interpolation: a cut within a pixel would shift the image,
        # and coordinates far outside the view overflow Qt's rasteriser at high zoom.
        source = to_hr.inverted()[0].mapRect(shown).toAlignedRect().adjusted(-2, -2, 2, 2)
        source = QRectF(source.intersected(level.rect()))
        painter.save()
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, camera.smooth or pixel < 0.999)
        if number:
            painter.setClipRect(camera.rect_to_view(rect), Qt.ClipOperation.IntersectClip)
        target = camera.rect_to_view(to_hr.mapRect(source))
        if self.is_photo and not camera.tone.is_neutral:
            level = self._in_tone(level, source.toRect(), camera.tone)
            source = QRectF(level.rect())
        painter.drawImage(target, level, source)
        painter.restore()

    def histogram(self, camera: Camera) -> Shares | None:
        """The shares of the visible pixels by level, as `Tone.histogram`; None if none is visible."""
        shown = self.rect.intersected(camera.visible())
        if shown.isEmpty() or not self.is_photo:
            return None
        image, rect, tone = self.image, self.rect, camera.tone
        per_hr = QTransform.fromScale(image.width() / rect.width(), image.height() / rect.height())
        part = per_hr.mapRect(shown.translated(-rect.topLeft())).toAlignedRect().intersected(image.rect())
        wanted = part.getRect(), tone
        if self._counted is None or self._counted[0] != wanted:
            self._counted = wanted, tone.histogram(image, part)
        return self._counted[1]

    def _in_tone(self, level: QImage, part: QRect, tone: Tone) -> QImage:
        if part.width() * part.height() <= SMALL_PART:
            return tone.apply(level.copy(part))
        wanted = level.cacheKey(), part.getRect(), tone
        if self._toned is None or self._toned[0] != wanted:
            self._toned = wanted, tone.apply(level.copy(part))
        return self._toned[1]

    def _level(self, pixel: float) -> int:
        """The level whose pixels are at least half a screen pixel wide; those of level 0 are `pixel` wide."""
        number = 0
        while pixel < 0.5 and (number + 1 < len(self._levels) or self._add_level()):
            number += 1
            pixel *= 2
        return number

    def _add_level(self) -> bool:
        """Halve the smallest level, each pixel the mean of 2x2 (fewer at odd sides); False if too small.

        Pillow is as fast as Qt here and releases the GIL.
        """
        image = self._levels[-1]
        width, height = image.width(), image.height()
        if min(width, height) <= MIN_SIDE:
            return False
        memory = np.frombuffer(image.constBits(), np.uint8)
        pixels = Image.frombuffer("RGBX", (width, height), memory, "raw", "RGBX", 0, 1).reduce(2)
        reduced = QImage(pixels.tobytes(), *pixels.size, 4 * pixels.width, image.format())
        # copy(): the QImage would otherwise refer to memory that Python frees.
        self._levels.append(reduced.copy())
        return True
