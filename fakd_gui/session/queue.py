"""The trainings that wait for the running one to end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from fakd_core.runs.config import TrainConfig
from fakd_gui.session.jobs import JobEnd, Outcome
from fakd_gui.session.run_folders import free_run_folder
from fakd_gui.session.session import Session


class TrainingQueue(QObject):
    """Starts one training after the other; one that fails doesn't hold up the next.

    A training that the user stops does: the others wait until `start_next`. So do those of an earlier start
    of the program.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.waiting: list[TrainConfig] = []
        """The settings of the trainings to come, in order."""
        session.training_finished.connect(self._go_on)

    def add(self, configs: Iterable[TrainConfig]) -> None:
        """Append trainings, each with a run folder that no other one has."""
        for config in configs:
            self.waiting.append(config.model_copy(update={"run": self._free(config.run)}))
        self.changed.emit()

    def remove(self, run: Path) -> None:
        """Remove the training into `run`; undo puts it back."""
        place = next(place for place, config in enumerate(self.waiting) if config.run == run)
        config = self.waiting.pop(place)
        self.changed.emit()
        self._session.offer_undo(
            f"Removed {run.name} from the queue",
            lambda: self._insert(place, config),
            lambda: self.remove(run),
        )

    def start_next(self) -> None:
        """Start the first training that waits, unless one is running."""
        if self.waiting and self._session.training is None:
            config = self.waiting.pop(0)
            self.changed.emit()
            self._session.start_training(config.model_copy(update={"run": self._free(config.run)}))

    def _insert(self, place: int, config: TrainConfig) -> None:
        self.waiting.insert(place, config)
        self.changed.emit()

    def _go_on(self, end: JobEnd) -> None:
        if end.outcome is not Outcome.CANCELLED:
            QTimer.singleShot(0, self, self.start_next)  # Once everyone knows of the end.

    @property
    def taken(self) -> set[Path | None]:
        """The run folders of the trainings that run or wait."""
        return {config.run for config in self.waiting} | {self._session.training_run}

    def _free(self, run: Path) -> Path:
        """`run`, or a numbered folder beside it if it exists or is taken."""
        taken = self.taken
        return free_run_folder(run.parent, run.name, taken) if run in taken or run.exists() else run
