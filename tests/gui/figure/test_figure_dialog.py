"""The figure dialog: a preview that is drawn on a thread, and saved with its recipe."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Progress
from fakd_core.figures.spec import AffinityFigure, CropFigure
from fakd_core.figures.spec_file import read_spec
from fakd_gui.figure.dialog import FigureDialog, open_affinity_figure, open_crop_figure
from fakd_gui.figure.form import FigureForm
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.opened_image import open_image
from fakd_gui.session.session import Session
from fakd_gui.window.unsaved_work import unsaved_work


@pytest.fixture(autouse=True)
def _fonts_closed() -> Iterator[None]:
    """Close the font files that matplotlib keeps open for each of the last threads that drew."""
    yield
    from matplotlib import font_manager

    font_manager._get_font.cache_clear()


def shown(parent: QWidget, qtbot: QtBot) -> FigureDialog:
    dialog = parent.findChild(FigureDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.pixels is not None)
    return dialog


def test_a_dialog_that_is_destroyed_while_it_draws_hears_nothing_more(
    session: Session, qtbot: QtBot, photos: Path
) -> None:
    parent = QWidget()
    image = open_image(photos / "coffee0.png", 4, False)
    open_crop_figure(parent, session, image, models=["bicubic"], region=None)
    drawing = parent.findChild(FigureDialog)._drawing
    assert drawing.running
    delete(parent)
    with qtbot.waitSignal(drawing.busy):  # An error in a slot of the dead dialog fails the test.
        pass


def test_crops_are_previewed_edited_saved_and_copied(
    session: Session, qtbot: QtBot, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    image = open_image(photos / "coffee0.png", 4, False)
    open_crop_figure(parent, session, image, models=["bicubic"], region=(10, 20, 40, 30))
    dialog = shown(parent, qtbot)
    before = dialog.pixels
    assert not dialog.isModal()
    assert dialog.preview.camera.smooth
    dialog.form.models.item(0).setText("Cubic")
    qtbot.waitUntil(lambda: dialog.pixels is not before)
    assert not np.array_equal(dialog.pixels, before)
    with qtbot.waitSignal(session.status_message):
        dialog.save(tmp_path / "f.png")
    recipe = read_spec(tmp_path / "f.png")
    assert isinstance(recipe, CropFigure)
    assert [model.name for model in recipe.models] == ["Cubic", "HR"]
    assert tuple(recipe.regions[0]) == (10, 20, 40, 30)
    dialog.copy_command()
    text = QGuiApplication.clipboard().text()
    assert "--model Cubic=bicubic" in text
    assert "--roi 10,20,40,30" in text
    written = (tmp_path / "f.png").read_bytes()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "f"), ""))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Cancel)
    dialog.form.models.item(0).setText("Another")
    dialog.save_button.click()
    qtbot.waitUntil(lambda: not any(job.running for job in session.findChildren(LatestWins)))
    assert (tmp_path / "f.png").read_bytes() == written
    (tmp_path / "file").touch()
    dialog.save(tmp_path / "file" / "f.png")
    qtbot.waitUntil(lambda: dialog.status.property("role") == "error")
    with qtbot.waitSignal(session.status_message) as message:
        dialog.save(tmp_path / "f.png")
    assert message.args == ["Wrote f.png and its recipe"]
    assert (dialog.status.text(), dialog.status.property("role")) == (message.args[0], "muted")
    dialog.form.regions.setText("100, 100, 90, 90")
    dialog.refresh()
    qtbot.waitUntil(lambda: "lies outside the image" in dialog.status.text())
    for row in range(2):
        dialog.form.models.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert dialog.status.text() == "check at least one model"
    dialog.close()


@pytest.mark.parametrize("text", ["", ";;", "1, 2", "1, 1, 0, 0", "1, 1, 2.5, 3", "a", "1, 1, 4, 4; 2"])
def test_invalid_regions_are_reported_in_one_line(qtbot: QtBot, text: str) -> None:
    form = FigureForm(CropFigure.build(image="a.png", regions=((1, 1, 8, 8),), models=("bicubic",)))
    qtbot.addWidget(form)
    form.regions.setText(text)
    with pytest.raises(ConfigError, match=r"^regions: must be x, y, width, height in whole HR pixels"):
        form.spec()


def test_typing_a_region_changes_the_figure(qtbot: QtBot) -> None:
    form = FigureForm(CropFigure.build(image="a.png", regions=((1, 1, 8, 8),), models=("bicubic",)))
    qtbot.addWidget(form)
    with qtbot.waitSignal(form.changed):
        qtbot.keyClicks(form.regions, "0")
    figure = form.spec()
    assert isinstance(figure, CropFigure)
    assert tuple(figure.regions[0]) == (1, 1, 8, 80)


def test_a_label_that_is_too_long_is_reported_in_one_line(qtbot: QtBot) -> None:
    form = FigureForm(CropFigure.build(image="a.png", regions=((1, 1, 8, 8),), models=("bicubic",)))
    qtbot.addWidget(form)
    form.models.item(0).setText("name " * 60)
    with pytest.raises(ConfigError, match="label"):
        form.spec()


def test_affinities_are_previewed_and_saved(
    session: Session, qtbot: QtBot, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    image = open_image(photos / "coffee0.png", 4, False)
    ref = str(small_teacher)
    open_affinity_figure(parent, session, image, teacher=ref, students=[ref], layer=2, query=(5, 9))
    dialog = shown(parent, qtbot)
    with qtbot.waitSignal(session.status_message):
        dialog.save(tmp_path / "f.pdf")
    recipe = read_spec(tmp_path / "f.pdf")
    assert isinstance(recipe, AffinityFigure)
    assert (recipe.layer, tuple(recipe.query)) == (2, (5, 9))
    dialog.close()


def test_saving_can_be_stopped_and_closing_asks_first(
    session: Session, qtbot: QtBot, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    image = open_image(photos / "coffee0.png", 4, False)
    open_crop_figure(parent, session, image, models=["bicubic"], region=(10, 20, 40, 30))
    dialog = shown(parent, qtbot)
    qtbot.waitUntil(lambda: not dialog.stop_button.isVisible())

    def draw(*given: object, cancel: CancelToken, **more: object) -> Iterator[Progress]:
        yield Progress(0, 1, "Bicubic")
        while True:
            time.sleep(0.001)
            cancel.raise_if_cancelled()

    monkeypatch.setattr("fakd_core.figures.draw.draw", draw)
    dialog.save(tmp_path / "f.png")
    qtbot.waitUntil(lambda: dialog.status.text() == "Saving: Bicubic…")
    questions: list[str] = []

    def refuse(_parent: QWidget, _title: str, text: str, *_: object) -> QMessageBox.StandardButton:
        questions.append(text)
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", refuse)
    assert not dialog.close()
    assert dialog.isVisible()
    assert questions == ["Close anyway? The figure has not been saved."]
    dialog.stop_button.click()
    qtbot.waitUntil(lambda: not dialog.stop_button.isVisible())
    assert dialog.status.text() == "Stopped"
    assert dialog.close()
    assert len(questions) == 1
    assert list(tmp_path.glob("f.*")) == []


def test_closing_while_saving_waits_for_nothing(
    session: Session, qtbot: QtBot, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, begun, go_on = QWidget(), threading.Event(), threading.Event()
    qtbot.addWidget(parent)
    image = open_image(photos / "coffee0.png", 4, False)
    open_crop_figure(parent, session, image, models=["bicubic"], region=(10, 20, 40, 30))
    dialog = shown(parent, qtbot)

    def draw(*given: object, cancel: CancelToken, **more: object) -> Iterator[Progress]:
        begun.set()
        assert go_on.wait(60)
        cancel.raise_if_cancelled()
        yield Progress(0, 1, "Bicubic")

    monkeypatch.setattr("fakd_core.figures.draw.draw", draw)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Close)
    dialog.save(tmp_path / "f.png")
    assert begun.wait(60)
    started = time.monotonic()
    assert dialog.close()
    assert time.monotonic() - started < 8  # Waits for a job give up after 10 s or more.
    # Nobody is asked about it again, and its thread ends by itself.
    assert unsaved_work(session, session) == []
    go_on.set()

    def left() -> list[str]:
        return [worker.name for worker in session.findChildren(LatestWins) if "figure" in worker.name]

    qtbot.waitUntil(lambda: left() == [])
