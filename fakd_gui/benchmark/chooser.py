"""What is to be measured: the models and the sets, and how more of them come in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import SETS, published_set
from fakd_core.evaluation.report import row_labels
from fakd_core.runs.references import split_taps
from fakd_gui.session.run_folders import has_student
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Remembered, part, texts
from fakd_gui.widgets.check_list import CheckList, Choice
from fakd_gui.widgets.file_dialogs import ask_folder, ask_model

MAX_RUNS = 20
"""In the menu; older ones are chosen by their folder."""


class Chooser(QWidget):
    """Models: bicubic, the session's, the bundled ones, those added here. Sets: folders, samples first."""

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.added: list[str] = []
        """Models that were added here, not in the session."""
        self.folders: list[Path] = []
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
        for ticks in (self.models, self.sets):
            ticks.changed.connect(self.changed)
        self.models.remove_requested.connect(self.remove_model)
        self.sets.remove_requested.connect(self.remove_folder)
        session.teacher_changed.connect(lambda _: self.offer_models())
        session.students_changed.connect(lambda _: self.offer_models())
        self.offer_models()
        samples = resolve_data(SAMPLES)
        if samples.is_dir():
            self.add_folder(samples)

    def labels(self) -> dict[str, str]:
        """Every model on offer with its name, in the order of a table's rows: the teacher last."""
        session = self.session
        chosen = [*session.students, *self.added]
        others = [ref for ref in _bundled() if ref not in chosen and ref != session.teacher]
        refs = [ref for ref in dict.fromkeys((*chosen, *others, session.teacher)) if ref]
        refs = [ref for ref in refs if ref != session.teacher] + [session.teacher] * bool(session.teacher)
        return row_labels([BICUBIC, *refs])

    def add_model(self, ref: str) -> None:
        """Offer the file, run folder or bundled model `ref`, checked."""
        if ref not in self.labels():
            self.added.append(ref)
        self.models.user_choices[ref] = True
        self.offer_models()

    def remove_model(self, ref: str) -> None:
        label = self.labels()[ref]
        self.added.remove(ref)
        self.offer_models()
        self.session.offer_undo(
            f"Removed {label} from the list of models",
            lambda: self.add_model(ref),
            lambda: self.remove_model(ref) if ref in self.added else False,
        )

    def add_folder(self, folder: Path) -> None:
        """Offer `folder` (HR images, or a DIV2K or benchmark layout) as a set; of a folder of sets, all."""
        for found in _sets_in(folder.expanduser().absolute()):
            if found not in self.folders:
                self.folders.append(found)
            self.sets.user_choices.pop(str(found), None)
        self._offer_sets()

    def remove_folder(self, key: str) -> None:
        folder = Path(key)
        place = self.folders.index(folder)
        self.folders.remove(folder)
        self._offer_sets()

        def take_back() -> None:
            # It may have been added again meanwhile.
            if folder not in self.folders:
                self.folders.insert(place, folder)
            self._offer_sets()

        self.session.offer_undo(
            f"Removed {folder.name} from the list of sets",
            take_back,
            lambda: self.remove_folder(key) if folder in self.folders else False,
        )

    def offer_models(self) -> None:
        """List the models as they are now."""
        session = self.session
        in_session = {BICUBIC, session.teacher, *session.students}
        choices = {}
        for ref, label in self.labels().items():
            name = f"{label} (teacher)" if ref == session.teacher else label
            tip = "MATLAB's bicubic enlargement" if ref == BICUBIC else ""
            choices[ref] = Choice(name, ref in in_session or ref in self.added, ref in self.added, tip)
        self.models.set_choices(choices)

    def remember(self) -> dict[str, object]:
        return {
            "folders": [str(folder) for folder in self.folders],
            "models": self.added,
            "ticks": {
                key: ticked
                for ticks in (self.models, self.sets)
                for key, ticked in ticks.user_choices.items()
                if key in ticks.listed_keys()
            },
        }

    def recall(self, remembered: Remembered) -> None:
        """What is no longer there is left out."""
        for key, ticked in part(remembered, "ticks").items():
            for ticks in (self.models, self.sets):
                ticks.user_choices[key] = ticked is True
        folders = [Path(name) for name in texts(remembered, "folders")]
        self.folders += [folder for folder in folders if folder.is_dir() and folder not in self.folders]
        known = self.labels()
        refs = texts(remembered, "models")
        self.added += [ref for ref in refs if ref not in known and Path(split_taps(ref)[0]).exists()]
        self.offer_models()
        self._offer_sets()

    # -- building

    def _heading(self, title: str, what: str, menu: QMenu) -> QHBoxLayout:
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        add = QToolButton()
        add.setText("Add…")
        add.setToolTip(f"{what}; files and folders can be dropped here, too")
        add.setAccessibleName(what)
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
        """Files, and the runs that the window knows and that have a student."""
        menu.clear()
        menu.addAction("Model file…", self._choose_model)
        menu.addAction("Run folder…", self._choose_run)
        offered = self.labels()
        runs = [run for run in self.session.runs if str(run) not in offered and has_student(run)]
        if runs:
            menu.addSection("Runs")
        for run in runs[:MAX_RUNS]:
            menu.addAction(run.name, partial(self.add_model, str(run)))

    def _sets_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Folder of images, or of sets…", self._choose_folder)
        return menu

    def _offer_sets(self) -> None:
        samples = resolve_data(SAMPLES)
        self.sets.set_choices(
            {
                str(folder): Choice(
                    published_set(folder.name) or folder.name,
                    removable=folder != samples,
                    tip=_tip(folder),
                )
                for folder in self.folders
            }
        )

    def _choose_model(self) -> None:
        if path := ask_model(self, "Add a model to measure"):
            self.add_model(str(path))

    def _choose_run(self) -> None:
        if run := ask_folder(self, "Add the student of a run", self.session.runs_root):
            self.add_model(str(run))

    def _choose_folder(self) -> None:
        if folder := ask_folder(self, "Add a folder of images, or of sets"):
            self.add_folder(folder)


def _bundled() -> Mapping[str, Path]:
    from fakd_core.runs.references import bundled_models

    return bundled_models()


def _sets_in(folder: Path) -> list[Path]:
    """The benchmark sets that lie in `folder`, in the papers' order; `folder` itself where there are none."""
    if folder.name == "HR" and published_set(folder.parent.name):
        return [folder.parent]
    try:
        inside = [path for path in folder.iterdir() if (path / "HR").is_dir()]
    except OSError:
        return [folder]

    def place(path: Path) -> tuple[int, str]:
        name = published_set(path.name)
        return (SETS.index(name) if name else len(SETS), path.name.lower())

    return sorted(inside, key=place) or [folder]


def _tip(folder: Path) -> str:
    known = published_set(folder.name)
    return f"{folder}\nThe papers' {known}: their figures stand beside" if known else str(folder)
