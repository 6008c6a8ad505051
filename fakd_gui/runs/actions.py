"""What is done with a run from the list: go on with it, rename it, throw it away and bring it back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from fakd_core.errors import FakdError
from fakd_core.runs.config import read_config
from fakd_core.runs.states import is_in_use
from fakd_gui.session.run_folders import delete_for_good, move_to_trash, rename_run, take_from_trash
from fakd_gui.session.session import Session


class RunActions(QObject):
    """What stands in the way goes to the session's errors."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session

    def is_mine(self, run: Path) -> bool:
        """Whether `run` is trained in this window now."""
        config = self.session.training_config
        return self.session.training is not None and config is not None and config.run == run

    def may_move(self, run: Path, what: str) -> bool:
        """Whether nobody trains `run`; `what` is what could else be done, as 'renamed'."""
        if self.is_mine(run) or is_in_use(run):
            self.session.report(f"{run.name} is being trained: it can be {what} when that has ended.")
            return False
        return True

    def proceed(self, run: Path) -> None:
        """Go on with `run` from its last checkpoint, exactly."""
        if self.session.training is not None:
            return
        try:
            config = read_config(run)
        except FakdError as error:
            self.session.report(error)
            return
        self.session.start_training(config, resume=True)

    def rename(self, run: Path, name: str) -> Path | None:
        """Where `run` lies now; None if it can't have that name. The caller tells the session."""
        try:
            return rename_run(run, name)
        except FakdError as error:
            self.session.report(error)
            return None

    def delete(self, run: Path) -> None:
        """Move `run` to the trash; where the system says where it is then, that can be undone."""
        if not self.may_move(run, "deleted"):
            return
        try:
            trashed = move_to_trash(run)
        except FakdError as error:
            self._delete_for_good(run, str(error))
            return
        compared, is_student = run in self.session.compared, str(run) in self.session.students
        self.session.move_run(run, None)
        text = f"Moved {run.name} to the trash"
        if trashed is None:
            self.session.tell(text)
        else:
            self.session.offer_undo(text, lambda: self._bring_back(trashed, run, compared, is_student))

    def _delete_for_good(self, run: Path, reason: str) -> None:
        """Where there is no trash, a person is asked."""
        answer = QMessageBox.question(
            None, "Delete the run", f"{reason}. Delete {run.name} for good? That can't be undone."
        )
        if answer is not QMessageBox.StandardButton.Yes:
            return
        try:
            delete_for_good(run)
        except FakdError as error:
            self.session.report(error)
            return
        self.session.move_run(run, None)
        self.session.tell(f"Deleted {run.name}")

    def _bring_back(self, trashed: Path, run: Path, compared: bool, is_student: bool) -> bool:
        try:
            to = take_from_trash(trashed, run)
        except FakdError as error:
            self.session.report(error)
            return False
        self.session.add_run(to)
        if compared:
            self.session.compare_runs([*self.session.compared, to])
        if is_student:
            self.session.add_student(str(to))
        return True
