"""The checkpoint that is inspected: of which run, at which step, and whether it follows the training."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.events import ValidationEnd
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_gui.session.jobs import Job
from fakd_gui.session.library_keys import baseline_ref
from fakd_gui.session.session import Session


class Timeline(QObject):
    """A run's students at one of its checkpoints; empty while `run` is None.

    The run's student, and its baseline if it has one, stand in for the session's students of the same
    references. While `following`, the training's newest checkpoint is shown as soon as it is on the disk;
    choosing another one ends that.
    """

    changed = Signal()
    """Another run, another step or other steps to choose from."""
    following_changed = Signal(bool)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.run: Path | None = None
        self.step: int | None = None
        self.following = False
        self.checkpoints: dict[int, dict[str, Path]] = {}
        """By step in order: the weights of the run's student and of its baseline, by reference."""
        session.training_started.connect(self._training_started)

    @property
    def steps(self) -> list[int]:
        """The steps with a checkpoint, in order."""
        return list(self.checkpoints)

    def set_run(self, run: Path | None, step: int | None = None) -> None:
        """Show `run` at `step`, or at its newest checkpoint."""
        self.run = run
        self._read_steps()
        self.step = step if step in self.checkpoints else max(self.checkpoints, default=None)
        self.changed.emit()

    def go_to(self, step: int) -> None:
        """Show the checkpoint of `step`; following ends."""
        if step in self.steps and step != self.step:
            self.set_following(False)
            self.step = step
            self.changed.emit()

    def move(self, by: int) -> None:
        """Show a later (or with a negative `by` an earlier) checkpoint, at most the last or first one."""
        steps = self.steps
        if self.step in steps:
            self.go_to(steps[min(max(0, steps.index(self.step) + by), len(steps) - 1)])

    def set_following(self, on: bool) -> None:
        if on != self.following:
            self.following = on
            self.following_changed.emit(on)
            if on:
                self._show_newest()

    @property
    def students(self) -> dict[str, Path]:
        """The weights to inspect, by reference."""
        return {} if self.step is None else self.checkpoints[self.step]

    @property
    def labels(self) -> dict[str, str]:
        if self.run is None or self.step is None:
            return {}
        name = f"{self.run.name} · step {self.step:,}"
        return {str(self.run): name, baseline_ref(self.run): f"baseline of {name}"}

    def _read_steps(self) -> None:
        self.checkpoints = {}
        if self.run is not None:
            layout = RunLayout(self.run)
            baselines = layout.snapshots(BASELINE)
            for step, file in layout.snapshots().items():
                self.checkpoints[step] = {str(self.run): file}
                if step in baselines:
                    self.checkpoints[step][baseline_ref(self.run)] = baselines[step]

    def _training_started(self, job: Job) -> None:
        job.yielded.connect(self._take_event)
        if self.following:
            self._show_newest()

    def _take_event(self, event: object) -> None:
        config = self._session.training_config
        if not isinstance(event, ValidationEnd) or config is None:
            return
        if self.following:
            self._show_newest()
        elif self.run == config.run:
            self._read_steps()
            if self.step not in self.steps:
                # A longer run keeps fewer checkpoints: the nearest one replaces one that was deleted.
                self.step = min(self.steps, key=lambda step: abs(step - (self.step or 0)), default=None)
            self.changed.emit()

    def _show_newest(self) -> None:
        if self._session.training_run is not None:
            self.set_run(self._session.training_run)
