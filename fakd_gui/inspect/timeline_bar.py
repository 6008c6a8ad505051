"""The line that goes through a run's checkpoints and follows the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMargins, QPointF, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QAction, QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.inspect.controls import action_button, combo_box
from fakd_gui.inspect.loss_chart import StudentLosses, largest_loss
from fakd_gui.inspect.timeline import Timeline
from fakd_gui.session.session import Session
from fakd_gui.widgets.image_tools import set_icon
from fakd_gui.widgets.snap_slider import SnapSlider
from fakd_gui.widgets.theme import current_theme


class LossCurve(QWidget):
    """The SA loss at the layer shown by checkpoint, from 0 up; a click goes to the nearest one."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(
            cursor=Qt.CursorShape.PointingHandCursor,
            accessibleName="SA loss over the checkpoints",
            minimumWidth=60,
            maximumWidth=320,
        )
        self._timeline = timeline
        self.histories: Sequence[StudentLosses] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(140, 30)

    def show_histories(self, histories: Sequence[StudentLosses]) -> None:
        self.histories, step = histories, self._timeline.step
        shown = [
            f"{history.label}: {history.losses[step].value:.4f} at step {step:,}"
            for history in histories
            if step in history.losses
        ]
        tip = "SA loss at the layer shown, by checkpoint; estimated on a lattice of positions"
        self.setToolTip("\n".join([tip, *shown]))
        self.setAccessibleDescription("; ".join(shown))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.setBrush(QColor(theme.panel))
        painter.drawRoundedRect(area, 3, 3)
        if self._timeline.step is None:
            return
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DotLine))
        x = self._x(self._timeline.step)
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        largest = largest_loss(self.histories)
        for history in self.histories:
            points = [
                QPointF(self._x(step), area.bottom() - 4 - loss.value / largest * (area.height() - 8))
                for step, loss in sorted(history.losses.items())
            ]
            painter.setPen(QPen(QColor(history.colour), 1.5))
            painter.drawPolyline(points)
            painter.setPen(QPen(QColor(history.colour), 4.4, c=Qt.PenCapStyle.RoundCap))
            painter.drawPoints(points)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if steps := self._timeline.steps:
            x = event.position().x()
            self._timeline.go_to(min(steps, key=lambda step: abs(self._x(step) - x)))

    def _x(self, step: int) -> float:
        first, last = self._timeline.steps[0], self._timeline.steps[-1]
        share = (step - first) / (last - first) if last > first else 0.5
        return 7 + share * (self.width() - 14)


class TimelineBar(QWidget):
    """Shows a `Timeline`; hidden while there is no run to choose."""

    def __init__(self, timeline: Timeline, session: Session, *, follow: QAction) -> None:
        super().__init__()
        self.timeline = timeline
        self._session = session
        self._has_room = True
        tip = "The run whose checkpoints are inspected: its student at earlier steps"
        self.runs = combo_box("Run whose checkpoints are inspected", tip, min_characters=7)
        self.runs.activated.connect(lambda _: timeline.set_run(self.runs.currentData()))
        self.slider = SnapSlider("Checkpoint")
        self.slider.setToolTip("The checkpoint that is inspected")
        self.slider.setMinimumWidth(60)
        self.slider.valueChanged.connect(lambda index: timeline.go_to(timeline.steps[index]))
        self.step = QLabel(minimumWidth=self.fontMetrics().horizontalAdvance("step 000,000"))
        self.curve = LossCurve(timeline)
        self.survey = QToolButton(
            toolTip="Compute the SA loss of every checkpoint, for the curve",
            accessibleName="Compute the SA loss of every checkpoint",
            focusPolicy=Qt.FocusPolicy.TabFocus,
        )
        set_icon(self.survey, "chart-line-variant")
        self.follow = action_button(follow)
        layout = QHBoxLayout(self, contentsMargins=QMargins())
        for widget, stretch in ((QLabel("Checkpoints"), 0), (self.runs, 0), (self.slider, 2), (self.step, 0)):
            layout.addWidget(widget, stretch)
        layout.addWidget(self.curve, 2)
        layout.addWidget(self.survey)
        layout.addStretch()
        layout.addWidget(self.follow)
        timeline.changed.connect(self.show_timeline)
        for signal in (session.runs_changed, session.training_started, session.training_finished):
            signal.connect(lambda _: self.show_timeline())
        self.show_timeline()

    def show_timeline(self) -> None:
        """Offer the runs, and show the checkpoint of the chosen one."""
        timeline = self.timeline
        runs: list[Path] = list(self._session.runs)
        if timeline.run is not None and timeline.run not in runs:
            runs.insert(0, timeline.run)
        self.setVisible(bool(runs))
        self.runs.clear()
        self.runs.addItem("none", None)
        for run in runs:
            self.runs.addItem(run.name, run)
        self.runs.setCurrentIndex(0 if timeline.run is None else 1 + runs.index(timeline.run))
        steps = timeline.steps
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(steps) - 1))
            if timeline.step in steps:
                self.slider.setValue(steps.index(timeline.step))
        self.slider.setVisible(bool(steps))
        for widget in (self.curve, self.survey):
            widget.setVisible(bool(steps) and self._has_room)
        self.step.setVisible(timeline.run is not None)
        self.step.setText("no checkpoints yet" if timeline.step is None else f"step {timeline.step:,}")

    def show_curve(self, on: bool) -> None:
        """Show the losses of the checkpoints, or leave them out where there is no room."""
        if on != self._has_room:
            self._has_room = on
            self.show_timeline()
