"""Random networks, a small asymmetric photograph and a session for the tests of the image panels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from skimage import data

from fakd_core import create_model
from fakd_core.data.image_files import write_image
from fakd_core.models.checkpoint import save_safetensors
from fakd_gui.session.opening import Action, each
from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import apply_theme

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@dataclass
class Bench:
    """A session with a teacher and two students, and the images to open in it."""

    session: Session
    folder: Path
    teacher: str
    students: list[str]
    photo: Path
    errors: list[str]

    def choose_all(self) -> None:
        self.session.set_teacher(self.teacher)
        for student in self.students:
            self.session.add_student(student)


def save_model(folder: Path, name: str, seed: int, scale: int = 4, n_feats: int = 8, **sizes: int) -> str:
    """A random RCAN's checkpoint."""
    torch.manual_seed(seed)
    sizes = {"n_resgroups": 2, "n_resblocks": 1, "reduction": 4, **sizes}
    path = folder / f"{name}.safetensors"
    save_safetensors(create_model("rcan", scale=scale, n_feats=n_feats, **sizes).eval(), path)
    return str(path)


def save_photo(folder: Path, name: str = "photo", height: int = 64, width: int = 96) -> Path:
    """A crop of a photograph without any symmetry."""
    path = folder / f"{name}.png"
    write_image(path, data.astronaut()[10 : 10 + height, 140 : 140 + width])
    return path


def make_bench(folder: Path) -> Bench:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply_theme(application)
    session = Session(runs_root=folder / "runs")
    errors: list[str] = []
    session.error.connect(lambda problem: errors.append(problem.text))
    # The window's opener loads a model before it adds it.
    session.openers[Action.ADD_STUDENTS] = each(lambda path: session.add_student(str(path)))
    students = [save_model(folder, "with", 1), save_model(folder, "without", 2)]
    return Bench(
        session, folder, save_model(folder, "teacher", 0, n_feats=12), students, save_photo(folder), errors
    )


def turn_wheel(
    widget: QWidget,
    at: QPointF,
    notches: int,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """A real wheel event at `at`."""
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPointF(0, 0).toPoint(),
        QPointF(0, 120 * notches).toPoint(),
        Qt.MouseButton.NoButton,
        modifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
