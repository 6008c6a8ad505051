"""One plot with its legend: zoomed and moved with the mouse, read at the cursor."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QMargins, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fakd_gui.train.curves import Curve, Line
from fakd_gui.train.readout import Readout, format_legend
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import Theme, style_plot

Level = tuple[str, float, str]
"""The name, value and colour of a horizontal line, as the teacher's PSNR."""


class StepView(pg.ViewBox):
    """The wheel zooms along the steps (with Ctrl both axes), drag pans, Shift+drag selects a rectangle."""

    range_changed = Signal()
    """The user chose another range."""
    fit_requested = Signal()
    clicked_at = Signal(float)
    """The step at which the user clicked."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.disableAutoRange()
        self.x_is_manual = self.y_is_manual = False
        """True once the user chose the range; until then it follows the data."""

    def wheelEvent(self, event: object, axis: int | None = None) -> None:
        ctrl = event.modifiers() & Qt.KeyboardModifier.ControlModifier  # type: ignore[attr-defined]
        if axis is None and not ctrl:
            axis = 0
        self._set_manual(x=axis != 1, y=axis != 0)
        self.updateMatrix()  # Otherwise several wheel events between two repaints zoom at a wrong place.
        super().wheelEvent(event, axis)
        self.range_changed.emit()

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        selecting = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)  # type: ignore[attr-defined]
        self.state["mouseMode"] = self.RectMode if selecting else self.PanMode
        if axis is None and not self.y_is_manual and not selecting:
            axis = 0  # Vertically the range follows the data.
        self.updateMatrix()
        super().mouseDragEvent(event, axis)
        if not selecting or event.isFinish():  # type: ignore[attr-defined]
            self._set_manual(x=axis != 1, y=axis != 0)
            self.range_changed.emit()

    def mouseClickEvent(self, event: object) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        event.accept()  # type: ignore[attr-defined]
        if event.double():  # type: ignore[attr-defined]
            self.fit_requested.emit()
        else:
            self.clicked_at.emit(self.mapSceneToView(event.scenePos()).x())  # type: ignore[attr-defined]

    def _set_manual(self, *, x: bool, y: bool) -> None:
        self.x_is_manual |= x
        self.y_is_manual |= y


class _Canvas(pg.PlotWidget):
    """Measures the time of its last repaint."""

    paint_seconds = 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        started = time.perf_counter()
        super().paintEvent(event)
        self.paint_seconds = time.perf_counter() - started


class PlotCard(QWidget):
    """A plot of `Line`s; the legend beside the title lists those of the shown run."""

    hovered = Signal(object)
    """The step under the cursor, or None."""
    toggled = Signal(str)
    """The key of a curve whose legend entry was clicked."""

    def __init__(self, title: str, *, tip: str, digits: str) -> None:
        """Make an empty plot; `digits` is the format of values, such as '.3f'."""
        super().__init__()
        self.name = title
        self._digits = digits
        self.log = False
        self._lines: Sequence[Line] = ()
        self._levels: Sequence[Level] = ()
        self._hidden: frozenset[str] = frozenset()
        self._at: float | None = None
        self.curves: defaultdict[tuple[str, str], Curve] = defaultdict(lambda: Curve(self.plot))
        """By the name of an overlaid run and the key of the line."""
        self.level_lines: list[pg.InfiniteLine] = []
        self.readout = wrapped_label(
            textFormat=Qt.TextFormat.RichText, accessibleName=f"{title}: newest values", toolTip=tip
        )
        self.readout.linkActivated.connect(self.toggled)
        self.view = StepView()
        self.widget = _Canvas(viewBox=self.view)
        for widget in (self.widget, self.widget.viewport()):
            widget.setAcceptDrops(False)
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.widget.setMinimumSize(150, 70)
        self.plot: pg.PlotItem = self.widget.getPlotItem()
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.plot.hideButtons()
        self._axes = [self.plot.getAxis(side) for side in ("left", "bottom")]
        for axis in self._axes:
            axis.enableAutoSIPrefix(False)
            # Minor grid lines cost more time than all curves.
            axis.setStyle(maxTickLevel=0, showValues=False)
        # The same width in all plots, so that their steps line up.
        self._axes[0].setWidth(self.fontMetrics().horizontalAdvance("0.0000") + 14)
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.mark = pg.InfiniteLine(angle=90, movable=False)
        for line in (self.cursor, self.mark):
            line.hide()
            self.plot.addItem(line, ignoreBounds=True)
        self.infinities = pg.ScatterPlotItem(symbol="t1", size=9)
        """Triangles at the upper edge where a value is infinite."""
        self.infinities.setEnabled(False)  # Clicks are for the plot.
        self.plot.addItem(self.infinities, ignoreBounds=True)
        self.box = Readout(self.widget)
        self.widget.scene().sigMouseMoved.connect(self._mouse_moved)
        self.widget.viewport().installEventFilter(self)
        layout = QVBoxLayout(self, contentsMargins=QMargins(4, 0, 0, 0), spacing=2)
        layout.addWidget(self.readout)
        layout.addWidget(self.widget, 1)

    # -- drawing -------------------------------------------------------------------------------------

    def set_lines(self, lines: Sequence[Line], levels: Sequence[Level], hidden: frozenset[str]) -> None:
        """Set what to draw; lines with a key in `hidden` appear in the legend only."""
        self._lines, self._hidden = lines, hidden
        if levels != self._levels:
            self._levels = levels
            self._make_levels()
        for axis in self._axes:
            axis.setStyle(showValues=bool(lines or levels))

    @property
    def shown(self) -> list[Line]:
        return [line for line in self._lines if line.key not in self._hidden]

    def draw(self, left: float, right: float) -> None:
        """Draw the steps from `left` to `right`."""
        shown = {(line.run, line.key): line for line in self.shown}
        for identity in self.curves.keys() - shown.keys():
            self.curves.pop(identity).remove()
        if self.view.viewRange()[0] != [left, right]:
            self.view.setXRange(left, right, padding=0)
        width = round(self.view.width())
        values = [
            value
            for identity, line in shown.items()
            for value in self.curves[identity].draw(line, view=(left, right), width=width, log=self.log)
        ]
        if not self.view.y_is_manual:
            self._fit(values)
        self._mark_infinities(left, right)
        self._write_legend()

    def set_log(self, on: bool) -> None:
        self.log = on
        self._axes[0].setLogMode(on)

    def _mark_infinities(self, left: float, right: float) -> None:
        bottom, top = self.view.viewRange()[1]
        places = [
            {"pos": (step, top - 0.04 * (top - bottom)), "brush": line.colour, "pen": line.colour}
            for line in self.shown
            for step in line.infinite(left, right)
        ]
        self.infinities.setData(places)

    def _fit(self, values: Sequence[float]) -> None:
        levels = [value for _, value, _ in self._levels if math.isfinite(value)]
        if not (values or levels):
            return
        low, high = min((*values, *levels)), max((*values, *levels))
        # The labels of levels need room outside of them.
        share, minimum = (0.3, 0.01 * abs(high) + 1e-9) if levels else (0.06, 0.005 * abs(high) + 1e-12)
        margin = max(share * (high - low), minimum)
        self.view.setYRange(low - margin, high + margin, padding=0)

    def _make_levels(self) -> None:
        for line in self.level_lines:
            self.plot.removeItem(line)
        self.level_lines.clear()
        # Labels above the higher and below the lower level, away from the curve between them.
        finite = (level for level in self._levels if math.isfinite(level[1]))
        ordered = sorted(finite, key=lambda level: level[1])
        for index, (name, value, colour) in enumerate(ordered):
            above = index == len(ordered) - 1 and len(ordered) > 1
            line = pg.InfiniteLine(
                value,
                angle=0,
                pen=pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DotLine),
                label=f"{name} {value:{self._digits}}",
                labelOpts={
                    "position": 0.03,
                    "color": colour,
                    "anchors": [(0, 1), (0, 1)] if above else [(0, 0), (0, 0)],
                },
            )
            self.plot.addItem(line, ignoreBounds=True)
            self.level_lines.append(line)

    def apply_theme(self, theme: Theme) -> None:
        style_plot(self.plot, theme)
        self.cursor.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))
        self.mark.setPen(pg.mkPen(theme.text, width=1))
        self._write_legend()

    # -- reading -------------------------------------------------------------------------------------

    def read_at(self, step: float | None) -> None:
        """Show the values at `step` in the legend; None shows the newest."""
        self._at = step
        self.cursor.setVisible(step is not None)
        if step is not None:
            self.cursor.setPos(step)
        self._write_legend()

    def set_mark(self, step: int | None) -> None:
        """Mark `step` with a vertical line; None removes the mark."""
        self.mark.setVisible(step is not None)
        if step is not None:
            self.mark.setPos(step)

    def nearest(self, step: float) -> int | None:
        """The step nearest to `step` at which the shown run has a point."""
        found = [float(line.steps[line.nearest(step)]) for line in self.shown if not line.run]
        return int(min(found, key=lambda one: abs(one - step))) if found else None

    def _write_legend(self) -> None:
        own = [line for line in self._lines if not line.run]
        text = format_legend(self.name, own, hidden=self._hidden, at=self._at, digits=self._digits)
        # No line can show these levels.
        infinite = [f"{name} ∞" for name, value, _ in self._levels if value == math.inf]
        self.readout.setText(" &nbsp; ".join([text, *infinite]))

    def _mouse_moved(self, position: QPointF) -> None:
        if not self.view.sceneBoundingRect().contains(position):
            self._leave()
            return
        step = self.nearest(self.view.mapSceneToView(position).x())
        if step is None:
            return
        self.hovered.emit(float(step))
        at = self.widget.mapFromScene(position)
        self.box.show_values(step, self.shown, digits=self._digits, at=at)

    def _leave(self) -> None:
        if self._at is not None:
            self.box.hide()
            self.hovered.emit(None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Leave:
            self._leave()
        return super().eventFilter(watched, event)
