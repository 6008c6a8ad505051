"""The canvases of the split and of the difference."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle

from fakd_gui.compare.difference import Difference
from fakd_gui.widgets.convert import colourise, qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.region_box import GRAB_DISTANCE, contrast_pens
from fakd_gui.widgets.theme import current_theme

SCALE_SIZE = (150, 9)
MARGIN = 8
DIVIDER_STEP = 0.02
"""Fraction of the width or height by which a key moves the divider."""


class SplitCanvas(ImageCanvas):
    """Shows two overlays on the two sides of a divider, which is dragged.

    The divider keeps its place on the screen while the image is panned.
    """

    divider_moved = Signal()

    names = ("", "")
    """Names of the overlays: the first is left of a vertical divider or above a horizontal one."""
    vertical = True
    position = 0.5
    """The divider's place as a fraction of the width or height."""
    _dragging_divider = False

    def move_divider(self, position: float) -> None:
        """Move the divider to `position`, clipped to 0..1."""
        self.position = min(1.0, max(0.0, position))
        self.update()
        self.divider_moved.emit()

    @property
    def divider(self) -> float:
        """The divider's distance from the left or the top in view coordinates, on a whole screen pixel."""
        at = self.camera.snap(QPointF(self.width(), self.height()) * self.position)
        return self._across(at)

    def is_first_side(self, at: QPointF) -> bool:
        """True if the point `at` (view coordinates) is left of the divider or above it."""
        return self._across(at) < self.divider

    def paint_overlays(self, painter: QPainter) -> None:
        if len(self.overlays) < 2:
            return
        at, width, height = self.divider, self.width(), self.height()
        if self.vertical:
            sides = QRectF(0, 0, at, height), QRectF(at, 0, width - at, height)
            corners = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignTop
            line = QLineF(at, 0, at, height)
        else:
            sides = QRectF(0, 0, width, at), QRectF(0, at, width, height - at)
            corners = Qt.AlignmentFlag.AlignBottom, Qt.AlignmentFlag.AlignTop
            line = QLineF(0, at, width, at)
        for overlay, side in zip(self.overlays, sides, strict=True):
            painter.setClipRect(side)
            overlay.draw(painter, self.camera)
        painter.setClipping(False)
        for pen in contrast_pens():
            painter.setPen(pen)
            painter.drawLine(line)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 190), 1))
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(line.center(), 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for name, side, corner in zip(self.names, sides, corners, strict=True):
            self._draw_name(painter, name, side, corner)

    @property
    def overview_overlays(self) -> tuple[Overlay, ...]:
        return self.overlays[:1]

    @property
    def overlays_at_cursor(self) -> tuple[Overlay, ...]:
        cursor = self.camera.cursor
        first = cursor is None or self.is_first_side(self.camera.to_view(cursor))
        return self.overlays[:1] if first else self.overlays[1:]

    def _draw_name(self, painter: QPainter, name: str, side: QRectF, corner: Qt.AlignmentFlag) -> None:
        """Draw `name` in the corner of its side next to the divider, if there is room."""
        size = self.fontMetrics().size(0, name) + QSize(10, 2)
        inside = side.adjusted(6, 6, -6, -6).toRect()
        box = QStyle.alignedRect(Qt.LayoutDirection.LeftToRight, corner, size, inside)
        if self.rect().contains(box):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 150))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor("#ffffff"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)

    def _across(self, at: QPointF) -> float:
        """The coordinate of `at` in the direction in which the divider moves."""
        return at.x() if self.vertical else at.y()

    def _is_near_divider(self, at: QPointF) -> bool:
        return abs(self._across(at) - self.divider) <= GRAB_DISTANCE

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() is Qt.MouseButton.LeftButton and not self.camera.pan_override
        self._dragging_divider = left and self._is_near_divider(self.mouse_position(event))
        if not self._dragging_divider:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self.mouse_position(event)
        if self._dragging_divider:
            self.move_divider(self._across(at) / (self.width() if self.vertical else self.height()))
            return
        super().mouseMoveEvent(event)
        if not event.buttons() and self._is_near_divider(at):
            self.setCursor(Qt.CursorShape.SplitHCursor if self.vertical else Qt.CursorShape.SplitVCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._dragging_divider:
            super().mouseReleaseEvent(event)
        self._dragging_divider = False


class DifferenceCanvas(ImageCanvas):
    """Draws the colour scale of the difference `shown` and marks the `value` under the cursor on it."""

    shown: Difference | None = None
    value: float | None = None

    def paint_over(self, painter: QPainter) -> None:
        shown, theme, line = self.shown, current_theme(), self.fontMetrics().height()
        if shown is None or not self.overlays or self.width() <= SCALE_SIZE[0] + 4 * MARGIN:
            return
        low, high = shown.bounds
        card = QRectF(MARGIN, self.height() - line - 28, SCALE_SIZE[0] + 2 * MARGIN, line + 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.panel))
        painter.setOpacity(0.85)
        painter.drawRoundedRect(card, 4, 4)
        painter.setOpacity(1)
        bar = QRectF(card.left() + MARGIN, card.top() + 7, *SCALE_SIZE)
        ramp = colourise(np.linspace(low, high, 256)[None], shown.lut, low, high)
        painter.drawImage(bar, qimage_from_array(ramp))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawRect(bar)
        painter.setPen(QColor(theme.text))
        below = QRectF(bar.left() - 4, bar.bottom() + 2, bar.width() + 8, line)
        aligned = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for value, where in zip((low, (low + high) / 2, high), aligned, strict=True):
            painter.drawText(below, where, f"{value:.4g}".replace("-", "−"))
        if self.value is not None:
            x = bar.left() + bar.width() * min(1.0, max(0.0, (self.value - low) / (high - low)))
            tip = QPointF(x, bar.top() + 1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.text))
            painter.drawPolygon(QPolygonF([tip, tip + QPointF(-4, -6), tip + QPointF(4, -6)]))
