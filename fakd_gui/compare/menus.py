"""The menus of Compare: which panes there are, and the commands for one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from fakd_core.runs.references import bundled_models, model_labels
from fakd_gui.compare.board import Board
from fakd_gui.compare.export import Exporter
from fakd_gui.compare.panes import DIFFERENCE, PICTURE, SPLIT
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.file_dialogs import ask_folder, ask_images, ask_model


class CompareMenus(QObject):
    """Fills the Panes menu, and makes the menu of a pane."""

    def __init__(
        self, *, state: CompareState, board: Board, exporter: Exporter, actions: ActionTable, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._state, self._session = state, state.session
        self._board = board
        self._exporter = exporter
        self._actions = actions
        self._window = parent
        self.panes = QMenu("Panes", parent, toolTipsVisible=True)
        self.panes.aboutToShow.connect(self._fill_panes_menu)

    def pane_menu(self, key: str) -> QMenu:
        """The menu of the pane `key`; deleted when it closes."""
        state, grid, index = self._state, self._board.grid, self._board.keys.index(key)
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        if grid.solo == index:
            menu.addAction("Show all panes", lambda: grid.show_only(None))
        else:
            menu.addAction("Show alone", lambda: grid.show_only(index))
        if key not in (SPLIT, DIFFERENCE):
            others = [other for other in state.result_keys if other != key]
            for text, show, pair in (
                ("Split with", state.show_split, state.split),
                ("Difference to", state.show_difference, state.difference),
            ):
                submenu = menu.addMenu(text)
                submenu.setEnabled(bool(others))
                for other in others:
                    submenu.addAction(state.label(other), partial(show, replace(pair, a=key, b=other)))
        menu.addSeparator()
        for text, place in (("Move left", index - 1), ("Move right", index + 1)):
            move = menu.addAction(text, partial(state.move_pane, key, place))
            move.setEnabled(0 <= place < len(self._board.keys))
        menu.addSeparator()
        if key != SPLIT:
            ready = state.picture(key) is not None
            self._add_command(menu, "copy_pane", lambda: self._exporter.copy(key)).setEnabled(ready)
            self._add_command(menu, "save_pane", lambda: self._exporter.choose_file(key)).setEnabled(ready)
            menu.addSeparator()
        close = self._add_command(menu, "close_pane", lambda: state.close_pane(key))
        if key.startswith(PICTURE):
            close.setText("Remove")
        return menu

    def _add_command(self, menu: QMenu, name: str, run: Callable[[], object]) -> QAction:
        """Add an entry with the text and the first key of a command, for the pane of the menu."""
        text, keys = self._actions.commands[name].text, self._actions[name].shortcuts()[:1]
        return menu.addAction("\t".join([text, *(key.toString() for key in keys)]), run)

    def _fill_panes_menu(self) -> None:
        """List what can be added, shown and removed now."""
        state, session, menu, window = self._state, self._session, self.panes, self._window
        menu.clear()
        menu.addAction("Add a model file…", lambda: self._add_student(ask_model(window, "Add a model")))
        menu.addAction("Add a run folder…", lambda: self._add_student(ask_folder(window, "Add a run folder")))
        picture = menu.addAction("Add an image as a pane…", self._choose_pictures)
        picture.setToolTip("A picture of the same scene from another tool, of HR size or of LR size")
        picture.setEnabled(state.image is not None)
        for name in bundled_models():
            if name not in (session.teacher, *session.students):
                menu.addAction(f"Add {name}", partial(session.add_student, name))
        if state.image is not None:
            menu.addSection("Shown")
            for key in state.available:
                closed = key in state.closed
                toggle = partial(state.show_pane if closed else state.close_pane, key)
                shown = menu.addAction(state.title(key), toggle)
                shown.setCheckable(True)
                shown.setChecked(not closed)
        if session.students:
            menu.addSection("Everywhere")
        for ref, label in model_labels(session.students).items():
            menu.addAction(f"Remove {label}", partial(state.remove_student, ref))

    def _add_student(self, path: Path | None) -> None:
        if path is not None:
            self._session.add_student(str(path))

    def _choose_pictures(self) -> None:
        for path in ask_images(self._window, "Add an image as a pane"):
            self._state.add_picture(path)
