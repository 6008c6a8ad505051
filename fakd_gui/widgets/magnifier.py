"""A magnifier that shows the pixels around the cursor in every linked pane, each a crisp square."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.region_box import contrast_pens

TEXT_MARGIN = 4


def magnifier_box(camera: Camera) -> QRectF:
    """The magnifier's square around the cursor, moved inside the view (view coordinates)."""
    side = min(camera.magnifier.side, camera.viewport.width(), camera.viewport.height())
    box = QRectF(QPointF(), QSizeF(side, side))
    box.moveCenter(camera.to_view(camera.cursor))
    x = min(max(box.left(), 0.0), camera.viewport.width() - side)
    y = min(max(box.top(), 0.0), camera.viewport.height() - side)
    return camera.snap_rect(QRectF(x, y, side, side))


def magnification(camera: Camera) -> int:
    """Screen pixels per HR pixel in the magnifier: always more than around it."""
    return max(camera.magnifier.factor, 2 * math.floor(camera.percent / 100))


def draw_magnifier(
    painter: QPainter, camera: Camera, *, overlays: tuple[Overlay, ...], readout: str, background: QColor
) -> None:
    """Draw `overlays` around the cursor, the pixel under it outlined in the middle, its values below."""
    at, box = camera.cursor, magnifier_box(camera)
    near = camera.linked(box.size())
    near.zoom = magnification(camera) / camera.pixel_ratio
    # The view begins on a whole pixel of the image: the one under the cursor is in the middle.
    pixel = QRectF(int(at.x()), int(at.y()), 1, 1)
    near.center = pixel.center()
    painter.save()
    painter.setClipRect(box)
    painter.fillRect(box, background)
    painter.translate(box.topLeft())
    for overlay in overlays:
        overlay.draw(painter, near)
    for pen in contrast_pens():
        painter.setPen(pen)
        painter.drawRect(near.snap_rect(near.rect_to_view(pixel)))
    painter.translate(-box.topLeft())
    text = f"{readout}  ×{magnification(camera)}".strip()
    metrics = painter.fontMetrics()
    strip = QRectF(box.left(), box.bottom() - metrics.height() - 2, box.width(), metrics.height() + 2)
    painter.fillRect(strip, QColor(0, 0, 0, 190))
    painter.setPen(QColor("#ffffff"))
    inside = strip.adjusted(TEXT_MARGIN, 0, -TEXT_MARGIN, 0)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(inside.width()))
    painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, shown)
    painter.setClipping(False)
    for pen in contrast_pens():
        painter.setPen(pen)
        painter.drawRect(box)
    painter.restore()
