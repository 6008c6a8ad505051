"""A small picture of the whole image, in the corner of a pane that shows little of it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.layers import Layer

LARGEST = QSizeF(120, 90)
MARGIN = 8
NEEDED = 0.5
"""It shows once less than this part of the image's width or height is seen."""


def overview_box(camera: Camera) -> QRectF | None:
    """Where the overview stands, in view coordinates; None while most of the image is seen anyway."""
    view, scene = camera.viewport, camera.scene
    seen = max(view.width() / camera.zoom / scene.width(), view.height() / camera.zoom / scene.height())
    if seen > NEEDED or view.width() < 3 * LARGEST.width():
        return None
    size = scene.scaled(LARGEST, Qt.AspectRatioMode.KeepAspectRatio)
    corner = QPointF(view.width() - MARGIN - size.width(), view.height() - MARGIN - size.height())
    return QRectF(corner, size)


def scene_position(camera: Camera, box: QRectF, at: QPointF) -> QPointF:
    """The HR pixel that `at` means inside the overview `box`."""
    inside = at - box.topLeft()
    return QPointF(
        inside.x() / box.width() * camera.scene.width(), inside.y() / box.height() * camera.scene.height()
    )


def draw_overview(painter: QPainter, camera: Camera, layers: tuple[Layer, ...], box: QRectF) -> None:
    """The whole image small, and a frame around what is seen of it."""
    for layer in layers:
        layer.draw_in(painter, box, camera.pixel_ratio)
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
