"""An image placed in HR coordinates and drawn at any zoom: crisp when enlarged, averaged when reduced."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from fakd_gui.widgets.camera import Camera


class Layer:
    """`image` covers `rect` (HR pixels); an LR and an HR image with one rect lie on each other."""

    def __init__(self, image: QImage, rect: QRectF, opacity: float = 1.0) -> None:
        self.rect = rect
        self.opacity = opacity
        # RGB32 is what Qt's raster engine draws without converting at every paint.
        alpha = image.hasAlphaChannel()
        layout = QImage.Format.Format_ARGB32_Premultiplied if alpha else QImage.Format.Format_RGB32
        self._levels = [image.convertToFormat(layout)]

    @property
    def image(self) -> QImage:
        return self._levels[0]

    def draw(self, painter: QPainter, camera: Camera) -> None:
        """Draw the part that `camera` sees; the painter is in view coordinates."""
        shown = self.rect.intersected(camera.visible())
        if shown.isEmpty():
            return
        pixel = self.rect.width() / self.image.width() * camera.zoom * camera.pixel_ratio
        level = self._level(pixel)
        per_hr_x, per_hr_y = level.width() / self.rect.width(), level.height() / self.rect.height()
        # Whole source pixels with a margin for interpolation: cutting within a pixel would shift the picture,
        # and coordinates far outside the view overflow Qt's rasteriser at high zoom.
        left = max(0, math.floor((shown.left() - self.rect.left()) * per_hr_x) - 2)
        top = max(0, math.floor((shown.top() - self.rect.top()) * per_hr_y) - 2)
        right = min(level.width(), math.ceil((shown.right() - self.rect.left()) * per_hr_x) + 2)
        bottom = min(level.height(), math.ceil((shown.bottom() - self.rect.top()) * per_hr_y) + 2)
        start = QPointF(self.rect.left() + left / per_hr_x, self.rect.top() + top / per_hr_y)
        end = QPointF(self.rect.left() + right / per_hr_x, self.rect.top() + bottom / per_hr_y)
        painter.save()
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, camera.smooth or pixel < 0.999)
        target = QRectF(camera.to_view(start), camera.to_view(end))
        painter.drawImage(target, level, QRectF(left, top, right - left, bottom - top))
        painter.restore()

    def _level(self, pixel: float) -> QImage:
        """The image halved until its pixels (now `pixel` screen pixels wide) are about the screen's."""
        index = 0
        while pixel < 0.5 and min(self._levels[index].width(), self._levels[index].height()) > 2:
            index += 1
            pixel *= 2
            if index == len(self._levels):
                last = self._levels[-1]
                self._levels.append(
                    last.scaled(
                        (last.width() + 1) // 2,
                        (last.height() + 1) // 2,
                        Qt.AspectRatioMode.IgnoreAspectRatio,
                        Qt.TransformationMode.SmoothTransformation,
                    )
                )
        return self._levels[index]
