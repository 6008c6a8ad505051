"""The run that is shown: progress, time left, what happened last, curves and previews."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSplitter, QVBoxLayout, QWidget

from fakd_core.events import RunStarted, StepEnd, TrainEvent, ValidationEnd
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plot_export import PlotExport
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.preview import PreviewStrip
from fakd_gui.train.state import TrainState
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import with_role

PREVIEW_HEIGHT = 254
"""The crop of 192 pixels, its two lines of caption and the slider."""
PROGRESS_MS = 250


class TrainMonitor(QWidget):
    """Shows the running training, or a past run while another one is trained."""

    def __init__(self, session: Session, state: TrainState, commands: TrainCommands) -> None:
        super().__init__()
        self._session = session
        self._state = state
        self.title = with_role(QLabel(), "heading")
        self.time_left = with_role(QLabel(), "muted")
        self.progress = QProgressBar(format="%v of %m steps", accessibleName="Steps done")
        self.log = wrapped_label(
            "muted",
            alignment=Qt.AlignmentFlag.AlignTop,
            textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse,
        )
        # Always two lines, so that the curves don't move with the length of the text.
        self.log.setMinimumHeight(2 * self.log.fontMetrics().lineSpacing())
        self.plots = RunPlots(state, commands)
        self.preview = PreviewStrip(state, commands)
        PlotExport(session, self.plots, commands)
        self.preview.max_height_changed.connect(self._share_height)
        self.preview.step_shown.connect(self.plots.mark_step)
        self.plots.step_picked.connect(self.preview.show_step)
        self._clock = QTimer(self, interval=PROGRESS_MS, timeout=self._show_progress)
        self._lay_out()
        state.shown_changed.connect(self._show_run)
        state.text_changed.connect(self._show_text)
        state.event_taken.connect(self._take)
        session.training_started.connect(lambda _: self._clock.start())
        session.training_finished.connect(self._finish)
        self._show_run()

    def _show_run(self) -> None:
        self._show_text()
        self.preview.show_frames(self._state.shown.previews)
        self._show_progress()

    def _show_text(self) -> None:
        self.title.setText(self._state.shown.name)
        self.log.setText(self._state.shown.text)

    def _take(self, event: TrainEvent) -> None:
        if self._state.shown is not self._state.live:
            return
        if isinstance(event, RunStarted | StepEnd | ValidationEnd):
            self.plots.refresh()
        if isinstance(event, RunStarted | ValidationEnd):
            self.preview.refresh()
        if isinstance(event, RunStarted):
            self._show_progress()

    def _finish(self, *_: object) -> None:
        self._clock.stop()
        self._show_progress()
        if self._state.shown is self._state.live:
            self.plots.redraw()

    def _show_progress(self) -> None:
        view = self._state.shown
        total = 0 if view.is_preparing else max(view.series.steps, view.step, 1)
        self.progress.setRange(0, total)
        self.progress.setValue(view.step)
        self.progress.setTextVisible(view.run is not None and not view.is_preparing)
        self.time_left.setText(self._time_left())

    def _time_left(self) -> str:
        view, job = self._state.shown, self._session.training
        if job is None or view is not self._state.live:
            return ""
        if job.token.cancelled:
            return "stopping, saving…"
        if job.token.paused:
            view.times.clear()
            return "paused"
        seconds = view.step_seconds
        if seconds is None:
            return ""
        from fakd_core.training.estimate import format_duration  # Loads torch.

        left = format_duration(seconds * (view.series.steps - view.step))
        return f"{left} left · {1 / seconds:.3g} steps/s"

    def _share_height(self) -> None:
        """Give the height that the previews can't use to the curves; the splitter would leave it empty."""
        curves, previews = self.split.sizes()
        spare = previews - self.preview.maximumHeight()
        if spare > 0:
            self.split.setSizes([curves + spare, previews - spare])

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.time_left)
        self.split = QSplitter(Qt.Orientation.Vertical, objectName="monitor", childrenCollapsible=False)
        self.split.addWidget(self.plots)
        self.split.addWidget(self.preview)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([400, PREVIEW_HEIGHT])
        layout = QVBoxLayout(self, contentsMargins=QMargins(12, 10, 12, 10), spacing=6)
        layout.addLayout(head)
        layout.addWidget(self.progress)
        layout.addWidget(self.log)
        layout.addSpacing(2)
        layout.addWidget(self.split, 1)
