"""The question whether to resume a training that was cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from fakd_gui.session.jobs import Job
from fakd_gui.session.session import Session
from fakd_gui.window.undo_bar import Question, UndoBar


class ResumeOffer(QObject):
    """Asks in the bar, follows the run if it is renamed, and withdraws if it is gone or trained again."""

    def __init__(self, session: Session, bar: UndoBar, resume: Callable[[Path], object]) -> None:
        super().__init__(bar)
        self._bar = bar
        self._resume = resume
        self._asked: tuple[Path, Question] | None = None
        session.run_moved.connect(self._move_run)
        session.training_started.connect(self._withdraw_if_trained)

    def make(self, run: Path) -> None:
        """Offer to resume `run`."""
        text = f"{run.name} was still training when the app quit unexpectedly."
        question = Question(text, "Resume", lambda: self._resume(run))
        self._asked = run, question
        self._bar.ask(question)

    def _move_run(self, run: Path, to: Path | None) -> None:
        if self._asked is not None and self._asked[0] == run and self._bar.withdraw(self._asked[1]):
            self._asked = None
            if to is not None:
                self.make(to)

    def _withdraw_if_trained(self, job: Job) -> None:
        if self._asked is not None and self._asked[0] == job.path:
            self._bar.withdraw(self._asked[1])
