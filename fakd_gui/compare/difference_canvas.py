"""A canvas with a difference and its colour scale in a corner."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from fakd_gui.compare.difference import Difference
from fakd_gui.widgets.convert import colourise, qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.theme import current_theme

SCALE_SIZE = (150, 9)
MARGIN = 8


class DifferenceCanvas(ImageCanvas):
    """Draws the colour scale of the difference `shown` and marks the `value` under the cursor on it."""

    shown: Difference | None = None
    value: float | None = None

    def paint_overlays(self, painter: QPainter) -> None:
        super().paint_overlays(painter)
        if self.shown is not None and self.overlays and self.width() > SCALE_SIZE[0] + 4 * MARGIN:
            self._draw_scale(painter, self.shown)

    def _draw_scale(self, painter: QPainter, shown: Difference) -> None:
        theme, line = current_theme(), self.fontMetrics().height()
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
