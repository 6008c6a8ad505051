"""A canvas with two results and a divider between them that is dragged."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay

GRAB_DISTANCE = 7.0
"""Maximum distance in screen pixels at which the mouse grabs the divider."""


class SplitCanvas(ImageCanvas):
    """Shows `overlays` on the first side of the divider and `others` on the second.

    The divider keeps its place on the screen while the image is panned.
    """

    divider_moved = Signal()

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(camera, parent)
        self.others: tuple[Overlay, ...] = ()
        self.names = ("", "")
        self.vertical = True
        self.position = 0.5
        """The divider's place as a fraction of the width or height."""
        self._dragging_divider = False

    def set_split(self, a: Overlay, b: Overlay, *, names: tuple[str, str], vertical: bool) -> None:
        """Show `a` left of a vertical divider or above a horizontal one, `b` on the other side."""
        self.others, self.names, self.vertical = (b,), names, vertical
        self.set_overlays(a)

    def move_divider(self, position: float) -> None:
        """Move the divider to `position`, clipped to 0..1."""
        self.position = min(1.0, max(0.0, position))
        self.update()
        self.divider_moved.emit()

    @property
    def divider(self) -> float:
        """The divider's distance from the left or the top in screen pixels."""
        return float(round(self.position * (self.width() if self.vertical else self.height())))

    def is_first_side(self, at: QPointF) -> bool:
        """True if the point `at` (view coordinates) is left of the divider or above it."""
        return (at.x() if self.vertical else at.y()) < self.divider

    def paint_overlays(self, painter: QPainter) -> None:
        whole, at = QRectF(self.rect()), self.divider
        first, second = QRectF(whole), QRectF(whole)
        if self.vertical:
            first.setRight(at)
            second.setLeft(at)
        else:
            first.setBottom(at)
            second.setTop(at)
        for overlays, side in ((self.overlays, first), (self.others, second)):
            painter.save()
            painter.setClipRect(side)
            for overlay in overlays:
                overlay.draw(painter, self.camera)
            painter.restore()
        if self.overlays and self.others:
            self._draw_divider(painter, at)
            self._draw_names(painter, at)

    def _draw_divider(self, painter: QPainter, at: float) -> None:
        end = self.height() if self.vertical else self.width()
        for colour, width in ((QColor(0, 0, 0, 190), 3.0), (QColor("#ffffff"), 1.0)):
            painter.setPen(QPen(colour, width))
            if self.vertical:
                painter.drawLine(QPointF(at, 0), QPointF(at, end))
            else:
                painter.drawLine(QPointF(0, at), QPointF(end, at))
        middle = QPointF(at, end / 2) if self.vertical else QPointF(end / 2, at)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 190), 1))
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(middle, 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_names(self, painter: QPainter, at: float) -> None:
        metrics = self.fontMetrics()
        for number, name in enumerate(self.names):
            width = metrics.horizontalAdvance(name) + 10
            height = metrics.height() + 2
            if self.vertical:
                x, y = (at - width - 6, 6.0) if number == 0 else (at + 6, 6.0)
            else:
                x, y = (6.0, at - height - 6) if number == 0 else (6.0, at + 6)
            box = QRectF(x, y, width, height)
            if not QRectF(self.rect()).contains(box):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 150))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor("#ffffff"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)

    def _near_divider(self, at: QPointF) -> bool:
        return abs((at.x() if self.vertical else at.y()) - self.divider) <= GRAB_DISTANCE

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() is Qt.MouseButton.LeftButton
        self._dragging_divider = (
            left and not self.camera.pan_override and self._near_divider(event.position())
        )
        if not self._dragging_divider:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging_divider:
            at = event.position()
            self.move_divider(at.x() / self.width() if self.vertical else at.y() / self.height())
            return
        super().mouseMoveEvent(event)
        if not event.buttons() and self._near_divider(event.position()):
            self.setCursor(Qt.CursorShape.SplitHCursor if self.vertical else Qt.CursorShape.SplitVCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragging_divider:
            self._dragging_divider = False
            return
        super().mouseReleaseEvent(event)
