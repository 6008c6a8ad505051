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

    def delete(self, run: Path) -> bool:
        """Move `run` to the trash, with undo if the system says where it is then; False if it stays."""
        if not self.may_move(run, "deleted"):
            return False
        try:
            trashed = move_to_trash(run)
        except FakdError as error:
            return self._delete_for_good(run, str(error))
        compared, is_student = run in self.session.compared, str(run) in self.session.students
        self.session.move_run(run, None)
        text = f"Moved {run.name} to the trash"
        if trashed is None:
            self.session.announce(text)
        else:
            place = run

            def undo() -> bool:
                nonlocal place
                restored = self._bring_back(trashed, run, compared, is_student)
                place = restored or place
                return restored is not None

            self.session.offer_undo(text, undo, lambda: self.delete(place))
        return True

    def _delete_for_good(self, run: Path, reason: str) -> bool:
        """Ask first, as there is no trash."""
        answer = QMessageBox.question(
            None, "Delete the run", f"{reason}. Delete {run.name} for good? That can't be undone."
        )
        if answer is not QMessageBox.StandardButton.Yes:
            return False
        try:
            delete_for_good(run)
        except FakdError as error:
            self.session.report(error)
            return False
        self.session.move_run(run, None)
        self.session.announce(f"Deleted {run.name}")
        return True

    def _bring_back(self, trashed: Path, run: Path, compared: bool, is_student: bool) -> Path | None:
        """Restore a run from the trash; its folder, which has another name if the old one is in use again."""
        try:
            to = take_from_trash(trashed, run)
        except FakdError as error:
            self.session.report(error)
            return None
        self.session.add_run(to)
        if compared:
            self.session.compare_runs([*self.session.compared, to])
        if is_student:
            self.session.add_student(str(to))
        return to
