"""Draws lines of any length into a plot, each reduced to what its pixels can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from fakd_gui.train.smoothing import Values

MAX_THICK_POINTS = 400
"""Qt is slow at longer jagged lines that are antialiased and wider than one pixel."""
MAX_PATH_POINTS = 60
"""Points drawn as one path, with proper joints and dashes; longer lines are drawn segment by segment."""
DASHES = ((7.0, 4.0), (2.0, 3.0), (12.0, 4.0), (4.0, 7.0))
"""Pixels drawn and skipped; each overlaid run has one of these patterns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """One curve of one run with at least one point: `values` are drawn, `exact` are not smoothed."""

    key: str
    """The name of a loss, the name of a student, or "lr"."""
    label: str
    colour: str
    steps: Values
    values: Values
    exact: Values
    run: str = ""
    """The name of an overlaid run; empty for the shown one."""
    dash: int | None = None
    """Index into `DASHES`; None for a solid line."""
    marked: bool = False
    """With a dot at each point."""

    def nearest(self, step: float) -> int:
        """The index of the point nearest to `step`."""
        after = int(np.searchsorted(self.steps, step))
        near = [index for index in (after - 1, after) if 0 <= index < len(self.steps)]
        return min(near, key=lambda index: abs(float(self.steps[index]) - step))

    def infinite(self, left: float, right: float) -> Values:
        """The steps from `left` to `right` at which the value is infinite: a PSNR of equal images."""
        steps = self.steps[np.isposinf(self.exact)]
        return steps[(steps >= left) & (steps <= right)]

    def at(self, step: float) -> int | None:
        """The index of the point nearest to `step`; None if `step` is well beyond the ends."""
        best = self.nearest(step)
        spacing = (self.steps[-1] - self.steps[0]) / max(len(self.steps) - 1, 1)
        return best if abs(self.steps[best] - step) <= max(float(spacing), 1.0) else None


def reduce_points(
    steps: Values, values: Values, *, left: float, right: float, width: int
) -> tuple[Values, Values]:
    """The points between the steps `left` and `right`, and one beyond each end.

    Many points are reduced to the minimum and the maximum in each of `width` pixel columns: no peak is lost.
    """
    first = max(int(np.searchsorted(steps, left)) - 1, 0)
    last = min(int(np.searchsorted(steps, right, "right")) + 1, len(steps))
    steps, values = steps[first:last], values[first:last]
    if len(steps) <= 2 * width:
        return steps, values
    starts = np.unique(np.searchsorted(steps, np.linspace(left, right, width + 1)))
    starts = starts[(starts > 0) & (starts < len(steps))]
    starts = np.concatenate(([0], starts))
    pairs = np.empty(2 * len(starts))
    pairs[0::2] = np.fmin.reduceat(values, starts)
    pairs[1::2] = np.fmax.reduceat(values, starts)
    return np.repeat(steps[starts], 2), pairs


class Curve:
    """The items that draw one line into a plot; they change only if the line does."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self.item = pg.PlotCurveItem(antialias=True)
        self.dots = pg.ScatterPlotItem(useCache=False)
        self.dots.setEnabled(False)  # Clicks are for the plot.
        self._style: tuple[object, ...] = ()
        self._x: Values = np.empty(0)
        self._y = self._x
        for item in (self.item, self.dots):
            plot.addItem(item, ignoreBounds=True)

    def remove(self) -> None:
        for item in (self.item, self.dots):
            self._plot.removeItem(item)

    def draw(self, line: Line, *, view: tuple[float, float], width: int, log: bool) -> tuple[float, ...]:
        """Draw the points between the two steps `view` on `width` pixels.

        Returns:
            The smallest and the largest value in view, in the (perhaps logarithmic) coordinates of the plot;
            nothing if there is none.
        """
        x, y = reduce_points(line.steps, line.values, left=view[0], right=view[1], width=max(width, 1))
        if log:
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.log10(y)
        y = np.where(np.isfinite(y), y, np.nan)
        style = (line.colour, line.dash, line.marked, view, width)
        if style != self._style or not (np.array_equal(x, self._x) and np.array_equal(y, self._y, True)):
            self._style, self._x, self._y = style, x.copy(), y.copy()
            self.item.setZValue(0 if line.run else 1)
            self._draw_stroke(line, x, y, view=view, width=width)
            if line.marked:
                self._draw_dots(line, x, y)
        inside = y[(x >= view[0]) & (x <= view[1]) & np.isfinite(y)]
        return (float(inside.min()), float(inside.max())) if len(inside) else ()

    def _draw_stroke(
        self, line: Line, x: Values, y: Values, *, view: tuple[float, float], width: int
    ) -> None:
        few = len(x) <= MAX_PATH_POINTS
        pen = pg.mkPen(line.colour, width=1.5 if len(x) <= MAX_THICK_POINTS else 1)
        # Segments are drawn one by one; any other cap leaves a bead on every joint.
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        connect: str | npt.NDArray[np.bool_] = "finite"
        if line.dash is not None:
            drawn, skipped = DASHES[line.dash % len(DASHES)]
            if few:
                pen.setDashPattern([drawn, skipped])
            else:
                # Qt would restart the dashes at every segment, and is slow at a whole jagged path.
                pixel = (x - view[0]) / max(view[1] - view[0], 1e-9) * width
                finite = np.isfinite(y)
                connect = (pixel % (drawn + skipped) < drawn) & finite
                connect[:-1] &= finite[1:]
        self.item.setSegmentedLineMode("off" if few else "on")
        self.item.setData(x, y, pen=pen, connect=connect)

    def _draw_dots(self, line: Line, x: Values, y: Values) -> None:
        finite = np.isfinite(y)
        colour = QColor(line.colour)
        size = 6 if len(x) <= MAX_THICK_POINTS / 4 else 3
        self.dots.setData(x[finite], y[finite], symbol="o", size=size, brush=colour, pen=colour)
        self.dots.setZValue(self.item.zValue())


def shade(colour: str, number: int, background: str) -> str:
    """A colour of the same family as `colour` for the overlaid run `number` (from 0)."""
    own, other = QColor(colour), QColor(background)
    share = (0.35, 0.15, 0.5, 0.25)[number % 4]
    mixed = [(1 - share) * a + share * b for a, b in zip(own.getRgb()[:3], other.getRgb()[:3], strict=True)]
    hue = QColor(*(round(value) for value in mixed))
    if hue.hsvHue() >= 0:
        turn = (8, -8, 16, -16)[number % 4]
        hue.setHsv((hue.hsvHue() + turn) % 360, hue.hsvSaturation(), hue.value())
    return hue.name()
