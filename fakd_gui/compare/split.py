"""Two results in one pane, with a divider that is dragged over them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay

REACH = 7.0
"""How far from the divider, in screen pixels, the mouse still takes it."""


@dataclass(frozen=True)
class Split:
    """`a` is shown left of a vertical divider, or above a horizontal one; `b` on the other side."""

    a: str
    b: str
    vertical: bool = True


class SplitCanvas(ImageCanvas):
    """`overlays` on one side of the divider, `others` on the other; it stays where it is on the screen."""

    divided = Signal()
    """The divider was moved."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(camera, parent)
        self.others: tuple[Overlay, ...] = ()
        self.names = ("", "")
        self.vertical = True
        self.position = 0.5
        """Of the divider, as part of the pane's width or height."""
        self._sliding = False

    def set_split(self, a: Overlay, b: Overlay, names: tuple[str, str], vertical: bool) -> None:
        self.others, self.names, self.vertical = (b,), names, vertical
        self.set_overlays(a)

    def move_divider(self, position: float) -> None:
        """Bring the divider to `position`, 0..1."""
        self.position = min(1.0, max(0.0, position))
        self.update()
        self.divided.emit()

    @property
    def divider(self) -> float:
        """Where the divider is, in screen pixels from the left or the top."""
        return float(round(self.position * (self.width() if self.vertical else self.height())))

    def on_first_side(self, at: QPointF) -> bool:
        """Whether `a` is shown at `at` (view coordinates)."""
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

    def _near(self, at: QPointF) -> bool:
        return abs((at.x() if self.vertical else at.y()) - self.divider) <= REACH

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() is Qt.MouseButton.LeftButton
        self._sliding = left and not self.camera.pan_override and self._near(event.position())
        if not self._sliding:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._sliding:
            at = event.position()
            self.move_divider(at.x() / self.width() if self.vertical else at.y() / self.height())
            return
        super().mouseMoveEvent(event)
        if not event.buttons() and self._near(event.position()):
            self.setCursor(Qt.CursorShape.SplitHCursor if self.vertical else Qt.CursorShape.SplitVCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._sliding:
            self._sliding = False
            return
        super().mouseReleaseEvent(event)
