"""What a training does: progress, time left, curves and the preview crop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from fakd_core.events import (
    CancelToken,
    CheckpointSaved,
    Notice,
    Progress,
    RunEnd,
    RunStarted,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.series import RunSeries
from fakd_core.training.estimate import format_duration
from fakd_gui.session.jobs import Job, JobEnd, LatestWins, Outcome
from fakd_gui.session.session import Session
from fakd_gui.train.compared_runs import Comparison
from fakd_gui.train.plot_export import PlotExport
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.preview import PreviewStrip
from fakd_gui.train.run_view import RunView

PACE_STEPS = 50
"""The pace is that of the last so many steps, so that it follows changes."""

PREVIEW_HEIGHT = 254
"""The crop of 192 pixels, its two lines of label and the slider."""

WELCOME = (
    "Press Start (Ctrl+Return): a small student learns from the teacher, and its curves appear here. "
    "Drop a folder of images to train on it, or a run folder to see its curves."
)


class TrainMonitor(QWidget):
    """Follows the session's training, or shows a past run, also while another one is trained."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.shown = RunView("No training yet", text=WELCOME)
        self._live: RunView | None = None
        self._ended: RunEnd | None = None
        self._times: deque[tuple[int, float]] = deque(maxlen=PACE_STEPS)
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        self.time_left = QLabel()
        self.time_left.setProperty("role", "muted")
        self.progress = QProgressBar()
        self.progress.setFormat("%v of %m steps")
        self.progress.setAccessibleName("Steps done")
        self.progress.setTextVisible(False)
        self.log = QLabel()
        self.log.setProperty("role", "muted")
        self.log.setWordWrap(True)
        self.log.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Two lines always, so that the curves don't jump with the length of the text.
        self.log.setMinimumHeight(2 * self.log.fontMetrics().lineSpacing())
        self.log.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.plots = RunPlots()
        self.preview = PreviewStrip()
        self.preview.capped.connect(self._share_height)
        self.preview.step_shown.connect(self.plots.mark_step)
        self.plots.step_picked.connect(self.preview.show_step)
        self.comparison = Comparison(session, self)
        self.comparison.changed.connect(self._show_compared)
        self._export = PlotExport(session, self.plots, self)
        self._clock = QTimer(self, interval=250)
        self._clock.timeout.connect(self._show_progress)
        self._step = 0
        self._reader = LatestWins("read the run's beginning", self)
        self._reader.result.connect(self._take_past)
        self._reader.failed.connect(session.error)
        self._lay_out()
        self._show(self.shown)
        self.progress.setTextVisible(False)
        session.training_started.connect(self._training_started)
        session.training_finished.connect(self._training_finished)
        session.run_moved.connect(self._run_moved)

    @property
    def run_end(self) -> RunEnd | None:
        """How the last training ended, if it came to an end of its own."""
        return self._ended

    @property
    def series(self) -> RunSeries:
        """The curves that are shown."""
        return self.shown.series

    def show_past(self, story: RunView) -> None:
        """Show a run that is not running."""
        self._show(story)

    def show_live(self) -> None:
        """Show the running training, or the one that ran last."""
        if self._live is not None:
            self._show(self._live)

    def remember(self) -> dict[str, object]:
        return {
            "plots": self.plots.remember(),
            "preview": self.preview.remember(),
            "split": self.split.sizes(),
            "compared": [str(run) for run in self.session.compared],
        }

    def recall(self, remembered: Mapping[str, object]) -> None:
        plots, preview, split = (remembered.get(name) for name in ("plots", "preview", "split"))
        if isinstance(plots, Mapping):
            self.plots.recall(plots)
        if isinstance(preview, Mapping):
            self.preview.recall(preview)
        if isinstance(split, list) and all(isinstance(size, int) and size > 0 for size in split):
            self.split.setSizes(split)
        compared = remembered.get("compared")
        if isinstance(compared, list):
            runs = [Path(run) for run in compared if isinstance(run, str)]
            self.session.compare_runs([run for run in runs if RunLayout(run).is_run()])

    # -- showing -------------------------------------------------------------------------------------

    @property
    def _follows(self) -> bool:
        return self.shown is self._live

    def _show(self, story: RunView) -> None:
        self.shown = story
        self.title.setText(story.name)
        self.log.setText(story.text)
        self.time_left.clear()
        self.plots.show_series(story.series, story.name)
        self._show_compared(self.comparison.runs)
        self.preview.show_film(story.film)
        self._set_progress(story.done, max(story.series.steps, story.done, 1))
        if self._follows and self.session.training is not None:
            self._show_progress()

    def _share_height(self) -> None:
        """What the pictures have no use for goes to the curves; the splitter alone would leave it empty."""
        curves, pictures = self.split.sizes()
        spare = pictures - self.preview.maximumHeight()
        if spare > 0:
            self.split.setSizes([curves + spare, pictures - spare])

    def _say(self, story: RunView, text: str) -> None:
        story.text = text
        if story is self.shown:
            self.log.setText(text)

    def _show_compared(self, runs: Sequence[tuple[Path, RunSeries]]) -> None:
        self.plots.compare([(run.name, series) for run, series in runs if run != self.shown.run])

    def _run_moved(self, run: Path, to: Path | None) -> None:
        for story in (self.shown, self._live):
            if story is not None and story.run == run and to is not None:
                story.run, story.name = to, to.name
        self.title.setText(self.shown.name)
        self.plots.name = self.shown.name

    # -- following -----------------------------------------------------------------------------------

    def _training_started(self, job: Job) -> None:
        config = self.session.training_config
        assert config is not None
        text = "Loading the models and the images, and measuring the bicubic and the teacher…"
        self._live = RunView(config.run.name, config.run, RunSeries(steps=config.steps), text=text)
        self._ended = None
        self._times.clear()
        self._step = 0
        self._show(self._live)
        self.progress.setRange(0, 0)
        self._clock.start()
        job.yielded.connect(self._take)

    def _take(self, event: TrainEvent) -> None:
        story = self._live
        assert story is not None
        match event:
            case Progress():
                note = f" {event.note}." if event.note else ""
                self._say(story, f"Preparing: {event.what}, {event.done:,} of {event.total:,}.{note}")
            case RunStarted():
                story.series.take(event)
                self._step = event.first_step
                story.film.begin(event.preview)
                self._say(story, story.introduction(event))
                if event.first_step:
                    self._read_past(event.first_step)
                if self._follows:
                    self._set_progress(event.first_step, event.steps)
                    self.plots.refresh()
                    self.preview.refresh()
            case StepEnd():
                story.series.take(event)
                self._step = event.step
                self._times.append((event.step, time.monotonic()))
                if event.skipped is not None:
                    self._say(story, f"Step {event.step:,} left the student as it was: {event.skipped}.")
            case ValidationEnd():
                story.series.take(event)
                story.film.add(event.step, {"student": event.preview, **event.other_previews})
                self._say(story, story.verdict(event))
                if self._follows:
                    self.preview.refresh()
            case Notice(text):
                self.session.report(f"{story.name}: {text}.")
            case CheckpointSaved():
                pass
            case RunEnd():
                self._ended = event
        if self._follows and isinstance(event, StepEnd | ValidationEnd):
            self.plots.refresh()

    def _read_past(self, last: int) -> None:
        """What the run that goes on was up to step `last`, from its folder; on a thread."""
        story = self._live
        assert story is not None
        assert story.run is not None
        run = story.run

        def work(token: CancelToken) -> tuple[RunView, RunView]:
            past = RunView.load(run, token)
            past.film.frames = {step: frame for step, frame in past.film.frames.items() if step <= last}
            return story, past

        self._reader.submit(work)

    def _take_past(self, read: object) -> None:
        assert isinstance(read, tuple)
        story, past = read
        if story is self._live:
            story.series.prepend(past.series)
            story.film.prepend(past.film)
            if self._follows:
                self.plots.show_series(story.series, story.name)
                self.preview.refresh()

    def _training_finished(self, end: JobEnd) -> None:
        self._clock.stop()
        story = self._live
        assert story is not None
        if self._follows:
            self._set_progress(self._step, max(story.series.steps, 1))
            self.time_left.clear()
            self.plots.redraw()
        match end.outcome:
            case Outcome.FAILED if end.problem is not None:
                self._say(story, f"Failed: {end.problem.text}")
            case Outcome.CANCELLED if self._ended is None:
                self._say(story, "Stopped before the first step; nothing was written.")
            case Outcome.CANCELLED:
                text = f"Stopped and saved after step {self._step:,}. The list of runs continues it."
                self._say(story, text)
            case Outcome.COMPLETED:
                self._say(story, story.summary(self._ended))

    def _show_progress(self) -> None:
        job = self.session.training
        if job is None or not self._follows:
            return
        if job.token.cancelled:
            self.time_left.setText("stopping, saving…")
            return
        if self.progress.maximum() == 0:
            self.time_left.setText("paused" if job.token.paused else "")
            return
        total = self.series.steps
        self._set_progress(self._step, total)
        if job.token.paused:
            self._times.clear()
            self.time_left.setText("paused")
        elif len(self._times) > 1:
            (first, begun), (last, now) = self._times[0], self._times[-1]
            pace = (now - begun) / (last - first)
            left = format_duration(pace * (total - last))
            self.time_left.setText(f"{left} left · {1 / max(pace, 1e-9):.3g} steps/s")

    def _set_progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.progress.setTextVisible(True)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch()
        head.addWidget(self.time_left)
        top = QWidget()
        upper = QVBoxLayout(top)
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(6)
        upper.addLayout(head)
        upper.addWidget(self.progress)
        upper.addWidget(self.log)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.plots)
        self.split.addWidget(self.preview)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 0)
        self.split.setSizes([400, PREVIEW_HEIGHT])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        layout.addWidget(top)
        layout.addWidget(self.split, 1)
