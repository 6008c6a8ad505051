"""Which checkpoint of which run is inspected, and whether it follows the training that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.events import ValidationEnd
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_gui.inspect.sources import Source
from fakd_gui.session.jobs import Job
from fakd_gui.session.session import Session


def baseline_ref(run: Path) -> str:
    """The name of `run`'s student without a teacher."""
    return str(RunLayout(run).weights(BASELINE))


class Timeline(QObject):
    """A run's students at one of the steps where it kept them; nothing while `run` is None.

    The run's student, and its baseline if it has one, stand in for the session's students of the
    same names. While `following`, the training's newest checkpoint is shown as soon as it is on the disk;
    going to another one ends that.
    """

    changed = Signal()
    """Another run, step or set of steps."""
    following_changed = Signal(bool)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.run: Path | None = None
        self.steps: dict[int, Path] = {}
        self.baseline: dict[int, Path] = {}
        self.step: int | None = None
        self.following = False
        session.training_started.connect(self._training_started)
        if session.training is not None:
            self._training_started(session.training)

    def set_run(self, run: Path | None, step: int | None = None) -> None:
        """Show `run` at `step`, or at its newest checkpoint."""
        self.run, self.step = run, None
        self._read()
        if self.steps:
            self.step = step if step in self.steps else max(self.steps)
        self.changed.emit()

    def go(self, step: int) -> None:
        """Show the checkpoint of `step`: following ends."""
        if step in self.steps and step != self.step:
            self.set_following(False)
            self.step = step
            self.changed.emit()

    def move(self, by: int) -> None:
        """Show the checkpoint `by` places later, as far as there are any."""
        steps = list(self.steps)
        if self.step in steps:
            self.go(steps[min(max(0, steps.index(self.step) + by), len(steps) - 1)])

    def set_following(self, on: bool) -> None:
        if on == self.following:
            return
        self.following = on
        self.following_changed.emit(on)
        if on:
            self._show_newest()

    def sources(self) -> list[Source]:
        """What to inspect: none, the run's student, or with it the one without a teacher."""
        if self.run is None or self.step is None:
            return []
        return self.at(self.step)

    def all_sources(self) -> list[Source]:
        return [source for step in self.steps for source in self.at(step)]

    def labels(self) -> dict[str, str]:
        if self.run is None or self.step is None:
            return {}
        step = f"step {self.step:,}"
        baseline = "with FAKD · " if self.step in self.baseline else ""
        return {
            str(self.run): f"{baseline}{self.run.name} · {step}",
            baseline_ref(self.run): f"without FAKD · {self.run.name} · {step}",
        }

    def at(self, step: int) -> list[Source]:
        """The run's students as they were at `step`."""
        assert self.run is not None
        found = [Source(str(self.run), self.steps[step])]
        return (
            [*found, Source(baseline_ref(self.run), self.baseline[step])] if step in self.baseline else found
        )

    def _read(self) -> None:
        found: Mapping[int, Path] = {} if self.run is None else RunLayout(self.run).snapshots()
        self.steps = dict(found)
        self.baseline = {} if self.run is None else RunLayout(self.run).snapshots(BASELINE)

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
            self._read()
            if self.step not in self.steps:
                # A longer run keeps them farther apart: the one shown is gone, the nearest takes its place.
                self.step = min(self.steps, key=lambda step: abs(step - (self.step or 0)), default=None)
            self.changed.emit()

    def _show_newest(self) -> None:
        config = self._session.training_config
        if self._session.training is not None and config is not None:
            self.set_run(config.run)
