"""What a training does: progress, time left, curves and the preview crop."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from fakd_core.events import (
    CancelToken,
    CheckpointSaved,
    Progress,
    RunEnd,
    RunStarted,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)
from fakd_gui.jobs import Job, JobEnd, LatestWins, Outcome
from fakd_gui.session import Session
from fakd_gui.train.estimate import in_words
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.preview import PreviewRow
from fakd_gui.train.series import RunSeries

PACE_STEPS = 50
"""The pace is that of the last so many steps, so that it follows changes."""

PREVIEW_HEIGHT = 228
"""The crop of 192 pixels and its two lines of label."""

WELCOME = (
    "Press Start (Ctrl+Return): a small student learns from the teacher, and its curves appear here. "
    "Drop a folder of images to train on it, or a run folder to see its curves."
)


class TrainMonitor(QWidget):
    """Follows the session's training, or shows a past run."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.series = RunSeries()
        self._ended: RunEnd | None = None
        self._times: deque[tuple[int, float]] = deque(maxlen=PACE_STEPS)
        self.title = QLabel("No training yet")
        self.title.setProperty("role", "heading")
        self.time_left = QLabel()
        self.time_left.setProperty("role", "muted")
        self.progress = QProgressBar()
        self.progress.setFormat("%v of %m steps")
        self.progress.setRange(0, 1)
        self.progress.setValue(0)
        self.progress.setTextVisible(False)
        self.log = QLabel(WELCOME)
        self.log.setProperty("role", "muted")
        self.log.setWordWrap(True)
        self.log.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Two lines always, so that the curves don't jump with the length of the text.
        self.log.setMinimumHeight(2 * self.log.fontMetrics().lineSpacing())
        self.log.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.plots = RunPlots()
        self.preview = PreviewRow()
        self._clock = QTimer(self, interval=250)
        self._clock.timeout.connect(self._show_progress)
        self._step = 0
        self._reader = LatestWins("read the run's beginning", self)
        self._reader.result.connect(self._take_past)
        self._reader.failed.connect(session.error)
        self._lay_out()
        session.training_started.connect(self._training_started)
        session.training_finished.connect(self._training_finished)

    @property
    def run_end(self) -> RunEnd | None:
        """How the last training ended, if it came to an end of its own."""
        return self._ended

    def show_past(self, name: str, series: RunSeries) -> None:
        """Show the curves of a run that is not running."""
        self.series = series
        self.plots.show_series(series)
        self.preview.clear()
        self.title.setText(name)
        self.time_left.clear()
        done = series.step[-1] if series.step else 0
        self._set_progress(done, max(series.steps, done, 1))
        best = f"best PSNR {max(series.psnr):.3f} dB" if series.psnr else "no validation yet"
        bicubic = f", bicubic {series.bicubic.psnr:.3f} dB" if series.bicubic else ""
        self.log.setText(f"A past run: {done:,} of {series.steps:,} steps, {best}{bicubic}.")

    # -- following -----------------------------------------------------------------------------------

    def _training_started(self, job: Job) -> None:
        config = self.session.training_config
        assert config is not None
        self.series = RunSeries(steps=config.steps)
        self._ended = None
        self._times.clear()
        self._step = 0
        self.plots.show_series(self.series)
        self.preview.clear()
        self.title.setText(config.run.name)
        self.log.setText("Loading the models and the images, and measuring the bicubic and the teacher…")
        self.progress.setRange(0, 0)
        self._clock.start()
        job.event.connect(self._take)

    def _take(self, event: TrainEvent) -> None:
        match event:
            case Progress():
                note = f" {event.note}." if event.note else ""
                self.log.setText(f"Preparing: {event.what}, {event.done:,} of {event.total:,}.{note}")
            case RunStarted():
                self.series.take(event)
                self._step = event.first_step
                self._set_progress(event.first_step, event.steps)
                self.plots.levels_changed()
                self.preview.begin(event.preview)
                self.log.setText(_introduction(event))
                if event.first_step:
                    self._read_past(event.first_step)
            case StepEnd():
                self.series.take(event)
                self._step = event.step
                self._times.append((event.step, time.monotonic()))
                self.plots.refresh()
            case ValidationEnd():
                self.series.take(event)
                self.plots.refresh()
                self.preview.show_student(event.preview, event.step)
                self.log.setText(self._verdict(event))
            case CheckpointSaved():
                pass
            case RunEnd():
                self._ended = event

    def _read_past(self, last: int) -> None:
        """The points up to step `last` of the run that goes on, from its file; on a thread."""
        config, series = self.session.training_config, self.series
        assert config is not None

        def work(token: CancelToken) -> tuple[RunSeries, RunSeries]:
            from fakd_core.run_record import read_metrics

            lines = read_metrics(config.run)
            return series, RunSeries.from_metrics(line for line in lines if line.get("step", 0) <= last)

        self._reader.submit(work)

    def _take_past(self, read: object) -> None:
        assert isinstance(read, tuple)
        series, past = read
        if series is self.series:
            series.prepend(past)
            self.plots.show_series(series)

    def _training_finished(self, end: JobEnd) -> None:
        self._clock.stop()
        self._set_progress(self._step, max(self.series.steps, 1))
        self.time_left.clear()
        self.plots.redraw()
        match end.outcome:
            case Outcome.FAILED:
                self.log.setText(f"Failed: {end.message}")
            case Outcome.CANCELLED if self._ended is None:
                self.log.setText("Stopped before the first step; nothing was written.")
            case Outcome.CANCELLED:
                self.log.setText(
                    f"Stopped and saved after step {self._step:,}. The list of runs continues it."
                )
            case Outcome.COMPLETED:
                self.log.setText(self._summary())

    def _summary(self) -> str:
        end, bicubic = self._ended, self.series.bicubic
        if end is None or end.best is None or bicubic is None:
            return "Done."
        gain = end.best.psnr - bicubic.psnr
        return (
            f"Done in {in_words(end.seconds)}: PSNR {end.best.psnr:.2f} dB on the validation images, "
            f"{gain:+.2f} dB to bicubic. Open an image in Compare to see it, or click into one in Inspect."
        )

    def _verdict(self, event: ValidationEnd) -> str:
        bicubic = self.series.bicubic
        gain = f", {event.student.psnr - bicubic.psnr:+.2f} dB to bicubic" if bicubic else ""
        best = " (best so far)" if event.best else ""
        scores = f"PSNR {event.student.psnr:.3f} dB, SSIM {event.student.ssim:.4f}"
        return f"Step {event.step:,}: {scores}{gain}{best}."

    def _show_progress(self) -> None:
        job = self.session.training
        if job is None or self.progress.maximum() == 0:
            return
        self._set_progress(self._step, self.series.steps)
        if job.token.paused:
            self._times.clear()
            self.time_left.setText("paused")
        elif len(self._times) > 1:
            (first, begun), (last, now) = self._times[0], self._times[-1]
            pace = (now - begun) / (last - first)
            left = in_words(pace * (self.series.steps - last))
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


def _introduction(event: RunStarted) -> str:
    copied = f" {event.copied_tensors} tensors come from the teacher." if event.copied_tensors else ""
    teacher = f", teacher {event.teacher.psnr:.2f} dB" if event.teacher else ""
    return (
        f"{event.student_parameters / 1e6:.2f} M parameters learn from {event.train_images} images "
        f"on {event.device}.{copied} On {event.validation_images} held-out images: "
        f"bicubic {event.bicubic.psnr:.2f} dB{teacher}."
    )
