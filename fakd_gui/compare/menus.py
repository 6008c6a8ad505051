"""The menus of Compare: which panes there are, and the commands for one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from fakd_core.data.folders import IMAGE_SUFFIXES
from fakd_core.runs.references import bundled_models, model_labels
from fakd_gui.compare.board import Board
from fakd_gui.compare.export import Exporter
from fakd_gui.compare.panes import DIFFERENCE, PICTURE, SPLIT
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.file_dialogs import ask_folder, ask_model


class CompareMenus(QObject):
    """Fills the Panes menu, and opens the menu of a pane."""

    def __init__(
        self, *, state: CompareState, board: Board, exporter: Exporter, actions: ActionTable, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._state, self._session = state, state.session
        self._board = board
        self._exporter = exporter
        self._actions = actions
        self._window = parent
        self.panes = QMenu("Panes", parent)
        self.panes.setToolTipsVisible(True)
        self.panes.aboutToShow.connect(self._fill_panes_menu)

    def open_pane_menu(self, key: str, at: QPoint) -> None:
        """Open the menu of the pane `key` at a screen position."""
        self.pane_menu(key).popup(at)

    def pane_menu(self, key: str) -> QMenu:
        """The menu of the pane `key`; deleted when it closes."""
        state, grid, index = self._state, self._board.grid, self._board.keys.index(key)
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        alone = grid.solo == index
        _add(
            menu,
            "Show all panes" if alone else "Show alone",
            lambda: grid.show_only(None if alone else index),
        )
        if key not in (SPLIT, DIFFERENCE):
            others = [other for other in state.result_keys if other != key]
            self._add_choice(menu, "Split with", others, run=lambda other: state.split_with(key, other))
            self._add_choice(menu, "Difference to", others, run=lambda other: state.difference_to(key, other))
        menu.addSeparator()
        for text, place in (("Move left", index - 1), ("Move right", index + 1)):
            move = _add(menu, text, lambda place=place: state.move_pane(key, place))
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
        """Add an entry with the text and the keys of a command, for the pane of the menu."""
        keys = ", ".join(self._actions[name].shortcut().toString() for _ in self._actions.keys(name)[:1])
        return _add(menu, "\t".join(filter(None, [self._actions.commands[name].text, keys])), run)

    def _add_choice(
        self, menu: QMenu, text: str, keys: Sequence[str], *, run: Callable[[str], object]
    ) -> None:
        submenu = menu.addMenu(text)
        submenu.setEnabled(bool(keys))
        for key in keys:
            _add(submenu, self._state.label(key), lambda key=key: run(key))

    def _fill_panes_menu(self) -> None:
        """List what can be added, shown and removed now."""
        state, session, menu = self._state, self._session, self.panes
        menu.clear()
        _add(menu, "Add a model file…", lambda: self._add_student(ask_model(self._window, "Add a model")))
        _add(
            menu, "Add a run folder…", lambda: self._add_student(ask_folder(self._window, "Add a run folder"))
        )
        picture = _add(menu, "Add an image as a pane…", self._choose_pictures)
        picture.setToolTip("A picture of the same scene from another tool, of HR size or of LR size")
        picture.setEnabled(state.image is not None)
        for name in bundled_models():
            if name not in (session.teacher, *session.students):
                _add(menu, f"Add {name}", lambda name=name: session.add_student(name))
        if state.image is not None:
            menu.addSection("Shown")
            for key in state.available:
                show = menu.addAction(state.title(key))
                show.setCheckable(True)
                show.setChecked(key not in state.closed)
                show.toggled.connect(
                    lambda shown, key=key: state.show_pane(key) if shown else state.close_pane(key)
                )
        if session.students:
            menu.addSection("Everywhere")
        for ref, label in model_labels(session.students).items():
            _add(menu, f"Remove {label}", lambda ref=ref: state.remove_student(ref))

    def _add_student(self, path: Path | None) -> None:
        if path is not None:
            self._session.add_student(str(path))

    def _choose_pictures(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        title, kinds = "Add an image as a pane", f"Images ({pattern})"
        names, _ = QFileDialog.getOpenFileNames(self._window, title, "", kinds)
        for name in names:
            self._state.add_picture(Path(name))


def _add(menu: QMenu, text: str, run: Callable[[], object]) -> QAction:
    action = menu.addAction(text)
    action.triggered.connect(lambda _=False: run())
    return action
