"""A colour scale with a choice of fixed ranges, and above it the histograms of the maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QMargins, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from fakd_core.evaluation.features import Floats
from fakd_core.events import Image8
from fakd_gui.inspect.controls import combo_box
from fakd_gui.inspect.state import Range
from fakd_gui.widgets.convert import colourise, qimage_from_array
from fakd_gui.widgets.region_box import contrast_pens
from fakd_gui.widgets.theme import current_theme, with_role

BINS = 64
PLOT, RAMP = 44, 10
"""Heights in pixels."""
SPACING = 8


@dataclass(frozen=True, eq=False)
class MapValues:
    """The values of one map, with the name and colour of its model."""

    label: str
    colour: str
    values: Floats = field(repr=False)
    digit: str = ""
    """The digit of its pane: a legend that needs no colours."""

    @property
    def mean(self) -> float:
        return float(self.values.mean())


def signed(value: float, spec: str = "z.3f") -> str:
    """`value` with a typographic minus."""
    return f"{value:{spec}}".replace("-", "−")


class ColourScale(QWidget):
    """The colours with the range's ends and middle, histograms, and marks for the values under the cursor."""

    def __init__(self, lut: Callable[[], Image8], bounds: Range, *, name: str, tip: str) -> None:
        super().__init__(accessibleName=name, toolTip=tip, minimumWidth=90)
        self._lut = lut
        self.bounds = bounds
        self.values: list[float] = []
        self.maps: list[MapValues] = []
        self._histograms: list[npt.NDArray[np.float64]] | None = None
        """Square roots of the shares; None until they are drawn."""
        self.shows_histograms = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, (PLOT if self.shows_histograms else 2) + RAMP + 2 + self.fontMetrics().height())

    def show_histograms(self, on: bool) -> None:
        self.shows_histograms = on
        self.updateGeometry()
        self.update()

    def show_maps(self, bounds: Range, maps: list[MapValues]) -> None:
        self.bounds, self.maps, self._histograms = bounds, maps, None
        self.update()

    def histogram(self, row: Floats) -> npt.NDArray[np.float64]:
        """The share of positions in each of `BINS` bins of the range; values beyond count at its ends."""
        low, high = self.bounds
        position = (row.ravel() - low) * (BINS / (high - low))
        counts = np.bincount(np.clip(position, 0, BINS - 1).astype(np.intp), minlength=BINS)
        return np.asarray(counts / max(1, row.size))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = PLOT if self.shows_histograms else 2
        bar = QRectF(1, top, self.width() - 2, RAMP)
        low, high = self.bounds
        ramp = colourise(np.linspace(low, high, 256, dtype=np.float32)[None], self._lut(), low, high)
        painter.drawImage(bar, qimage_from_array(ramp))
        if self.shows_histograms:
            self._draw_histograms(painter, QRectF(bar.left(), 1, bar.width(), top - 1))
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawRect(bar)
        for value in self.values:
            x = self._x(bar, value)
            for pen in contrast_pens(width=1.2):
                painter.setPen(pen)
                painter.drawLine(QPointF(x, bar.top() - 2), QPointF(x, bar.bottom() + 2))
        painter.setPen(QColor(theme.muted))
        text = QRectF(0, bar.bottom() + 1, self.width(), self.fontMetrics().height())
        aligned = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for value, where in zip((low, (low + high) / 2, high), aligned, strict=True):
            painter.drawText(text, where, signed(value, "g"))

    def _x(self, area: QRectF, value: float) -> float:
        low, high = self.bounds
        return area.left() + area.width() * min(1.0, max(0.0, (value - low) / (high - low)))

    def _draw_histograms(self, painter: QPainter, area: QRectF) -> None:
        theme = current_theme()
        painter.fillRect(area, QColor(theme.panel))
        # The root keeps rare values visible beside a peak; one scale for all, so that heights compare.
        if self._histograms is None:
            self._histograms = [np.sqrt(self.histogram(shown.values)) for shown in self.maps]
        peak = np.max(self._histograms, initial=0) or 1.0
        edges = np.linspace(area.left(), area.right(), BINS + 1)
        for shown, height in zip(self.maps, self._histograms, strict=True):
            levels = area.bottom() - height / peak * (area.height() - 3)
            # One step per bin: every edge twice, with the level before and after it.
            outline = pg.arrayToQPath(np.repeat(edges, 2)[1:-1], np.repeat(levels, 2))
            painter.setPen(QPen(QColor(shown.colour), 1.4))
            painter.drawPath(outline)
            painter.setPen(QPen(QColor(shown.colour), 1, Qt.PenStyle.DotLine))
            x = self._x(area, shown.mean)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))


class ColourBar(QWidget):
    """A titled `ColourScale` with a choice of fixed ranges, never fitted to an image."""

    range_chosen = Signal(float, float)

    def __init__(self, title: str, tip: str, *, lut: Callable[[], Image8], ranges: Sequence[Range]) -> None:
        super().__init__()
        self._ranges = ranges
        self.title = with_role(QLabel(title), "heading")
        self.means = with_role(QLabel(wordWrap=True), "muted")
        self.means.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        tip += (
            "\nAbove the colours: how often each value occurs (height: root of the share); dotted: "
            "the mean.\nValues beyond the range count at its ends."
        )
        self.scale = ColourScale(lut, ranges[0], name=title, tip=tip)
        tip = "Range of the colours: fixed, so that maps can be compared"
        self.choice = combo_box(f"Range of the colours: {title}", tip)
        self.choice.addItems([f"{signed(low, 'g')} … {signed(high, 'g')}" for low, high in ranges])
        self.choice.currentIndexChanged.connect(lambda index: self.range_chosen.emit(*ranges[index]))
        self._max_means = 0
        self._layout = QGridLayout(
            self, contentsMargins=QMargins(), horizontalSpacing=SPACING, verticalSpacing=2
        )
        self._layout.setColumnStretch(1, 1)
        self._layout.addWidget(self.title, 0, 0)
        self._layout.addWidget(self.means, 0, 1)
        self._layout.addWidget(self.choice, 0, 2)
        self._layout.addWidget(self.scale, 2, 0, 1, 3)

    def set_range(self, bounds: Range) -> None:
        self.choice.setCurrentIndex(self._ranges.index(bounds))
        self.scale.show_maps(bounds, self.scale.maps)

    def mark(self, values: list[float]) -> None:
        if values != self.scale.values:
            self.scale.values = values
            self.scale.update()

    def show_values(self, maps: list[MapValues], max_means: int) -> None:
        """Show the histograms and means of `maps`; room is kept for `max_means` means."""
        self.scale.show_maps(self.scale.bounds, maps)
        self._max_means = max_means
        means = " ".join(
            f"<span style='color: {shown.colour}'>&#9632;{shown.digit}</span>&nbsp;{signed(shown.mean)}"
            for shown in maps
        )
        self.means.setText(f"mean {means}" if maps else "")
        self._place_means()
        lines = "\n".join(f"{shown.label}: mean {signed(shown.mean)}" for shown in maps)
        self.means.setToolTip(lines)
        self.scale.setAccessibleDescription(lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_means()

    def _place_means(self) -> None:
        """Beside the title, or below it on as many lines as they need.

        The number of means decides, not their digits: the maps above would jump with the pixel.
        """
        metrics, count = self.fontMetrics(), self._max_means
        label, each = metrics.horizontalAdvance("mean "), metrics.horizontalAdvance("■0 −0.000 ")
        beside = self.width() - 2 * SPACING
        beside -= self.title.sizeHint().width() + self.choice.sizeHint().width()
        if label + count * each <= beside:
            lines, place = 1, (0, 1, 1, 1)
        else:
            lines, place = -(-count // max(1, (self.width() - label) // each)), (1, 0, 1, 3)
        self.means.setFixedHeight(lines * metrics.lineSpacing())
        if self._layout.getItemPosition(self._layout.indexOf(self.means)) != place:
            self._layout.addWidget(self.means, *place)
