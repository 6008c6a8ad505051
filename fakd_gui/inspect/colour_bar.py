"""A colour scale with its range and a choice of fixed ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from fakd_gui.convert import Image8, colourise, qimage_from_array
from fakd_gui.theme import current_theme

Range = tuple[float, float]


def range_label(bounds: Range) -> str:
    low, high = bounds
    return f"{low:g} … {high:g}".replace("-", "−")


class ColourScale(QWidget):
    """The gradient with ticks at its ends and middle, and marks for the values under the cursor."""

    def __init__(self, lut: Callable[[], Image8], bounds: Range, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lut = lut
        self.bounds = bounds
        self.values: list[float] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, 16 + self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(90, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        low, high = self.bounds
        bar = QRectF(1, 2, self.width() - 2, 11)
        ramp = colourise(np.linspace(low, high, 256)[None], self._lut(), low, high)
        painter.drawImage(bar, qimage_from_array(ramp))
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawRect(bar)
        for value in self.values:
            x = bar.left() + bar.width() * min(1.0, max(0.0, (value - low) / (high - low)))
            for colour, width in ((QColor(0, 0, 0), 3.0), (QColor("#ffffff"), 1.2)):
                painter.setPen(QPen(colour, width))
                painter.drawLine(int(x), 0, int(x), 15)
        painter.setPen(QColor(theme.muted))
        text = QRectF(0, 15, self.width(), self.fontMetrics().height())
        aligned = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for value, where in zip((low, (low + high) / 2, high), aligned, strict=True):
            painter.drawText(text, where, f"{value:g}".replace("-", "−"))


class ColourBar(QWidget):
    """A titled `ColourScale` whose range people choose among fixed ones, never per image."""

    changed = Signal()

    def __init__(
        self, title: str, lut: Callable[[], Image8], ranges: Sequence[Range], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.scale = ColourScale(lut, ranges[0], self)
        self.choice = QComboBox(self)
        for bounds in ranges:
            self.choice.addItem(range_label(bounds), bounds)
        self.choice.setToolTip("The range of the colours: fixed, so that maps can be compared")
        self.choice.currentIndexChanged.connect(self._choose)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel(title))
        layout.addWidget(self.scale, 1)
        layout.addWidget(self.choice)

    @property
    def bounds(self) -> Range:
        return self.scale.bounds

    def mark(self, values: list[float]) -> None:
        """Show where `values` lie on the scale."""
        self.scale.values = values
        self.scale.update()

    def _choose(self, index: int) -> None:
        low, high = self.choice.itemData(index)
        self.scale.bounds = (low, high)
        self.scale.update()
        self.changed.emit()
