"""The models and sets to measure, with check boxes and menus to add more."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import published_set
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.session.run_folders import has_student
from fakd_gui.widgets.check_list import CheckList, Choice
from fakd_gui.widgets.file_dialogs import ask_folder, ask_model

MAX_RUNS = 20
"""Runs in the menu; older ones are chosen by their folder."""


class Chooser(QWidget):
    """The lists of models and sets."""

    def __init__(self, state: BenchmarkState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.models = CheckList("Models to measure", self)
        self.sets = CheckList("Sets of images to measure on", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._heading("Models", "Add a model", self._models_menu()))
        layout.addWidget(self.models, 3)
        layout.addLayout(self._heading("Sets", "Add a set of images", self._sets_menu()))
        layout.addWidget(self.sets, 2)
        self.setMinimumWidth(150)
        for checks in (self.models, self.sets):
            checks.toggled.connect(state.set_checked)
        self.models.remove_requested.connect(state.remove_model)
        self.sets.remove_requested.connect(lambda key: state.remove_folder(Path(key)))
        state.models_changed.connect(self._list_models)
        state.sets_changed.connect(self._list_sets)
        self._list_models()
        self._list_sets()

    def _list_models(self) -> None:
        state, choices = self.state, {}
        for ref, label in state.labels.items():
            name = f"{label} (teacher)" if ref == state.session.teacher else label
            tip = "MATLAB's bicubic upscaling" if ref == BICUBIC else ""
            choices[ref] = Choice(name, state.is_model_checked(ref), ref in state.added, tip)
        self.models.set_choices(choices)

    def _list_sets(self) -> None:
        samples, checked = resolve_data(SAMPLES), self.state.checked_folders
        self.sets.set_choices(
            {
                str(folder): Choice(
                    published_set(folder.name) or folder.name,
                    folder in checked,
                    removable=folder != samples,
                    tip=_tip(folder),
                )
                for folder in self.state.folders
            }
        )

    def _heading(self, title: str, tip: str, menu: QMenu) -> QHBoxLayout:
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        add = QToolButton()
        add.setText("Add…")
        add.setToolTip(f"{tip}; files and folders can be dropped here, too")
        add.setAccessibleName(tip)
        add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        add.setMenu(menu)
        row = QHBoxLayout()
        row.addWidget(heading, 1, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(add)
        return row

    def _models_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: self._fill_models_menu(menu))
        return menu

    def _fill_models_menu(self, menu: QMenu) -> None:
        """Files, and the session's runs that have a student."""
        menu.clear()
        menu.addAction("Model file…", self._choose_model)
        menu.addAction("Run folder…", self._choose_run)
        offered = self.state.labels
        runs = [run for run in self.state.session.runs if str(run) not in offered and has_student(run)]
        if runs:
            menu.addSection("Runs")
        for run in runs[:MAX_RUNS]:
            menu.addAction(run.name, partial(self.state.add_model, str(run)))

    def _sets_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Folder of images, or of sets…", self._choose_folder)
        return menu

    def _choose_model(self) -> None:
        if path := ask_model(self, "Add a model to measure"):
            self.state.add_model(str(path))

    def _choose_run(self) -> None:
        if run := ask_folder(self, "Add the student of a run", self.state.session.runs_root):
            self.state.add_model(str(run))

    def _choose_folder(self) -> None:
        if folder := ask_folder(self, "Add a folder of images, or of sets"):
            self.state.add_folder(folder)


def _tip(folder: Path) -> str:
    known = published_set(folder.name)
    return f"{folder}\nThe papers' {known}: published scores are shown with it" if known else str(folder)
