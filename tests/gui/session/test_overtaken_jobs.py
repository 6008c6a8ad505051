"""Input that comes faster than its work: the latest wins, and nothing piles up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compare_bench import comparing, open_and_wait, save_stamp
from PySide6.QtCore import QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_gui.compare.difference import Difference
from fakd_gui.compare.filmstrip import BY_DIFFERENCE
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.compare.panes import DIFFERENCE, HR
from fakd_gui.figure.dialog import FigureDialog, open_crop_figure
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.opened_image import open_image

Compared = tuple[Bench, ComparePanel]
HELD = 25
"""Times that a key held down repeats."""


class Gate:
    """Holds a function that runs on threads until it is opened; counts who came in and who is inside."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        from importlib import import_module

        module, function = name.rsplit(".", 1)
        self._work: Callable[..., object] = getattr(import_module(module), function)
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.started = 0
        self.inside = 0
        self.most = 0
        monkeypatch.setattr(name, self)

    def __call__(self, *args: object, **kwargs: object) -> object:
        with self._lock:
            self.started += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            assert self._open.wait(60)
            return self._work(*args, **kwargs)
        finally:
            with self._lock:
                self.inside -= 1

    def release(self) -> None:
        self._open.set()


@pytest.fixture
def compared(tmp_path: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[Compared]:
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.choose_all()
        open_and_wait(panel, save_stamp(bench.folder), qtbot)
        yield bench, panel


def strip_of(panel: ComparePanel, folder: Path, count: int, qtbot: QtBot) -> list[Path]:
    """Go through so many images; the first is open and computed."""
    paths = [save_photo(folder, f"photo{number:02}") for number in range(count)]
    with qtbot.waitSignal(panel.finished):
        panel.session.show_images(paths)
    return paths


def test_fast_image_changes_read_the_first_and_the_last(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, panel = compared
    paths = strip_of(panel, tmp_path, 8, qtbot)
    gate = Gate(monkeypatch, "fakd_gui.session.session.open_image")
    for _ in paths:
        QTest.keyClick(panel, Qt.Key.Key_PageDown)
        qtbot.wait(5)
    gate.release()
    with qtbot.waitSignal(panel.finished):
        pass
    assert panel.session.image is not None
    assert panel.session.image.path == paths[-1]
    assert (gate.started, gate.most) == (2, 1)


def test_fast_image_changes_compute_the_first_and_the_last(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, panel = compared
    paths = strip_of(panel, tmp_path, 6, qtbot)
    gate = Gate(monkeypatch, "fakd_gui.compare.runner.compute_results")
    shown: list[str] = []
    panel.finished.connect(lambda: shown.append(panel.session.image.name))  # type: ignore[union-attr]
    for _ in paths[1:]:
        with qtbot.waitSignal(panel.session.image_changed):
            QTest.keyClick(panel, Qt.Key.Key_PageDown)
    gate.release()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [paths[-1].name]
    assert (gate.started, gate.most) == (2, 1)


def test_fast_difference_changes_draw_twice(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = compared
    monkeypatch.setattr("fakd_gui.compare.runner.MAX_SYNC_PIXELS", 0)
    gate = Gate(monkeypatch, "fakd_gui.compare.runner.draw_difference")
    for gain in (1, 2, 4, 8, 16, 32):
        panel.state.show_difference(Difference(bench.teacher, HR, gain=gain))
        # What is wanted is not the picture of something else.
        assert panel.state.picture(DIFFERENCE) is None
    gate.release()
    qtbot.waitUntil(lambda: panel.state.picture(DIFFERENCE) is not None)
    assert panel.state.difference_image is not None
    assert panel.state.difference_image.difference.gain == 32
    assert (gate.started, gate.most) == (2, 1)


def test_fast_region_moves_measure_the_first_and_the_last(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = compared
    gate = Gate(monkeypatch, "fakd_gui.compare.runner.measure_region")
    panel.state.set_region(QRectF(10, 10, 20, 20))
    for _ in range(HELD):
        QTest.keyClick(panel, Qt.Key.Key_Right)
    gate.release()
    header = panel.board.panes[bench.teacher].header
    qtbot.waitUntil(lambda: gate.started == 2 and gate.inside == 0 and header.region_figures != "")
    assert panel.state.region is not None
    assert panel.state.region.left == 10 + HELD
    assert gate.most == 1


def test_fast_folder_changes_read_one_thumbnail_at_a_time(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, panel = compared
    paths = [save_photo(tmp_path, f"photo{number}") for number in range(4)]
    gate = Gate(monkeypatch, "fakd_gui.compare.runner.read_thumbnails")
    for count in range(1, 5):
        panel.strip.show_images(paths[:count], [path.name for path in paths[:count]])
    # Held where it begins: a generator does nothing yet.
    qtbot.waitUntil(lambda: gate.inside == 1)
    assert gate.started == 1
    gate.release()
    seen = panel.strip.list.item(3)
    qtbot.waitUntil(lambda: not seen.icon().pixmap(20, 20).toImage().allGray())
    assert gate.started == 2


def test_new_ranking_waits_for_the_cancelled_one(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench, panel = compared
    strip_of(panel, tmp_path, 3, qtbot)
    gate = Gate(monkeypatch, "fakd_gui.compare.runner.measure_differences")
    strip = panel.strip
    for _ in range(4):
        strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))
        qtbot.wait(20)
        strip.order.setCurrentIndex(0)
    strip.order.setCurrentIndex(strip.order.findData(BY_DIFFERENCE))
    qtbot.waitUntil(lambda: gate.inside == 1)
    assert gate.started == 1
    gate.release()
    qtbot.waitUntil(lambda: len(strip.differences) == 3)
    qtbot.waitUntil(lambda: not strip.busy.cancel_button.isVisible())
    assert (gate.started, gate.most) == (2, 1)
    assert strip.order.currentData() == BY_DIFFERENCE
    assert bench.errors == []


def test_held_arrow_key_computes_the_maps_of_two_windows(
    inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_core.evaluation.features.MAX_WINDOW_SIDE", 6)
    panel, session = inspected, inspected.session
    with qtbot.waitSignal(panel.map_shown):
        session.open_image(save_photo(Path(session.library.students("Compare")[0]).parent, "wide", 32, 200))
    panel.state.set_query(0, 0)
    qtbot.waitUntil(lambda: panel.runner.window.contains_pixel(0, 0) and not panel.runner.extracting.running)
    gate = Gate(monkeypatch, "fakd_gui.inspect.features.extract_features")
    QTest.keyPress(panel, Qt.Key.Key_Right)
    for _ in range(HELD):
        QTest.keyClick(panel, Qt.Key.Key_Right)
        qtbot.wait(1)
    qtbot.waitUntil(lambda: gate.started == 1)
    gate.release()
    runner = panel.runner
    qtbot.waitUntil(lambda: runner.window.contains_pixel(0, 1 + HELD))
    qtbot.waitUntil(lambda: not runner.extracting.running)
    qtbot.waitUntil(lambda: session.teacher in panel.area.board.rows)
    assert panel.area.board.values_at((0, 1 + HELD))[session.teacher] == pytest.approx(1, abs=1e-5)
    # The window that was left in the middle, and both models' of the last.
    assert gate.started <= 3
    assert gate.most == 1


def test_held_arrow_key_draws_queued_moves_once(
    inspected: InspectPanel, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    shown: list[object] = []
    inspected.state.set_query(0, 0)
    with qtbot.waitSignal(inspected.map_shown):
        pass
    inspected.map_shown.connect(lambda: shown.append(inspected.state.shown_pixel))
    for _ in range(10):
        QTest.keyClick(inspected, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: bool(shown) and shown[-1] == (0, 10))
    assert len(shown) <= 2


def test_held_arrow_key_computes_matrices_twice(
    inspected: InspectPanel, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(inspected.area.matrix.shown):
        QTest.keyClick(inspected, Qt.Key.Key_M)
    gate = Gate(monkeypatch, "fakd_gui.inspect.runner.make_matrices")
    for layer in (0, 1, 2, 3, 0, 1):
        inspected.state.set_layer(layer)
        qtbot.wait(5)
    gate.release()
    with qtbot.waitSignal(inspected.area.matrix.shown):
        pass
    assert inspected.area.matrix.matrices.layer == 1
    assert (gate.started, gate.most) == (2, 1)


def test_fast_form_edits_draw_two_figures(
    compared: Compared, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = compared
    owner = QWidget()
    qtbot.addWidget(owner)
    gate = Gate(monkeypatch, "fakd_core.figures.draw.compose")
    image = open_image(bench.photo, 4, False)
    open_crop_figure(owner, bench.session, image, models=["bicubic"], region=(8, 8, 30, 20))
    dialog = owner.findChild(FigureDialog)
    assert dialog is not None
    for width in range(60, 80):
        dialog.form.numbers["width"].setValue(width)
        qtbot.wait(2)
    gate.release()
    qtbot.waitUntil(lambda: dialog.pixels is not None)
    assert (gate.started, gate.most) == (2, 1)
    dialog.close()
