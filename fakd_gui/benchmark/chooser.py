"""The models and sets to measure, with check boxes and menus to add more."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import published_set
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.session.run_folders import has_student
from fakd_gui.widgets.check_list import CheckList, Choice
from fakd_gui.widgets.file_dialogs import ask_folder, ask_model
from fakd_gui.widgets.image_tools import drop_down_button
from fakd_gui.widgets.theme import with_role

MAX_RUNS = 20
"""Runs in the menu; older ones are chosen by their folder."""


class Chooser(QWidget):
    """The lists of models and sets."""

    def __init__(self, state: BenchmarkState, parent: QWidget | None = None) -> None:
        super().__init__(parent, minimumWidth=150)
        self.state = state
        self.models = CheckList("Models to measure", self)
        self.sets = CheckList("Sets of images to measure on", self)
        self._models_menu, sets_menu = QMenu(self), QMenu(self)
        self._models_menu.aboutToShow.connect(self._fill_models_menu)
        sets_menu.addAction("Folder of images, or of sets…", self._add_folder)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addLayout(_heading("Models", "Add a model", self._models_menu))
        layout.addWidget(self.models, 3)
        layout.addLayout(_heading("Sets", "Add a set of images", sets_menu))
        layout.addWidget(self.sets, 2)
        for checks in (self.models, self.sets):
            checks.toggled.connect(state.set_checked)
        self.models.remove_requested.connect(state.remove_model)
        self.sets.remove_requested.connect(lambda key: state.remove_folder(Path(key)))
        state.choices_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        """Follow the state."""
        state, choices = self.state, {}
        for ref, label in state.labels.items():
            name = f"{label} (teacher)" if ref == state.session.teacher else label
            tip = "MATLAB's bicubic upscaling" if ref == BICUBIC else ""
            choices[ref] = Choice(name, state.is_model_checked(ref), ref in state.added, tip)
        self.models.set_choices(choices)
        samples, checked, choices = resolve_data(SAMPLES), state.checked_folders, {}
        for folder in state.folders:
            known = published_set(folder.name)
            tip = f"{folder}\nThe papers' {known}: published scores are shown with it" if known else ""
            choices[str(folder)] = Choice(known or folder.name, folder in checked, folder != samples, tip)
        self.sets.set_choices(choices)

    def _fill_models_menu(self) -> None:
        """Files, and the session's runs that have a student."""
        menu, session = self._models_menu, self.state.session
        menu.clear()
        menu.addAction("Model file…", lambda: self._add_model(ask_model(self, "Add a model to measure")))
        title = "Add the student of a run"
        menu.addAction("Run folder…", lambda: self._add_model(ask_folder(self, title, session.runs_root)))
        offered = self.state.labels
        runs = [run for run in session.runs if str(run) not in offered and has_student(run)]
        if runs:
            menu.addSection("Runs")
        for run in runs[:MAX_RUNS]:
            menu.addAction(run.name, partial(self._add_model, run))

    def _add_model(self, path: Path | None) -> None:
        if path:
            self.state.add_model(str(path))

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
