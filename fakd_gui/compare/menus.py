"""The menus of Compare: which panes there are, and what can be done with one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from fakd_core.runs.references import model_labels
from fakd_gui.compare.state import DIFFERENCE, SPLIT
from fakd_gui.compare.work import PICTURE
from fakd_gui.widgets.file_dialogs import ask_folder, ask_model

if TYPE_CHECKING:
    from fakd_gui.compare.panel import ComparePanel


class PanesMenu(QObject):
    """Fills `menu`: adds models and pictures, shows and hides panes, removes students everywhere."""

    def __init__(self, panel: ComparePanel, menu: QMenu) -> None:
        super().__init__(menu)
        self._panel = panel
        self._menu = menu
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what can be added, shown and removed now."""
        from fakd_core.runs.references import bundled_models

        panel, session, menu = self._panel, self._panel.session, self._menu
        menu.clear()
        menu.addAction("Add a model file…").triggered.connect(self._choose_file)
        menu.addAction("Add a run folder…").triggered.connect(self._choose_run)
        picture = menu.addAction("Add an image as a pane…")
        picture.setToolTip("A picture of the same scene from another tool, of HR size or of LR size")
        picture.triggered.connect(panel.panes.choose_pictures)
        picture.setEnabled(session.image is not None)
        for name in bundled_models():
            if name not in (session.teacher, *session.students):
                adding = menu.addAction(f"Add {name}")
                adding.triggered.connect(lambda _=False, ref=name: session.add_student(ref))
        if session.image is not None:
            menu.addSection("Shown")
            for key in panel.board.pane_set.available:
                showing = menu.addAction(panel.board.pane_set.title(key))
                showing.setCheckable(True)
                showing.setChecked(key not in panel.board.pane_set.closed)
                showing.toggled.connect(lambda shown, chosen=key: panel.panes.show(chosen, shown))
        if session.students:
            menu.addSection("Everywhere")
        for ref, label in model_labels(session.students).items():
            removing = menu.addAction(f"Remove {label}")
            removing.triggered.connect(lambda _=False, chosen=ref: panel.panes.remove_student(chosen))

    def _choose_file(self) -> None:
        if path := ask_model(self._panel, "Add a model"):
            self._panel.session.add_student(str(path))

    def _choose_run(self) -> None:
        if run := ask_folder(self._panel, "Add a run folder"):
            self._panel.session.add_student(str(run))


def pane_menu(panel: ComparePanel, key: str) -> QMenu:
    """What can be done with the pane `key`; deleted when it closes."""
    board, grid = panel.board, panel.board.grid
    menu = QMenu(panel)
    menu.aboutToHide.connect(menu.deleteLater)
    index = board.keys.index(key)
    alone = grid.solo == index
    show = menu.addAction("Show all panes" if alone else "Show alone")
    show.triggered.connect(lambda: panel.flip_to(None if alone else index))
    if key not in (SPLIT, DIFFERENCE):
        others = [other for other in board.pane_set.results if other != key]
        for title, choose in (("Split with", panel.split_with), ("Difference to", panel.difference_to)):
            below = menu.addMenu(title)
            below.setEnabled(bool(others))
            for other in others:
                action = below.addAction(board.label(other))
                action.triggered.connect(lambda _=False, choose=choose, other=other: choose(key, other))
    menu.addSeparator()
    for text, step in (("Move left", -1), ("Move right", 1)):
        moving = menu.addAction(text)
        moving.setEnabled(0 <= index + step < len(board.keys))
        moving.triggered.connect(lambda _=False, place=index + step: panel.panes.move(index, place))
    menu.addSeparator()
    if key != SPLIT:
        there = board.picture(key) is not None
        copying = menu.addAction("Copy image")
        copying.triggered.connect(lambda: panel.exporter.copy(key))
        saving = menu.addAction("Save image…")
        saving.triggered.connect(lambda: panel.exporter.choose_file(key))
        for action in (copying, saving):
            action.setEnabled(there)
        menu.addSeparator()
    closing = menu.addAction("Close")
    closing.triggered.connect(lambda: panel.panes.close(key))
    if key.startswith(PICTURE):
        closing.setText("Remove")
    return menu
