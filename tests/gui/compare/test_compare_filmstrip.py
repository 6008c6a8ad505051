"""The filmstrip: stepping through a folder with the view kept, and sorting by difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from compare_bench import comparing, save_stamp
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model, save_photo

from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.inference.upscale import upscale
from fakd_gui.compare.cache import ResultCache
from fakd_gui.compare.filmstrip import BY_DIFFERENCE, BY_NAME, Filmstrip
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.compare.panes import BICUBIC
from fakd_gui.compare.results import PaneResult
from fakd_gui.session.opened_image import open_image
from fakd_gui.widgets.overlays import Overlay

Opened = tuple[Bench, ComparePanel]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    return [
        save_photo(folder, "a", 64, 96),
        save_photo(folder, "b", 64, 96),
        save_stamp(folder, "c", 48, 64),
    ]


@pytest.fixture
def opened(tmp_path: Path, images: list[Path], qapp: QApplication, qtbot: QtBot) -> Iterator[Opened]:
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.choose_all()
        with qtbot.waitSignal(panel.finished):
            drop(panel, [images[0].parent])
        yield bench, panel


def drop(panel: ComparePanel, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    # Qt drops on the widget that the mouse entered.
    QApplication.sendEvent(panel, QDragEnterEvent(QPoint(50, 50), *how))
    QApplication.sendEvent(panel, QDropEvent(QPointF(50, 50), *how))


def test_thumbnails_in_a_low_window_are_large_enough_to_recognise_images(
    opened: Opened, qtbot: QtBot
) -> None:
    _, panel = opened
    panel.resize(760, 420)
    first = panel.strip.list.item(0)
    qtbot.waitUntil(lambda: panel.strip.list.height() < 114)
    assert panel.strip.list.iconSize().height() >= 48
    picture = first.icon().pixmap(panel.strip.list.iconSize())
    assert min(picture.width() * 2 / 3, picture.height()) >= 47
    assert panel.strip.list.viewport().height() >= panel.strip.list.visualItemRect(first).height()


def texts(strip: Filmstrip) -> list[str]:
    return [strip.list.item(index).text() for index in range(strip.list.count())]


def go(panel: ComparePanel, key: Qt.Key, qtbot: QtBot) -> str:
    """Press `key`, wait for the next image's comparison and return the image's name."""
    with qtbot.waitSignal(panel.finished):
        QTest.keyClick(panel, key)
    assert panel.session.image is not None
    return panel.session.image.name


def test_stepping_through_a_dropped_folder_keeps_zoom_and_region(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    assert texts(panel.strip) == ["a.png", "b.png", "c.png"]
    assert panel.session.image is not None
    assert panel.session.image.name == "a.png"
    assert panel.strip.isVisible()
    panel.camera.set_percent(300)
    panel.camera.look_at(QPointF(24, 16))
    panel.state.set_region(QRectF(20, 16, 20, 24))
    panel.board.grid.show_only(2)
    assert go(panel, Qt.Key.Key_PageDown, qtbot) == "b.png"
    assert panel.camera.percent == pytest.approx(300)
    assert panel.camera.center == QPointF(24, 16)
    assert panel.state.region is not None
    assert (panel.state.region.left, panel.state.region.width) == (20, 20)
    assert panel.board.grid.solo == 2
    assert go(panel, Qt.Key.Key_PageDown, qtbot) == "c.png"
    # It has another size: the relative position is kept.
    assert panel.camera.percent == pytest.approx(300)
    assert panel.camera.center == QPointF(16, 12)
    assert panel.strip.list.currentItem().text() == "c.png"
    QTest.keyClick(panel, Qt.Key.Key_PageDown)
    panel.state.set_region(None)
    assert go(panel, Qt.Key.Key_Left, qtbot) == "b.png"
    qtbot.waitUntil(lambda: not panel.strip.list.item(2).icon().isNull())
    assert bench.errors == []


def test_going_back_computes_nothing_again(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    before = {key: panel.state.results[key] for key in (BICUBIC, *bench.students, bench.teacher)}
    go(panel, Qt.Key.Key_PageDown, qtbot)
    assert all(panel.state.results[key] is not result for key, result in before.items())
    go(panel, Qt.Key.Key_PageUp, qtbot)
    assert all(panel.state.results[key] is result for key, result in before.items())


def test_images_are_sorted_by_the_difference_of_student_and_teacher(
    opened: Opened, images: list[Path], qtbot: QtBot
) -> None:
    bench, panel = opened
    distances = {}
    for path in images:
        lr = open_image(path, 4, False).lr
        student, teacher = (
            upscale(bench.session.models.get(ref), lr) for ref in (bench.students[0], bench.teacher)
        )
        distances[path.name] = np.abs(rgb_to_y(student) - rgb_to_y(teacher)).mean()
    strip = panel.strip
    strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))
    order = sorted(distances, key=lambda name: -distances[name])
    expected = [f"{name}\n{distances[name]:.2f}" for name in order]
    qtbot.waitUntil(lambda: not strip.busy.cancel_button.isVisible())
    assert texts(strip) == expected
    assert strip.list.currentItem().text().startswith("a.png")
    strip.order.setCurrentIndex(strip.order.findData(BY_NAME))
    assert [text.split("\n")[0] for text in texts(strip)] == ["a.png", "b.png", "c.png"]
    # With another first student the differences are outdated.
    with qtbot.waitSignal(panel.finished):
        bench.session.library.hide([bench.students[0]])
    assert texts(strip) == ["a.png", "b.png", "c.png"]


def test_sorting_can_be_cancelled_and_skips_unreadable_images(
    opened: Opened, images: list[Path], qtbot: QtBot
) -> None:
    bench, panel = opened
    strip = panel.strip
    slow = save_model(bench.folder, "slow", 5, n_feats=64, n_resgroups=8, n_resblocks=6)
    bench.session.set_teacher(slow)
    qtbot.waitUntil(lambda: not panel.runner.results.running)
    strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))
    qtbot.waitUntil(strip.busy.cancel_button.isVisible)
    QTest.mouseClick(strip.busy.cancel_button, Qt.MouseButton.LeftButton)
    assert not strip.busy.cancel_button.isVisible()
    assert strip.order.currentIndex() == 0
    bench.session.set_teacher(bench.teacher)
    qtbot.waitUntil(lambda: not panel.runner.results.running)
    broken = images[0].parent / "broken.png"
    broken.write_text("no picture")
    with qtbot.waitSignal(panel.finished):
        bench.session.show_images([images[1], broken, images[2]], ["31.20 dB", "lost", "28.00 dB"])
    qtbot.waitUntil(lambda: texts(strip) == ["31.20 dB", "lost\ncan't be read", "28.00 dB"])
    strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))
    qtbot.waitUntil(lambda: strip.paths[-1] == broken)
    assert set(strip.differences) == {images[1], images[2]}


def test_an_image_that_became_unreadable_is_marked_and_not_selected(
    opened: Opened, images: list[Path], qtbot: QtBot
) -> None:
    bench, panel = opened
    good = images[1].read_bytes()
    images[1].write_bytes(b"damaged")
    QTest.keyClick(panel, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: bool(bench.errors))
    assert bench.errors[-1].startswith(str(images[1]))
    assert panel.session.image is not None
    assert panel.session.image.path == images[0]
    assert panel.strip.list.currentItem().text() == "a.png"
    assert texts(panel.strip)[1] == "b.png\ncan't be read"
    # The key steps past it, and back to it once it is readable again.
    assert go(panel, Qt.Key.Key_PageDown, qtbot) == "c.png"
    images[1].write_bytes(good)
    assert go(panel, Qt.Key.Key_PageUp, qtbot) == "b.png"
    assert texts(panel.strip)[1] == "b.png"
    assert panel.strip.list.currentItem().text() == "b.png"


def test_sorting_without_student_and_teacher_says_what_is_missing(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    for student in bench.students:
        bench.session.library.hide([student])
    panel.strip.order.setCurrentIndex(panel.strip.order.findData(BY_DIFFERENCE))
    assert "add a student" in bench.errors[-1]
    assert panel.strip.order.currentIndex() == 0


def test_a_folder_without_images_is_reported_and_a_strip_can_be_closed(
    opened: Opened, tmp_path: Path
) -> None:
    bench, panel = opened
    empty = tmp_path / "empty"
    empty.mkdir()
    drop(panel, [empty])
    assert "no images" in bench.errors[-1]
    assert panel.strip.isVisible()
    QTest.mouseClick(panel.strip.close_button, Qt.MouseButton.LeftButton)
    assert not panel.strip.isVisible()
    QTest.keyClick(panel, Qt.Key.Key_PageDown)


def test_several_dropped_images_become_a_strip(opened: Opened, images: list[Path], qtbot: QtBot) -> None:
    _, panel = opened
    with qtbot.waitSignal(panel.finished):
        drop(panel, [images[2], images[1]])
    assert texts(panel.strip) == ["c.png", "b.png"]


def test_the_cache_of_results_is_bounded(tmp_path: Path) -> None:
    image = open_image(save_stamp(tmp_path), 4, False)
    other = open_image(save_stamp(tmp_path, "other"), 4, False)
    assert image.hr is not None
    one = 64 * 96 * (3 + 4 * 4 / 3)
    cache = ResultCache(max_bytes=round(4 * one))
    overlay = Overlay.from_pixels(image.hr, QRectF(0, 0, 96, 64))
    for opened in (image, other):
        for key in (BICUBIC, "one", "two"):
            cache.add(opened, PaneResult(key, image.hr, overlay))
    assert cache.bytes <= cache.max_bytes
    assert set(cache.results_of(other)) == {BICUBIC, "one", "two"}
    assert set(cache.results_of(image)) == {"two"}
    cache.add(other, PaneResult("half", image.hr, overlay, final=False))
    assert "half" not in cache.results_of(other)
