"""The curves of a run: loss parts and validation PSNR, every point kept, redrawn at most every 100 ms."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from fakd_gui.theme import Theme, current_theme, follow_theme, style_plot
from fakd_gui.train.series import TOTAL, RunSeries
from fakd_gui.train.trace import Trace

REDRAW_MS = 100
REDRAW_SHARE = 0.2
"""A long run's redraws may take this share of the time; then they come less often."""
DEFAULT_SMOOTHING = 60
THICK_UP_TO = 400
"""Points. Qt takes seconds to stroke a longer jagged line that is antialiased and wider than one pixel."""
SIDE_BY_SIDE_WIDTH = 620
"""From this width on the two plots stand beside each other."""


class PlotCard(QWidget):
    """A titled plot; the values at the cursor stand beside the title."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(title)
        self.title.setProperty("role", "heading")
        self.readout = QLabel()
        self.readout.setProperty("role", "muted")
        self.readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.widget = pg.PlotWidget()
        self.widget.setAcceptDrops(False)
        self.widget.viewport().setAcceptDrops(False)
        self.widget.setMinimumSize(180, 110)
        self.plot: pg.PlotItem = self.widget.getPlotItem()
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self.plot.getAxis("bottom").enableAutoSIPrefix(False)
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.cursor.hide()
        self.plot.addItem(self.cursor, ignoreBounds=True)
        self.show_numbers(False)
        header = QHBoxLayout()
        header.setContentsMargins(4, 0, 4, 0)
        header.addWidget(self.title)
        header.addWidget(self.readout, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(header)
        layout.addWidget(self.widget, 1)

    def show_numbers(self, there: bool) -> None:
        """Numbers on the axes mean nothing before there are values."""
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setStyle(showValues=there)

    def apply_theme(self, theme: Theme) -> None:
        style_plot(self.plot, theme)
        self.cursor.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))


class RunPlots(QWidget):
    """Shows a `RunSeries`; call `refresh` whenever it grew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series = RunSeries()
        self.curves: dict[str, pg.PlotDataItem] = {}
        self._traces: dict[str, Trace] = {}
        self._levels: list[pg.InfiniteLine] = []
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self.loss = PlotCard("Loss")
        self.loss.title.setToolTip(
            "Loss by step, images on the 0..255 scale; curves are smoothed, figures are not"
        )
        self.psnr = PlotCard("Validation PSNR (dB)")
        self.psnr.title.setToolTip(
            "PSNR by step: mean over the held-out images, on luma, by the papers' protocol"
        )
        self._hovered: int | None = None
        self.student_curve = self.psnr.plot.plot(symbol="o", symbolSize=6)
        self.student_curve.curve.setSegmentedLineMode("on")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(DEFAULT_SMOOTHING)
        self.smoothing.setMinimumWidth(30)
        self.smoothing.setMaximumWidth(110)
        self.smoothing.setToolTip("Smoothing: weight of the past in the moving average, 0 to 0.99")
        self.smoothing.setAccessibleName("Smoothing")
        self._smoothing_value = QLabel()
        self._smoothing_value.setFixedWidth(self.fontMetrics().horizontalAdvance("0.00") + 4)
        self.log_axis = QCheckBox("&Log axis")
        self.log_axis.setToolTip("Logarithmic loss axis")
        self.weighted = QCheckBox("&Weighted")
        self.weighted.setChecked(True)
        self.weighted.setToolTip("On: every part as it enters the total. Off: every part before its weight.")
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.loss)
        self._splitter.addWidget(self.psnr)
        self._splitter.setSizes([600, 400])
        self._lay_out()
        self.smoothing.valueChanged.connect(self._smooth_anew)
        self.weighted.toggled.connect(self._smooth_anew)
        self.log_axis.toggled.connect(self._set_log)
        for card in (self.loss, self.psnr):
            card.widget.scene().sigMouseMoved.connect(lambda position, card=card: self._hover(card, position))
            card.widget.viewport().installEventFilter(self)
        follow_theme(self, self._apply_theme)

    def show_series(self, series: RunSeries) -> None:
        """Show another run."""
        self.series = series
        for curve in self.curves.values():
            self.loss.plot.removeItem(curve)
        self.curves.clear()
        self._traces.clear()
        for card in (self.loss, self.psnr):
            card.plot.enableAutoRange()
            card.cursor.hide()
            card.readout.clear()
        self._hovered = None
        self._show_levels()
        self.redraw()

    def refresh(self) -> None:
        """Redraw soon; many calls in between cost one redraw."""
        if not self._timer.isActive():
            self._timer.start()

    def levels_changed(self) -> None:
        """The bicubic's and the teacher's PSNR became known."""
        self._show_levels()
        self.refresh()

    def redraw(self) -> None:
        begun = time.perf_counter()
        self._draw_losses()
        self._draw_validation()
        taken = 1000 * (time.perf_counter() - begun)
        self._timer.setInterval(min(max(REDRAW_MS, round(taken / REDRAW_SHARE)), 1000))

    def _draw_losses(self) -> None:
        theme = current_theme()
        shown = self._shown()
        self.loss.show_numbers(bool(self.series.step))
        for name in [name for name in self.curves if name not in shown]:
            self.loss.plot.removeItem(self.curves.pop(name))
        steps = self._trace("step", 0).take(self.series.step)
        for name, values in shown.items():
            if name not in self.curves:
                self.curves[name] = self._new_curve(name)
            averages = self._trace(f"{name} average", self.smoothing.value() / 100).take(values)
            self.curves[name].setData(steps[: len(averages)], averages)
            pen = self._pen(name, theme)
            if self.curves[name].opts["pen"].widthF() != pen.widthF():
                self.curves[name].setPen(pen)
        self._read_losses()

    def _read_losses(self) -> None:
        """The legend: every part in its colour with its value under the cursor, else with the newest."""
        theme = current_theme()
        count = len(self.series.step)
        index = count - 1 if self._hovered is None else min(self._hovered, count - 1)
        if index < 0:
            self.loss.readout.clear()
            return
        digits = 3 if self._hovered is None else 4
        values = {name: values[index] for name, values in self._shown().items()}
        parts = [
            f"<span style='color: {self._colour(name, theme)}'>&#9632; {name}&nbsp;{value:#.{digits}g}</span>"
            for name, value in values.items()
        ]
        step = "" if self._hovered is None else f"step {self.series.step[index]:,} &nbsp; "
        self.loss.readout.setText(step + " &nbsp; ".join(parts))
        self.loss.readout.setToolTip(
            f"Step {self.series.step[index]:,}, not smoothed, learning rate {self.series.lr[index]:.2g}"
        )

    def _draw_validation(self) -> None:
        series = self.series
        self.student_curve.setData(np.asarray(series.validation_step), np.asarray(series.psnr))
        levels = [scores.psnr for scores in (series.bicubic, series.teacher) if scores]
        self.psnr.show_numbers(bool(levels or series.psnr))
        if levels:
            low, high = min(levels + series.psnr), max(levels + series.psnr)
            margin = max(0.3 * (high - low), 0.1)  # room for the labels outside the two levels
            self.psnr.plot.setYRange(low - margin, high + margin, padding=0)
        if series.steps:
            self.psnr.plot.setXRange(0, series.steps, padding=0.04)

    def _trace(self, name: str, weight: float) -> Trace:
        return self._traces.setdefault(name, Trace(weight))

    def _smooth_anew(self) -> None:
        self._smoothing_value.setText(f"{self.smoothing.value() / 100:.2f}")
        self._traces.clear()
        self.refresh()

    def _shown(self) -> Mapping[str, list[float]]:
        return self.series.weighted if self.weighted.isChecked() else self.series.raw

    def _show_levels(self) -> None:
        for line in self._levels:
            self.psnr.plot.removeItem(line)
        self._levels.clear()
        theme = current_theme()
        for name, scores, colour, anchors in (
            ("bicubic", self.series.bicubic, theme.bicubic, [(0, 0), (0, 0)]),
            ("teacher", self.series.teacher, theme.teacher, [(0, 1), (0, 1)]),
        ):
            if scores is None:
                continue
            line = pg.InfiniteLine(
                scores.psnr,
                angle=0,
                pen=pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashLine),
                label=f"{name} {scores.psnr:.2f}",
                labelOpts={"position": 0.03, "color": colour, "anchors": anchors},
            )
            self.psnr.plot.addItem(line)
            self._levels.append(line)

    def _set_log(self, on: bool) -> None:
        self.loss.plot.setLogMode(y=on)
        self.refresh()

    def _hover(self, card: PlotCard, position: object) -> None:
        where = card.plot.vb.mapSceneToView(position).x()
        steps = self.series.step if card is self.loss else self.series.validation_step
        if not steps:
            return
        index = int(np.abs(np.asarray(steps) - where).argmin())
        card.cursor.setPos(steps[index])
        card.cursor.show()
        if card is self.psnr:
            card.readout.setText(
                f"step {steps[index]:,}: {self.series.psnr[index]:.3f} dB, SSIM {self.series.ssim[index]:.4f}"
            )
            return
        self._hovered = index
        self._read_losses()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Leave:
            for card in (self.loss, self.psnr):
                card.cursor.hide()
            self.psnr.readout.clear()
            self._hovered = None
            self._read_losses()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: object) -> None:
        beside = self.width() >= SIDE_BY_SIDE_WIDTH
        wanted = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self._splitter.orientation() is not wanted:
            self._splitter.setOrientation(wanted)

    def _new_curve(self, name: str) -> pg.PlotDataItem:
        curve = self.loss.plot.plot(pen=self._pen(name, current_theme()))
        curve.setDownsampling(auto=True, method="peak")
        curve.opts["autoDownsampleFactor"] = 1.0  # Two points a pixel column show every peak.
        curve.setClipToView(True)
        curve.curve.setSegmentedLineMode("on")
        return curve

    def _pen(self, name: str, theme: Theme) -> QPen:
        thick = len(self.series.step) <= THICK_UP_TO
        pen = pg.mkPen(self._colour(name, theme), width=1.5 if thick else 1)
        # Lines are drawn piece by piece; any other cap leaves a bead on every joint.
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        return pen

    def _colour(self, name: str, theme: Theme) -> str:
        return theme.total if name == TOTAL else theme.part_colour(name)

    def _apply_theme(self, theme: Theme) -> None:
        for card in (self.loss, self.psnr):
            card.apply_theme(theme)
        for name, curve in self.curves.items():
            curve.setPen(self._pen(name, theme))
        self.student_curve.setPen(pg.mkPen(theme.student, width=2))
        self.student_curve.setSymbolBrush(theme.student)
        self.student_curve.setSymbolPen(theme.student)
        self._show_levels()
        self._read_losses()

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setContentsMargins(4, 0, 4, 0)
        tools.setSpacing(8)
        name = QLabel("S&moothing")
        name.setBuddy(self.smoothing)
        for widget in (name, self.smoothing, self._smoothing_value, self.log_axis, self.weighted):
            tools.addWidget(widget)
        tools.addStretch()
        self._smoothing_value.setText(f"{DEFAULT_SMOOTHING / 100:.2f}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(tools)
        layout.addWidget(self._splitter, 1)
