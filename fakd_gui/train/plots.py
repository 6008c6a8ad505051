"""The curves of a run: loss parts and validation PSNR, every point kept, redrawn at most every 100 ms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
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
from fakd_gui.train.series import TOTAL, RunSeries, smooth

REDRAW_MS = 100
DEFAULT_SMOOTHING = 60
SIDE_BY_SIDE_WIDTH = 620
"""From this width on the two plots stand beside each other."""


class PlotCard(QWidget):
    """A titled plot; the values at the cursor stand beside the title."""

    def __init__(self, title: str, unit: str, parent: QWidget | None = None) -> None:
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
        self.plot.setLabel("bottom", "step")
        self.plot.setLabel("left", unit)
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self.plot.getAxis("bottom").enableAutoSIPrefix(False)
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.cursor.hide()
        self.plot.addItem(self.cursor, ignoreBounds=True)
        header = QHBoxLayout()
        header.setContentsMargins(4, 0, 4, 0)
        header.addWidget(self.title)
        header.addWidget(self.readout, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(header)
        layout.addWidget(self.widget, 1)

    def apply_theme(self, theme: Theme) -> None:
        style_plot(self.plot, theme)
        self.cursor.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))


class RunPlots(QWidget):
    """Shows a `RunSeries`; call `refresh` whenever it grew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series = RunSeries()
        self.curves: dict[str, pg.PlotDataItem] = {}
        self._levels: list[pg.InfiniteLine] = []
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self.loss = PlotCard("Loss", "loss (0..255 scale)")
        self.psnr = PlotCard("Validation", "PSNR (dB)")
        self.legend = self.loss.plot.addLegend(offset=(-8, 8), labelTextSize="9pt")
        self.student_curve = self.psnr.plot.plot(symbol="o", symbolSize=6)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(DEFAULT_SMOOTHING)
        self.smoothing.setFixedWidth(110)
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
        self.smoothing.valueChanged.connect(self.refresh)
        self.weighted.toggled.connect(self.refresh)
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
        self._show_levels()
        for card in (self.loss, self.psnr):
            card.plot.enableAutoRange()
        self.redraw()

    def refresh(self) -> None:
        """Redraw soon; many calls in between cost one redraw."""
        self._smoothing_value.setText(f"{self.smoothing.value() / 100:.2f}")
        if not self._timer.isActive():
            self._timer.start()

    def levels_changed(self) -> None:
        """The bicubic's and the teacher's PSNR became known."""
        self._show_levels()
        self.refresh()

    def redraw(self) -> None:
        theme = current_theme()
        shown = self._shown()
        for name in [name for name in self.curves if name not in shown]:
            self.loss.plot.removeItem(self.curves.pop(name))
        weight = self.smoothing.value() / 100
        for name, values in shown.items():
            if name not in self.curves:
                self.curves[name] = self.loss.plot.plot(name=name, pen=self._pen(name, theme))
                self.curves[name].setDownsampling(auto=True, method="peak")
                self.curves[name].setClipToView(True)
            self.curves[name].setData(np.asarray(self.series.step[: len(values)]), smooth(values, weight))
        self.student_curve.setData(np.asarray(self.series.validation_step), np.asarray(self.series.psnr))

    def _shown(self) -> Mapping[str, list[float]]:
        return self.series.weighted if self.weighted.isChecked() else self.series.raw

    def _show_levels(self) -> None:
        for line in self._levels:
            self.psnr.plot.removeItem(line)
        self._levels.clear()
        theme = current_theme()
        for name, scores, colour, anchors in (
            ("bicubic", self.series.bicubic, theme.bicubic, [(0, 1), (0, 1)]),
            ("teacher", self.series.teacher, theme.teacher, [(0, 0), (0, 0)]),
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
            # Unlike InfiniteLine's default, the levels count for the automatic range.
            self.psnr.plot.addItem(line)
            self._levels.append(line)
        psnrs = [scores.psnr for scores in (self.series.bicubic, self.series.teacher) if scores]
        if psnrs:
            margin = max(0.15 * (max(psnrs) - min(psnrs)), 0.1)
            self.psnr.plot.setYRange(min(psnrs) - margin, max(psnrs) + margin, padding=0)
            self.psnr.plot.enableAutoRange(y=False)
        if self.series.steps:
            self.psnr.plot.setXRange(0, self.series.steps, padding=0.02)

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
        shown = self._shown().items()
        read = [f"{name} {values[index]:.4g}" for name, values in shown if index < len(values)]
        card.readout.setText(f"step {steps[index]:,}: {', '.join(read)} · lr {self.series.lr[index]:.2g}")
        card.readout.setToolTip(card.readout.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Leave:
            for card in (self.loss, self.psnr):
                card.cursor.hide()
                card.readout.clear()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: object) -> None:
        beside = self.width() >= SIDE_BY_SIDE_WIDTH
        wanted = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self._splitter.orientation() is not wanted:
            self._splitter.setOrientation(wanted)

    def _pen(self, name: str, theme: Theme) -> object:
        if name == TOTAL:
            return pg.mkPen(theme.total, width=2)
        return pg.mkPen(theme.part_colour(name), width=1.5)

    def _apply_theme(self, theme: Theme) -> None:
        for card in (self.loss, self.psnr):
            card.apply_theme(theme)
        for name, curve in self.curves.items():
            curve.setPen(self._pen(name, theme))
        self.legend.setLabelTextColor(theme.text)
        self.legend.setBrush(pg.mkBrush(theme.panel + "d0"))
        for _, label in self.legend.items:
            label.setText(label.text, color=theme.text)
        self.student_curve.setPen(pg.mkPen(theme.student, width=2))
        self.student_curve.setSymbolBrush(theme.student)
        self.student_curve.setSymbolPen(theme.student)
        self._show_levels()

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
