"""The whole image in a corner of a canvas, with a frame around the part that is visible."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.region_box import contrast_pens

SIZE, MARGIN = QSizeF(120, 90), 8
MAX_VISIBLE = 0.5
"""The overview appears if at most this fraction of the image's width and height is visible."""


def overview_box(camera: Camera) -> QRectF | None:
    """The overview's rectangle (view coordinates); None while most of the image is visible anyway."""
    view, scene = camera.viewport, camera.scene
    visible = max(view.width() / camera.zoom / scene.width(), view.height() / camera.zoom / scene.height())
    if visible > MAX_VISIBLE or view.width() < 3 * SIZE.width():
        return None
    box = QRectF(QPointF(), scene.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio))
    box.moveBottomRight(QPointF(view.width() - MARGIN, view.height() - MARGIN))
    return camera.snap_rect(box)


def draw_overview(painter: QPainter, box: QRectF, *, camera: Camera, overlays: tuple[Overlay, ...]) -> None:
    """Draw the whole image into `box` and frame its visible part."""
    whole = camera.linked(box.size())
    whole.smooth = True
    whole.fit()
    painter.translate(box.topLeft())
    for overlay in overlays:
        overlay.draw(painter, whole)
    painter.translate(-box.topLeft())
    frame = whole.rect_to_view(camera.visible()).translated(box.topLeft()).intersected(box)
    frame = camera.snap_rect(frame)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for rect, pens in ((box, contrast_pens()), (frame, contrast_pens("#ffcc33", 1.5))):
        for pen in pens:
            painter.setPen(pen)
            painter.drawRect(rect)
