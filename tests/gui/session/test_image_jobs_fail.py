"""Failures in Compare, Inspect and the figure dialog: the reason is shown, the rest keeps working."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from small_models import save_model

from fakd_gui.compare.difference import Difference, Kind
from fakd_gui.compare.filmstrip import BY_DIFFERENCE
from fakd_gui.compare.panes import DIFFERENCE, HR
from fakd_gui.figure.dialog import FigureDialog, open_crop_figure
from fakd_gui.inspect.state import difference_key
from fakd_gui.session.jobs import LatestWins
from fakd_gui.window.main_window import MainWindow

ERRORS = {
    "torch": (RuntimeError("torch shape error"), "Unexpected RuntimeError: torch shape error"),
    "memory": (MemoryError(), "Not enough memory"),
}


@dataclass
class Scene:
    """A window with a teacher, a student and an image, and a function that raises an error on request."""

    window: MainWindow
    qtbot: QtBot
    patch: pytest.MonkeyPatch
    folder: Path
    teacher: str
    student: str
    error: BaseException
    reason: str

    def fails(self, name: str, act: Callable[[], object]) -> None:
        """Do `act` while the function `name` raises: the window says why, with the details."""
        window = self.window
        window.banner.dismiss()
        self.break_(name)
        act()
        self.qtbot.waitUntil(lambda: any(self.reason in text for text in window.banner.messages))
        self.idle()
        assert window.isVisible()
        assert window.banner.copy_button.isVisible()
        window.banner.copy_button.click()
        assert "in broken_on_purpose" in QGuiApplication.clipboard().text()
        self.patch.undo()

    def break_(self, name: str) -> None:
        def broken_on_purpose(*_args: object, **_kwargs: object) -> object:
            raise type(self.error)(*self.error.args)

        module, function = name.rsplit(".", 1)
        assert hasattr(import_module(module), function)
        self.patch.setattr(name, broken_on_purpose)

    def idle(self) -> None:
        works = self.window.findChildren(LatestWins)
        self.qtbot.waitUntil(lambda: not any(work.running for work in works))


@pytest.fixture(params=list(ERRORS))
def scene(
    request: pytest.FixtureRequest, window: MainWindow, qtbot: QtBot, photos: Path, tmp_path: Path
) -> Iterator[Scene]:
    error, reason = ERRORS[request.param]
    teacher, student = save_model(tmp_path, "teacher", 0), save_model(tmp_path, "student", 1)
    window.session.set_teacher(teacher)
    window.session.add_student(student)
    window.show_workspace("Compare")
    with qtbot.waitSignal(window.compare.finished):
        window.open_paths([photos / "coffee0.png"])
    with pytest.MonkeyPatch.context() as patch:
        yield Scene(window, qtbot, patch, tmp_path, teacher, student, error, reason)


def test_compare(scene: Scene, photos: Path) -> None:
    panel, session = scene.window.compare, scene.window.session
    board, strip = panel.board, panel.strip
    third = save_model(scene.folder, "third", 2)
    scene.fails("fakd_core.inference.upscale.upscale_events", lambda: session.add_student(third))
    assert scene.reason in board.panes[third].canvas.message
    assert board.panes[third].canvas.message_is_error
    # The others are as they were.
    assert panel.state.pixels(scene.student) is not None
    ssim = Difference(scene.teacher, HR, kind=Kind.SSIM)
    scene.fails("fakd_gui.compare.runner.draw_difference", lambda: panel.state.show_difference(ssim))
    assert scene.reason in board.panes[DIFFERENCE].canvas.message
    scene.window.banner.dismiss()
    board.refresh()
    scene.idle()
    assert scene.window.banner.messages == []
    assert board.panes[DIFFERENCE].canvas.message_is_error
    panel.state.show_difference(Difference(scene.teacher, HR, gain=8, kind=Kind.SSIM))
    scene.qtbot.waitUntil(lambda: panel.state.picture(DIFFERENCE) is not None)
    scene.fails(
        "fakd_gui.compare.runner.measure_region", lambda: panel.state.set_region(QRectF(8, 8, 40, 40))
    )
    panel.state.set_region(QRectF(8, 8, 41, 40))
    scene.qtbot.waitUntil(lambda: bool(panel.state.region_scores))
    folder = scene.folder / "saved"
    folder.mkdir()
    scene.fails("fakd_gui.compare.export.write_image", lambda: panel.commands.exporter.save(folder, [HR]))
    assert list(folder.iterdir()) == []
    paths = sorted(photos.iterdir())[:3]
    names = [path.name for path in paths]
    scene.fails("fakd_gui.compare.runner.read_thumbnails", lambda: strip.show_images(paths, names))

    def sort() -> None:
        strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))

    scene.fails("fakd_gui.compare.runner.open_image", sort)
    assert strip.order.currentIndex() == 0
    with scene.qtbot.waitSignal(panel.finished):
        panel.refresh()
    assert panel.state.pixels(third) is not None


def test_inspect(scene: Scene) -> None:
    window = scene.window
    panel, session = window.inspect, window.session
    window.show_workspace("Inspect")
    scene.qtbot.waitUntil(lambda: scene.student in panel.area.board.rows)
    scene.idle()
    third = save_model(scene.folder, "third", 2)
    scene.fails("fakd_gui.inspect.features.extract_features", lambda: session.add_student(third))
    assert scene.reason in panel.area.board.panes[third].canvas.message
    assert scene.reason in panel.area.board.panes[difference_key(third)].canvas.message
    with scene.qtbot.waitSignal(panel.map_shown):
        panel.refresh()
    fourth = save_model(scene.folder, "fourth", 3)
    scene.fails("fakd_gui.inspect.features.sa_loss", lambda: session.add_student(fourth))
    scene.fails("fakd_gui.inspect.runner.make_matrices", panel.controls.matrix.click)
    panel.state.set_layer(1)
    scene.qtbot.waitUntil(lambda: bool(panel.area.matrix.matrices.values))
    scene.patch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(scene.folder / "map.csv"), ""))
    scene.fails("fakd_gui.inspect.export.write_values", panel.exporter.save_values)
    assert not (scene.folder / "map.csv").exists()
    with scene.qtbot.waitSignal(panel.map_shown):
        panel.state.set_query(3, 3)
    assert np.isfinite(panel.area.board.rows[fourth]).all()


def test_figure(scene: Scene) -> None:
    window, qtbot = scene.window, scene.qtbot
    assert window.session.image is not None
    scene.break_("fakd_core.figures.draw.compose")
    image = window.session.image
    open_crop_figure(window, window.session, image, models=["bicubic"], region=(8, 8, 40, 30))
    dialog = window.findChild(FigureDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: scene.reason in dialog.status.text())
    scene.patch.undo()
    assert dialog.details_button.isVisible()
    dialog.details_button.click()
    assert "in broken_on_purpose" in QGuiApplication.clipboard().text()
    dialog.form.numbers["width"].setValue(80)
    qtbot.waitUntil(lambda: dialog.pixels is not None and dialog.status.text() == "")
    assert not dialog.details_button.isVisible()
    scene.break_("fakd_core.figures.draw.draw")
    dialog.save(scene.folder / "f.png")
    qtbot.waitUntil(lambda: scene.reason in dialog.status.text())
    assert not (scene.folder / "f.png").exists()
    assert dialog.details_button.isVisible()
    assert window.isVisible()
    dialog.close()
