"""Commands of the library: show, hide, compare, resume, rename, remove and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from fakd_core.data.resize import BICUBIC
from fakd_core.errors import FakdError
from fakd_core.runs.config import read_config
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.states import is_in_use
from fakd_gui.library.model import LibraryModel
from fakd_gui.library.rows import Kind, Row, selected_runs
from fakd_gui.library.settings_dialog import SettingsDialog
from fakd_gui.models.export import choose_export
from fakd_gui.session.library import VIEWERS
from fakd_gui.session.library_keys import View, picture_path
from fakd_gui.session.opening import Action
from fakd_gui.session.run_folders import (
    OWN_TRASH,
    follow_run,
    move_to_trash,
    rename_run,
    restore_from_trash,
)
from fakd_gui.session.session import Session
from fakd_gui.widgets.actions import ActionTable, Command

COMMANDS = (
    Command("toggle", "Show or hide", "Show or hide the selected rows in this workspace", ("Space",)),
    Command("only", "Only this", "Show the selected rows and the teacher, hide all others", ("Shift+Space",)),
    Command("show_curves", "Show its curves", "Show the curves of the run in Train", ("Return", "Enter")),
    Command("use_teacher", "Use as teacher", "Use the model as the teacher everywhere"),
    Command("resume", "Resume"),
    Command("train_longer", "Train longer…", "Fill in a training that starts from the run's best student"),
    Command("use_settings", "Use its settings"),
    Command("settings", "Settings of the run…", "The settings of a run, or what differs between two"),
    Command("export", "Export…", "Export the model for other tools"),
    Command("open_folder", "Open folder", "Open the folder of the run or file", icon="folder-open-outline"),
    Command("rename", "Rename…", "Rename the run or the model", ("F2",)),
    Command("remove", "Remove", keys=("Del", "Backspace"), icon="trash-can-outline"),
    Command("hide_all", "Hide all", "Hide everything in this workspace", icon="eye-off-outline"),
)
MENU = (
    *("toggle", "only", "", "show_curves", "use_teacher", ""),
    *("resume", "train_longer", "use_settings", "settings", "export", "", "open_folder", "rename", "remove"),
)
"""The commands of the menu of a row; an empty name is a separator."""


class LibraryCommands(ActionTable):
    """Commands for the rows that `selected` returns; problems are reported to the session."""

    def __init__(
        self,
        session: Session,
        view: QWidget,
        *,
        selected: Callable[[], list[Row]],
        edit_name: Callable[[], object],
    ) -> None:
        # Only while the list itself has the focus: in the editor of a name the keys are the editor's.
        super().__init__("Library", COMMANDS, view, context=Qt.ShortcutContext.WidgetShortcut)
        self._session = session
        self._view = view
        self._selected = selected
        self.model: LibraryModel
        for name, act in {
            "toggle": lambda: self.model.facts.toggle(selected()),
            "only": self.show_only,
            "show_curves": lambda: self._each_run(self.show_curves),
            "use_teacher": lambda: session.set_teacher(selected()[0].key),
            "resume": lambda: self._each_run(self.resume),
            "train_longer": lambda: self._each_run(self.train_longer),
            "use_settings": lambda: self._each_run(self.use_settings),
            "settings": lambda: SettingsDialog(session, selected_runs(selected()), view).show(),
            "export": lambda: choose_export(session, view, selected()[0].key),
            "open_folder": self._open_folder,
            "rename": lambda: edit_name() if self._can_rename(selected()[0]) else None,
            "remove": self.remove,
            "hide_all": self.hide_all,
        }.items():
            self.on(name, act)

    def refresh(self) -> None:
        """Enable the commands that the selected rows have."""
        session, rows, model = self._session, self._selected(), self.model
        runs, first = selected_runs(rows), rows[0] if len(rows) == 1 else None
        state = model.facts.state(first) if first else None
        is_run, is_model = bool(first and runs), bool(first and _is_model(first))
        obstacle = "This run has finished" if state and state.finished else self._obstacle(runs)
        eyes = [eye for row in rows if (eye := model.facts.eye(row)) is not None]
        has_weights = is_model and not (is_run and not (state and state.has_student))
        can_remove = [row for row in rows if self._is_removable(row)]
        for name, enabled in (
            ("toggle", bool(eyes)),
            ("only", bool(eyes)),
            ("show_curves", is_run),
            ("use_teacher", has_weights and first is not None and first.key != session.teacher),
            ("resume", is_run and not obstacle),
            ("train_longer", is_run and has_weights),
            ("use_settings", is_run),
            ("settings", len(runs) in (1, 2) and len(runs) == len(rows)),
            ("export", has_weights),
            ("open_folder", bool(first and (first.run or _file_of(first)))),
            ("rename", bool(first and first.key != BICUBIC and session.training_run not in runs)),
            ("remove", bool(rows) and len(can_remove) == len(rows)),
        ):
            self[name].setEnabled(enabled)
        self["toggle"].setText("Hide" if eyes and all(eyes) else "Show")
        self["settings"].setText("What differs…" if len(runs) == 2 else "Settings of the run…")
        self["remove"].setText("Move to trash" if runs else "Remove")
        self.set_tip(
            "remove", "Move the run to the trash" if runs else "Take it off the list; its file stays"
        )
        self.set_tip("resume", obstacle or "Resume the selected run from its last checkpoint")

    # -- what is shown

    def show_only(self) -> None:
        """Show the selected rows alone, in Train over the shown curves."""
        rows = [row for row in self._selected() if self.model.facts.eye(row) is not None]
        if self.model.facts.workspace == "Train":
            self._session.compare_runs(selected_runs(rows))
        elif rows:
            self._session.library.show_only([row.key for row in rows], self.model.facts.workspace)

    def hide_all(self) -> None:
        if self.model.facts.workspace == "Train":
            self._session.compare_runs([])
        else:
            self._session.library.hide_all(self.model.facts.workspace)

    def show_curves(self, run: Path) -> None:
        self._session.workspace_requested.emit("Train")
        self._session.select_run(run)

    # -- runs

    def can_move(self, run: Path, what: str) -> bool:
        """Report a run that is in use and so can't be `what`; returns True if no process trains it."""
        # The lock of a run that is being set up isn't there yet.
        if run == self._session.training_run or is_in_use(run):
            self._session.report(f"{run.name} is being trained: it can be {what} when training has ended.")
            return False
        return True

    def resume(self, run: Path) -> None:
        """Resume `run` from its last checkpoint, or report why that can't be done."""
        if obstacle := self._obstacle([run]):
            self._session.report(f"{run.name} isn't resumed. {obstacle}.", run)
            return
        with self._session.reporting():
            self._session.start_training(read_config(run), resume=True)

    def _obstacle(self, runs: Sequence[Path]) -> str:
        """The training that must end before one of `runs` can be resumed; empty if there is none."""
        training = self._session.training_run
        if training is None:
            return ""
        return "It is being trained" if training in runs else f"Stop the training of {training.name} first"

    def use_settings(self, run: Path) -> None:
        """Fill the form of a training with the settings of `run`."""
        self._session.workspace_requested.emit("Train")
        self._session.open_as(Action.LOAD_SETTINGS, [RunLayout(run).config])

    def train_longer(self, run: Path) -> None:
        """Fill the form of a training with the settings of `run`, starting from its best student."""
        self._session.workspace_requested.emit("Train")
        self._session.open_as(Action.TRAIN_LONGER, [run])

    def rename(self, row: Row, name: str) -> bool:
        """Rename a run's folder, or call a model by another name; False after an error message."""
        if row.kind is not Kind.RUN or row.run is None:
            self._session.library.set_name(row.key, name)
            return True
        return self.rename_run(row.run, name)

    def rename_run(self, run: Path, name: str) -> bool:
        with self._session.reporting():
            self._session.move_run(run, rename_run(run, name))
            return True
        return False

    # -- removal

    def remove(self) -> None:
        """Move the selected runs to the trash, or take files and pictures off the list; both with undo."""
        rows = self._selected()
        for run in selected_runs(rows):
            self.trash(run)
        if keys := [row.key for row in rows if row.kind in (Kind.MODEL, Kind.PICTURE)]:
            self._session.library.remove(keys)

    def trash(self, run: Path) -> bool:
        """Move `run` to the trash, with undo if the system says where it is then; False if it stays."""
        if not self.can_move(run, "moved to the trash"):
            return False
        try:
            trashed = move_to_trash(run)
        except FakdError as error:
            self._session.report(error)
            return False
        session = self._session
        is_compared = run in session.compared
        views = {workspace: session.library.view(workspace) for workspace in VIEWERS}
        teacher = session.teacher
        session.move_run(run, None)
        text = f"Moved {run.name} to the trash"
        if trashed is not None and trashed.parent.name == OWN_TRASH:
            text += f", {trashed.parent}"
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
            for workspace, view in views.items():
                before = [str(follow_run(key, run, restored)) for key in view.keys]
                added = [key for key in session.library.chosen[workspace] if key not in before]
                session.library.set_view(workspace, View((*before, *added), view.has_teacher))
            if not session.teacher:
                session.set_teacher(str(follow_run(teacher, run, restored)))
            return True

        session.offer_undo(text, undo, lambda: self.trash(place))
        return True

    def _restore(self, trashed: Path, run: Path) -> Path | None:
        """Restore a run from the trash; its folder, which has another name if the old one is in use again."""
        with self._session.reporting():
            return self._session.add_run(restore_from_trash(trashed, run))
        return None

    # -- the selected rows

    def _each_run(self, act: Callable[[Path], object]) -> None:
        for run in selected_runs(self._selected()):
            act(run)

    def _can_rename(self, row: Row) -> bool:
        return row.kind is not Kind.RUN or row.run is None or self.can_move(row.run, "renamed")

    def _is_removable(self, row: Row) -> bool:
        if row.kind is Kind.RUN:
            return row.run != self._session.training_run
        return row.kind is Kind.PICTURE or row.key in self._session.library.files

    def _open_folder(self) -> None:
        row = self._selected()[0]
        if folder := row.run or _file_of(row):
            place = folder if folder.is_dir() else folder.parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))


def _is_model(row: Row) -> bool:
    return row.kind in (Kind.RUN, Kind.NETWORK, Kind.MODEL) and row.key != BICUBIC


def _file_of(row: Row) -> Path | None:
    """The file of a model or picture that the user added."""
    if (picture := picture_path(row.key)) is not None:
        return picture
    return Path(row.key) if row.kind is Kind.MODEL and Path(row.key).name != row.key else None
