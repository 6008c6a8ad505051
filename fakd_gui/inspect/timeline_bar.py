"""The line that scrubs over a run's checkpoints and follows the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from fakd_gui.inspect.controls import toggle
from fakd_gui.inspect.timeline import Timeline
from fakd_gui.session.session import Session
from fakd_gui.widgets.image_tools import set_icon
from fakd_gui.widgets.snap_slider import SnapSlider
from fakd_gui.widgets.theme import current_theme


@dataclass(frozen=True)
class LossHistory:
    """A student's SA loss by step, in its colour."""

    label: str
    colour: str
    losses: Mapping[int, float]


class LossCurve(QWidget):
    """The SA loss of the layer shown over the checkpoints, from 0 up; a click goes to the nearest one."""

    step_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: Sequence[int] = ()
        self.step: int | None = None
        self.courses: Sequence[LossHistory] = ()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(320)
        self.setAccessibleName("SA loss over the checkpoints")

    def sizeHint(self) -> QSize:
        return QSize(140, 30)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 30)

    def show_courses(self, steps: Sequence[int], step: int | None, courses: Sequence[LossHistory]) -> None:
        self.steps, self.step, self.courses = steps, step, courses
        lines = ["SA loss of the layer shown at the checkpoints, estimated on a lattice of positions"]
        for course in courses:
            if step in course.losses:
                lines.append(f"{course.label}: {course.losses[step]:.4f} at step {step:,}")
        self.setToolTip("\n".join(lines))
        self.setAccessibleDescription("; ".join(lines[1:]))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.setBrush(QColor(theme.panel))
        painter.drawRoundedRect(area, 3, 3)
        if not self.steps:
            return
        if self.step is not None:
            painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DotLine))
            painter.drawLine(
                QPointF(self._x(self.step), area.top()), QPointF(self._x(self.step), area.bottom())
            )
        most = max((loss for course in self.courses for loss in course.losses.values()), default=0) or 1.0
        for course in self.courses:
            points = [
                QPointF(self._x(step), area.bottom() - 4 - loss / most * (area.height() - 8))
                for step, loss in sorted(course.losses.items())
            ]
            painter.setPen(QPen(QColor(course.colour), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(points))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(course.colour))
            for point in points:
                painter.drawEllipse(point, 2.2, 2.2)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.steps:
            at = event.position().x()
            self.step_picked.emit(min(self.steps, key=lambda step: abs(self._x(step) - at)))

    def _x(self, step: int) -> float:
        first, last = self.steps[0], self.steps[-1]
        share = (step - first) / (last - first) if last > first else 0.5
        return 7 + share * (self.width() - 14)


class TimelineBar(QWidget):
    """Shows a `Timeline`; hidden where there is no run to choose."""

    survey_wanted = Signal()

    def __init__(self, timeline: Timeline, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timeline = timeline
        self._session = session
        self._roomy = True
        self.runs = QComboBox()
        self.runs.setAccessibleName("Run whose checkpoints are inspected")
        self.runs.setToolTip(
            "The run whose checkpoints are inspected: its student as it was while it learned"
        )
        self.runs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.runs.setMinimumContentsLength(7)
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.activated.connect(lambda _: timeline.set_run(self.runs.currentData()))
        self.slider = SnapSlider("Checkpoint")
        self.slider.setToolTip("The checkpoint that is inspected ([ and ])")
        self.slider.setMinimumWidth(60)
        self.slider.valueChanged.connect(self._slid)
        self.step = QLabel()
        self.step.setMinimumWidth(self.fontMetrics().horizontalAdvance("step 000,000"))
        self.curve = LossCurve()
        self.curve.step_picked.connect(timeline.go)
        self.survey = QToolButton()
        self.survey.setToolTip("Compute the SA loss of every checkpoint, for the curve")
        self.survey.setAccessibleName("Compute the SA loss of every checkpoint")
        self.survey.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.survey.clicked.connect(self.survey_wanted)
        set_icon(self.survey, "chart-line-variant")
        self.follow = toggle(
            "Follow",
            "access-point",
            "Show the student anew at every validation of the training that runs (T).\n"
            "Going to another checkpoint ends it.",
        )
        self.follow.toggled.connect(timeline.set_following)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._name = QLabel("Checkpoints")
        for widget, stretch in ((self._name, 0), (self.runs, 0), (self.slider, 2), (self.step, 0)):
            layout.addWidget(widget, stretch)
        layout.addWidget(self.curve, 2)
        layout.addWidget(self.survey)
        layout.addStretch()
        layout.addWidget(self.follow)
        timeline.changed.connect(self.show_timeline)
        timeline.following_changed.connect(self.follow.setChecked)
        for signal in (session.runs_changed, session.training_started, session.training_finished):
            signal.connect(lambda _: self.show_timeline())
        self.show_timeline()

    def show_timeline(self) -> None:
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
        steps = list(timeline.steps)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        if timeline.step in steps:
            self.slider.setValue(steps.index(timeline.step))
        self.slider.blockSignals(False)
        self.slider.setVisible(bool(steps))
        for widget in (self.curve, self.survey):
            widget.setVisible(bool(steps) and self._roomy)
        chosen = timeline.run is not None
        self.step.setVisible(chosen)
        self.step.setText(
            f"step {timeline.step:,}" if timeline.step is not None else "no checkpoints kept yet"
        )

    def show_curve(self, on: bool) -> None:
        """Whether there is room for the losses of the checkpoints."""
        if on != self._roomy:
            self._roomy = on
            self.show_timeline()

    def _slid(self, index: int) -> None:
        steps = list(self.timeline.steps)
        if index < len(steps):
            self.timeline.go(steps[index])
