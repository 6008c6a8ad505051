"""How often each affinity occurs in the rows shown, as outlines in the models' colours."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.inspect.features import Row
from fakd_gui.theme import current_theme

BINS = 48


class RowHistogram(QWidget):
    """Shares of positions per affinity; every row is scaled alike, so that heights can be compared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, Row]] = []
        self.setToolTip("How often each affinity occurs in the maps shown (height: root of the share)")
        self.setAccessibleName("Histogram of the affinities")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(220, 62)

    def show_rows(self, rows: list[tuple[str, Row]]) -> None:
        """`rows` are (colour, affinities)."""
        self._rows = rows
        self.update()

    def shares(self, row: Row) -> np.ndarray:
        """The share of positions in each of `BINS` bins over -1..1."""
        counts, _ = np.histogram(row, bins=BINS, range=(-1, 1))
        return np.asarray(counts / max(1, row.size))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        plot = QRectF(1, 1, self.width() - 2, self.height() - line - 2)
        painter.fillRect(plot, QColor(theme.panel))
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawRect(plot)
        text = QRectF(0, plot.bottom() + 1, self.width(), line)
        painter.setPen(QColor(theme.muted))
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft, "−1")
        painter.drawText(text, Qt.AlignmentFlag.AlignHCenter, "0")
        painter.drawText(text, Qt.AlignmentFlag.AlignRight, "1")
        heights = [(colour, self.shares(row)) for colour, row in self._rows]
        # The root keeps rare affinities visible beside a peak at 1.
        top = max((float(np.sqrt(share.max())) for _, share in heights), default=1.0) or 1.0
        for colour, share in heights:
            edges = np.linspace(plot.left(), plot.right(), BINS + 1)
            levels = plot.bottom() - np.sqrt(share) / top * (plot.height() - 4)
            outline = QPolygonF()
            for index, level in enumerate(levels):
                outline.append(QPointF(edges[index], level))
                outline.append(QPointF(edges[index + 1], level))
            painter.setPen(QPen(QColor(colour), 1.5))
            painter.drawPolyline(outline)
