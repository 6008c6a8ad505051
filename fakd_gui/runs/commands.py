"""Commands of the list of runs: show, resume, compare, rename, move to trash and the like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from fakd_core.errors import FakdError
from fakd_core.runs.config import read_config
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.states import RunState, is_in_use
from fakd_gui.models.export import choose_export
from fakd_gui.session.opening import Action
from fakd_gui.session.run_folders import (
    delete_permanently,
    follow_run,
    move_to_trash,
    rename_run,
    restore_from_trash,
)
from fakd_gui.session.session import Session
from fakd_gui.widgets.actions import ActionTable, Command

COMMANDS = (
    Command("show", "Show", "Show the run's curves and add its student", ("Return", "Enter")),
    Command("resume", "Resume"),
    Command("compare", "Add to comparison", "Add the run to the comparison or remove it", ("Space",)),
    Command("add_student", "Add its student"),
    Command("export", "Export its student…"),
    Command("use_settings", "Use its settings"),
    Command("open_folder", "Open folder", "Open the run's folder", icon="folder-open-outline"),
    Command("rename", "Rename…", "Rename the run", ("F2",)),
    Command("trash", "Move to trash", "Move the run to the trash", ("Del", "Backspace"), "trash-can-outline"),
)


class RunCommands(ActionTable):
    """Commands for the run that `selected` returns; problems are reported to the session."""

    def __init__(
        self,
        session: Session,
        list_view: QWidget,
        *,
        selected: Callable[[], Path | None],
        edit_name: Callable[[], object],
    ) -> None:
        # Only while the list itself has the focus: in the editor of a name the keys are the editor's.
        super().__init__("Runs", COMMANDS, list_view, context=Qt.ShortcutContext.WidgetShortcut)
        self._session = session
        self._selected = selected
        for name, act in {
            "show": session.select_run,
            "resume": self.resume,
            "compare": session.toggle_comparison,
            "add_student": lambda run: session.add_student(str(run)),
            "export": lambda run: choose_export(session, list_view, str(run)),
            "use_settings": self.use_settings,
            "open_folder": lambda run: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run))),
            "rename": lambda run: edit_name() if self.can_move(run, "renamed") else None,
            "trash": self.trash,
        }.items():
            self.on(name, lambda act=act: act(selected()))

    def refresh(self, state: RunState | None) -> None:
        """Enable the commands of the selected run, which is in `state`."""
        run = self._selected()
        for name in self.commands:
            self[name].setEnabled(run is not None)
        obstacle = "This run has finished" if state and state.finished else self._obstacle(run)
        self["resume"].setEnabled(run is not None and not obstacle)
        self.set_tip("resume", obstacle or "Resume the selected run from its last checkpoint")
        is_compared = run in self._session.compared
        self["compare"].setText(("Remove from" if is_compared else "Add to") + " comparison")
        if run is not None:
            for name in ("add_student", "export"):
                self[name].setEnabled(state is not None and state.has_student)
            for name in ("rename", "trash"):
                self[name].setEnabled(run != self._session.training_run)

    def can_move(self, run: Path, what: str) -> bool:
        """Report a run that is in use and so can't be `what`; returns True if no process trains it."""
        # The lock of a run that is being set up isn't there yet.
        if run == self._session.training_run or is_in_use(run):
            self._session.report(f"{run.name} is being trained: it can be {what} when training has ended.")
            return False
        return True

    def resume(self, run: Path) -> None:
        """Resume `run` from its last checkpoint, or report why that can't be done."""
        if obstacle := self._obstacle(run):
            self._session.report(f"{run.name} isn't resumed. {obstacle}.", run)
            return
        with self._session.reporting():
            self._session.start_training(read_config(run), resume=True)

    def _obstacle(self, run: Path | None) -> str:
        """The training that must end before `run` can be resumed; empty if there is none."""
        training = self._session.training_run
        if training is None:
            return ""
        return "It is being trained" if training == run else f"Stop the training of {training.name} first"

    def use_settings(self, run: Path) -> None:
        """Fill the form of a training with the settings of `run`."""
        self._session.workspace_requested.emit("Train")
        self._session.open_as(Action.LOAD_SETTINGS, [RunLayout(run).config])

    def rename(self, run: Path, name: str) -> bool:
        """Rename the folder; False after an error message."""
        with self._session.reporting():
            self._session.move_run(run, rename_run(run, name))
            return True
        return False

    def trash(self, run: Path) -> bool:
        """Move `run` to the trash, with undo if the system says where it is then; False if it stays."""
        if not self.can_move(run, "moved to the trash"):
            return False
        try:
            trashed = move_to_trash(run)
        except FakdError as error:
            return self._delete_permanently(run, str(error))
        session = self._session
        is_compared = run in session.compared
        students = [ref for ref in session.students if follow_run(ref, run, None) is None]
        teacher = session.teacher
        session.move_run(run, None)
        text = f"Moved {run.name} to the trash"
        if trashed is None:
            session.announce(text)
            return True
        place = run

        def undo() -> bool:
            nonlocal place
            restored = self._restore(trashed, run)
            if restored is None:
                return False
            place = restored
            if is_compared:
                session.compare_runs([*session.compared, restored])
            for ref in students:
                session.add_student(str(follow_run(ref, run, restored)))
            if not session.teacher:
                session.set_teacher(str(follow_run(teacher, run, restored)))
            return True

        session.offer_undo(text, undo, lambda: self.trash(place))
        return True

    def _delete_permanently(self, run: Path, reason: str) -> bool:
        """Ask first, as there is no trash."""
        answer = QMessageBox.question(
            None, "Delete the run", f"{reason}. Delete {run.name} permanently? That can't be undone."
        )
        if answer != QMessageBox.StandardButton.Yes:
            return False
        with self._session.reporting():
            delete_permanently(run)
            self._session.move_run(run, None)
            self._session.announce(f"Deleted {run.name}")
            return True
        return False

    def _restore(self, trashed: Path, run: Path) -> Path | None:
        """Restore a run from the trash; its folder, which has another name if the old one is in use again."""
        with self._session.reporting():
            return self._session.add_run(restore_from_trash(trashed, run))
        return None
