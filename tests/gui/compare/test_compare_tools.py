"""Working with panes: split, readouts, keys, zoom, saving, and what the next start restores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compare_bench import Opened, box_of, comparing, drag, grab, open_and_wait, stamp
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from fakd_core.data.image_files import read_image
from fakd_gui.compare.canvases import SplitCanvas
from fakd_gui.compare.difference import Difference, Kind
from fakd_gui.compare.panes import BICUBIC, HR, SPLIT, Split
from fakd_gui.compare.state import CompareMemory
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.image_canvas import Drag
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.overview import overview_box
from fakd_gui.widgets.view_commands import ZoomBox


def test_the_divider_is_dragged_and_the_readout_is_that_of_its_side(opened: Opened) -> None:
    bench, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_S)
    panel.state.show_split(Split(HR, bench.teacher))
    canvas = panel.board.panes[SPLIT].canvas
    assert isinstance(canvas, SplitCanvas)
    middle = QPointF(canvas.divider, canvas.height() / 2)
    drag(canvas, middle, middle + QPointF(30, 5))
    assert canvas.divider == pytest.approx(middle.x() + 30, abs=1)
    assert panel.camera.fitted
    teacher = panel.state.pixels(bench.teacher)
    assert teacher is not None
    edge = panel.camera.to_scene(QPointF(canvas.divider, 0)).x()
    for x, pixels in ((edge - 3, stamp()), (edge + 3, teacher)):
        panel.camera.set_cursor(QPointF(x, 20.5))
        rgb = " ".join(str(value) for value in pixels[20, int(x)])
        assert panel.board.panes[SPLIT].header.readout.startswith(rgb)
    QTest.keyClick(panel, Qt.Key.Key_X)
    assert panel.state.split == Split(bench.teacher, HR)
    before = canvas.position
    QTest.keyClick(panel, Qt.Key.Key_BracketLeft)
    assert canvas.position < before
    panel.split_bar.boxes["vertical"].setCurrentIndex(1)
    assert not canvas.vertical
    QTest.keyClick(panel, Qt.Key.Key_S)
    assert SPLIT not in panel.board.keys


def test_the_overview_of_the_split_shows_the_first_side(qtbot: QtBot) -> None:
    canvas = SplitCanvas(Camera())
    qtbot.addWidget(canvas)
    canvas.resize(500, 400)
    canvas.show()
    canvas.camera.set_scene(1000, 800)
    canvas.has_overview = True
    sides = (np.full((80, 100, 3), level, np.uint8) for level in (40, 200))
    canvas.set_overlays(*(Overlay.from_pixels(side, QRectF(0, 0, 1000, 800)) for side in sides))
    canvas.camera.set_percent(400)
    canvas.camera.set_cursor(QPointF(500, 400), canvas)
    box = overview_box(canvas.camera)
    assert box is not None
    corner = box.topLeft().toPoint()
    assert grab(canvas)[corner.y() + 5, corner.x() + 5].tolist() == [40, 40, 40]


def test_the_colour_under_the_mouse_and_the_image_are_copied(opened: Opened) -> None:
    bench, panel = opened
    messages: list[str] = []
    bench.session.status_message.connect(messages.append)
    canvas = panel.board.panes[HR].canvas
    panel.camera.set_percent(400)
    panel.camera.look_at(QPointF(48, 32))
    at = panel.camera.to_view(QPointF(40.5, 30.5)).toPoint()
    QTest.mouseMove(canvas, at)
    QTest.keyClick(panel, Qt.Key.Key_C)
    expected = "#" + "".join(f"{value:02x}" for value in stamp()[30, 40])
    assert QApplication.clipboard().text() == expected
    assert "HR" in messages[-1]
    assert expected in panel.status.right.text()
    assert "x 40, y 30" in panel.status.right.text()
    QTest.keyClick(panel, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(array_from_qimage(QApplication.clipboard().image()), stamp())


def test_space_and_b_flip_between_the_last_two_panes_and_space_pans(opened: Opened) -> None:
    _, panel = opened
    grid = panel.board.grid
    QTest.keyClick(panel, Qt.Key.Key_4)
    QTest.keyClick(panel, Qt.Key.Key_2)
    for key, solo in ((Qt.Key.Key_B, 3), (Qt.Key.Key_B, 1), (Qt.Key.Key_Space, 3)):
        QTest.keyClick(panel, key)
        assert grid.solo == solo
    panel.state.set_region(QRectF(0, 0, 96, 64))
    center = QPointF(panel.camera.center)
    QTest.keyPress(panel, Qt.Key.Key_Space)
    canvas = grid.panes[3].canvas
    drag(canvas, QPointF(200, 200), QPointF(240, 220))
    QTest.keyRelease(panel, Qt.Key.Key_Space)
    assert grid.solo == 3
    assert panel.camera.center != center
    assert box_of(panel) == (0, 0, 96, 64)


def test_keys_that_are_held_are_let_go_when_the_window_loses_the_focus(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    grid, other = panel.board.grid, QWidget()
    qtbot.addWidget(other)
    QTest.keyPress(panel, Qt.Key.Key_Space)
    QTest.keyPress(panel, Qt.Key.Key_3)
    assert (panel.camera.pan_override, grid.solo) == (True, 2)
    qtbot.wait(400)
    with qtbot.waitActive(other):
        other.show()
        other.activateWindow()
    assert (panel.camera.pan_override, grid.solo) == (False, None)
    # The releases go to the other window.
    with qtbot.waitActive(panel):
        panel.activateWindow()
    center = QPointF(panel.camera.center)
    panel.board.set_drag(Drag.REGION)
    drag(grid.panes[0].canvas, QPointF(40, 40), QPointF(80, 60))
    assert panel.camera.center == center
    assert panel.state.region is not None


def test_space_that_is_held_while_a_menu_opens_is_let_go(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    QTest.keyPress(panel, Qt.Key.Key_Space)
    menu = panel.commands.pane_menu(BICUBIC)
    menu.popup(panel.mapToGlobal(QPoint(50, 50)))
    qtbot.waitUntil(menu.isVisible)
    assert not panel.camera.pan_override
    menu.close()


def test_keys_work_wherever_the_focus_is_but_a_focused_choice_has_the_arrows(
    opened: Opened,
) -> None:
    _, panel = opened
    panel.actions["split"].trigger()
    panel.state.set_region(QRectF(20, 16, 24, 20))
    panel.split_bar.boxes["a"].setFocus()
    QTest.keyClick(panel.split_bar.boxes["a"], Qt.Key.Key_D)
    assert panel.state.difference_shown
    before = panel.state.split.a
    QTest.keyClick(panel.split_bar.boxes["a"], Qt.Key.Key_Down)
    assert panel.state.split.a != before
    assert box_of(panel) == (20, 16, 24, 20)
    panel.setFocus()
    QTest.keyClick(panel, Qt.Key.Key_Down)
    assert box_of(panel) == (20, 17, 24, 20)


def test_escape_shows_all_panes_then_clears_the_region(opened: Opened) -> None:
    _, panel = opened
    panel.state.set_region(QRectF(20, 16, 24, 20))
    panel.board.grid.show_only(1)
    assert panel.actions["show_all"].isEnabled()
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.board.grid.solo is None
    assert panel.state.region is not None
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.state.region is None
    assert not panel.actions["show_all"].isEnabled()
    assert not panel.actions["clear_region"].isEnabled()


def test_the_pane_menu_shows_the_keys_of_its_commands(opened: Opened) -> None:
    bench, panel = opened
    texts = [action.text() for action in panel.commands.pane_menu(bench.teacher).actions()]
    assert {"Copy image\tCtrl+C", "Save image…", "Close\tDel"} <= set(texts)
    panel.actions.set_keys("close_pane", ["Ctrl+W"])
    assert panel.commands.pane_menu(HR).actions()[-1].text() == "Close\tCtrl+W"


def test_menus_belong_to_the_window_and_open_in_it(opened: Opened) -> None:
    """Wayland places a menu by its window: it knows no coordinates of the screen."""
    bench, panel = opened
    pane = panel.board.panes[bench.teacher]
    panel.camera.set_cursor(QPointF(5, 5), pane.canvas)
    panel.actions["pane_menu"].trigger()
    menu = QApplication.activePopupWidget()
    assert menu is not None
    assert menu.windowHandle().transientParent() is panel.window().windowHandle()
    assert pane.rect().contains(pane.mapFromGlobal(menu.pos()))
    menu.close()


def test_the_zoom_is_stepped_typed_and_toggled(opened: Opened) -> None:
    _, panel = opened
    box = panel.findChild(ZoomBox)
    assert box is not None
    box.lineEdit().selectAll()
    QTest.keyClicks(box, "250")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert panel.camera.percent == pytest.approx(250)
    assert box.currentText() == "250 %"
    QTest.keyClick(panel, Qt.Key.Key_Plus)
    assert panel.camera.percent == pytest.approx(300)
    QTest.keyClick(panel, Qt.Key.Key_Minus)
    QTest.keyClick(panel, Qt.Key.Key_Minus)
    assert panel.camera.percent == pytest.approx(150)
    QTest.keyClick(panel, Qt.Key.Key_Z)
    assert panel.camera.percent == pytest.approx(100)
    QTest.keyClick(panel, Qt.Key.Key_Z)
    assert panel.camera.fitted
    QTest.keyClick(panel, Qt.Key.Key_N)
    assert panel.camera.smooth
    box.lineEdit().selectAll()
    QTest.keyClicks(box, "nonsense")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert panel.camera.fitted
    box.showPopup()
    QTest.keyClick(box.view(), Qt.Key.Key_Home)
    QTest.keyClick(box.view(), Qt.Key.Key_Return)
    assert panel.camera.percent == pytest.approx(25)
    assert box.currentText() == "25 %"


def test_files_are_overwritten_only_after_a_question(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    out = bench.folder / "out"
    out.mkdir()
    old = out / "stamp_x4_HR.png"
    old.write_text("old")
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]
    asked: list[str] = []

    def question(*arguments: object) -> QMessageBox.StandardButton:
        asked.append(str(arguments[2]))
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    panel.state.show_difference(Difference(bench.teacher, HR))
    panel.actions["save"].trigger()
    assert "stamp_x4_HR.png" in asked[0]
    assert old.read_text() == "old"
    with qtbot.waitSignal(bench.session.status_message):
        panel.actions["save"].trigger()
    assert np.array_equal(read_image(old), stamp())
    assert (out / "stamp_x4_absolute_difference_teacher-HR.png").exists()
    single = bench.folder / "single"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(single), ""))
    with qtbot.waitSignal(bench.session.status_message) as written:
        panel.commands.exporter.choose_file(bench.teacher)
    assert written.args == [f"Wrote single.png to {bench.folder}"]
    assert np.array_equal(read_image(bench.folder / "single.png"), panel.state.pixels(bench.teacher))
    answers.append(QMessageBox.StandardButton.Cancel)
    panel.commands.exporter.choose_file(HR)
    qtbot.waitUntil(lambda: not any(job.running for job in panel.commands.exporter.findChildren(LatestWins)))
    assert "single.png already exists" in asked[-1]
    assert np.array_equal(read_image(bench.folder / "single.png"), panel.state.pixels(bench.teacher))


def test_the_figure_gets_the_shown_models_and_the_region(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    calls: list[object] = []
    open_figure = "fakd_gui.figure.dialog.open_crop_figure"
    monkeypatch.setattr(open_figure, lambda *given, **more: calls.append((given, more)))
    panel.state.set_region(QRectF(8, 12, 20, 16))
    panel.actions["figure"].trigger()
    models = [BICUBIC, *bench.students, bench.teacher]
    expected = {"models": models, "region": (8, 12, 20, 16)}
    assert calls == [((panel, bench.session, bench.session.image), expected)]


def test_the_next_start_restores_panes_pairs_and_region(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.camera.set_smooth(True)
    panel.state.show_difference(
        Difference(bench.teacher, BICUBIC, gain=8, kind=Kind.SQUARED, colours="viridis")
    )
    panel.state.show_split(Split(bench.teacher, HR, vertical=False))
    panel.state.move_pane(panel.board.keys[0], 2)
    panel.state.set_region(QRectF(8, 12, 20, 16))
    memory = panel.memory()
    saved = memory.model_dump_json()
    keys = panel.board.keys
    second = tmp_path / "second"
    second.mkdir()
    with comparing(second, qtbot) as (_, other):
        damaged = {"difference": [1, 2], "region": "x", "split": None, "unknown": 3, "order": 5}
        other.restore(CompareMemory.model_validate(damaged))
        other.restore(CompareMemory.model_validate({"difference": {"gain": 7}}))
        other.restore(CompareMemory.model_validate({"difference": {"colours": "pink"}}))
        assert other.state.difference == Difference()
        other.restore(CompareMemory.model_validate_json(saved))
        other.session.set_teacher(bench.teacher)
        for student in bench.students:
            other.session.add_student(student)
        open_and_wait(other, bench.folder / "stamp.png", qtbot)
        assert other.board.keys == keys
        assert other.camera.smooth
        assert other.state.difference == panel.state.difference
        assert other.state.split == panel.state.split
        assert box_of(other) == (8, 12, 20, 16)
        assert other.memory() == memory
