"""A small overview of the whole image in the corner of a pane that shows only part of it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay

MAX_SIZE = QSizeF(120, 90)
MARGIN = 8
MAX_VISIBLE = 0.5
"""The overview appears if at most this fraction of the image's width and height is visible."""


def overview_box(camera: Camera) -> QRectF | None:
    """The overview's rectangle (view coordinates); None while most of the image is visible anyway."""
    view, scene = camera.viewport, camera.scene
    visible = max(view.width() / camera.zoom / scene.width(), view.height() / camera.zoom / scene.height())
    if visible > MAX_VISIBLE or view.width() < 3 * MAX_SIZE.width():
        return None
    size = scene.scaled(MAX_SIZE, Qt.AspectRatioMode.KeepAspectRatio)
    corner = QPointF(view.width() - MARGIN - size.width(), view.height() - MARGIN - size.height())
    return QRectF(corner, size)


def scene_position(camera: Camera, box: QRectF, at: QPointF) -> QPointF:
    """The position in HR pixels of the point `at` (view coordinates) in the overview `box`."""
    inside = at - box.topLeft()
    return QPointF(
        inside.x() / box.width() * camera.scene.width(), inside.y() / box.height() * camera.scene.height()
    )


def draw_overview(painter: QPainter, box: QRectF, *, camera: Camera, overlays: tuple[Overlay, ...]) -> None:
    """Draw the whole image into `box` and frame its visible part."""
    for overlay in overlays:
        overlay.draw_in(painter, box, camera.pixel_ratio)
    per_hr = box.width() / camera.scene.width()
    visible = camera.visible()
    frame = QRectF(box.topLeft() + visible.topLeft() * per_hr, visible.size() * per_hr).intersected(box)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for rect, colour, width in (
        (box, QColor(0, 0, 0, 200), 3.0),
        (box, QColor("#ffffff"), 1.0),
        (frame, QColor(0, 0, 0, 200), 3.0),
        (frame, QColor("#ffcc33"), 1.5),
    ):
        painter.setPen(QPen(colour, width))
        painter.drawRect(rect)
