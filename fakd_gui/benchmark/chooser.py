"""The sets to measure on, with check boxes and a menu to add more, and how many models are measured."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.evaluation.published import published_set
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.widgets.check_list import CheckList, Choice
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.file_dialogs import ask_folder
from fakd_gui.widgets.image_tools import drop_down_button
from fakd_gui.widgets.theme import with_role


class Chooser(QWidget):
    """The list of sets; the models are chosen in the library."""

    def __init__(self, state: BenchmarkState, parent: QWidget | None = None) -> None:
        super().__init__(parent, minimumWidth=150)
        self.state = state
        self.sets = CheckList("Sets of images to measure on", self)
        self.models = wrapped_label("muted")
        sets_menu = QMenu(self)
        sets_menu.addAction("Folder of images, or of sets…", self._add_folder)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addLayout(_heading("Sets", "Add a set of images", sets_menu))
        layout.addWidget(self.sets, 1)
        layout.addWidget(self.models)
        self.sets.toggled.connect(state.set_checked)
        self.sets.remove_requested.connect(lambda key: state.remove_folder(Path(key)))
        state.choices_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        """Follow the state."""
        state, names = self.state, list(self.state.models.values())
        count = "1 model" if len(names) == 1 else f"{len(names)} models"
        self.models.setText(f"{count} to measure: those with an open eye in the library")
        self.models.setToolTip("\n".join(names))
        samples, checked, choices = resolve_data(SAMPLES), state.checked_folders, {}
        for folder in state.folders:
            known = published_set(folder.name)
            tip = f"{folder}\nThe papers' {known}: published scores are shown with it" if known else ""
            choices[str(folder)] = Choice(known or folder.name, folder in checked, folder != samples, tip)
        self.sets.set_choices(choices)

    def _add_folder(self) -> None:
        if folder := ask_folder(self, "Add a folder of images, or of sets"):
            self.state.add_folder(folder)


def _heading(title: str, tip: str, menu: QMenu) -> QHBoxLayout:
    add = drop_down_button("Add…", f"{tip}; files and folders can be dropped here, too", menu)
    add.setAccessibleName(tip)
    row = QHBoxLayout()
    row.addWidget(with_role(QLabel(title), "heading"), 1, Qt.AlignmentFlag.AlignBottom)
    row.addWidget(add)
    return row
