"""The Inspect workspace: maps have the core's values, upright, in fixed colours."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from inspect_panels import empty_panel, expected_row
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model, save_photo, turn_wheel

from fakd_core.events import Image8
from fakd_gui.inspect.board import draw_picture
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import IMAGE, difference_key
from fakd_gui.widgets.convert import array_from_qimage, colourise
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import affinity_lut, difference_lut


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    """An empty panel."""
    yield from empty_panel(bench, qtbot)


@pytest.mark.parametrize(("layer", "y", "x"), [(3, 2, 20), (0, 15, 1), (1, 7, 7)])
def test_the_map_is_the_core_s_affinity_row(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, layer: int, y: int, x: int
) -> None:
    image = bench.session.image
    assert image is not None
    inspected.state.set_layer(layer)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(y, x)
    student = bench.students[0]
    rows = {ref: expected_row(ref, image.lr, layer, y, x) for ref in (bench.teacher, student)}
    for ref, row in rows.items():
        assert inspected.area.board.rows[ref].shape == (16, 24)
        np.testing.assert_allclose(inspected.area.board.rows[ref], row, atol=1e-5)
        assert inspected.area.board.rows[ref][y, x] == pytest.approx(1, abs=1e-5)
    difference = rows[student] - rows[bench.teacher]
    np.testing.assert_allclose(inspected.area.board.rows[difference_key(student)], difference, atol=1e-5)


def cells_drawn(panel: InspectPanel, key: str) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last screen pixel of every LR pixel in the pane `key`, at 200 %."""
    picture = array_from_qimage(panel.area.board.panes[key].canvas.grab().toImage())
    origin, side = panel.area.camera.origin(), 8
    top, left = int(origin.y()), int(origin.x())
    drawn = picture[top : top + 16 * side, left : left + 24 * side]
    return drawn[::side, ::side], drawn[side - 1 :: side, side - 1 :: side]


def test_maps_lie_on_the_pixels_they_belong_to_in_fixed_colours(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    image, student = bench.session.image, bench.students[0]
    assert image is not None
    inspected.resize(900, 640)
    inspected.controls.opacity_slider.setValue(100)
    inspected.state.set_style(difference_range=(-1.0, 1.0))
    inspected.area.camera.set_percent(200)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(3, 21)
    teacher_row, student_row = (expected_row(ref, image.lr, 3, 3, 21) for ref in (bench.teacher, student))
    expected = {
        bench.teacher: colourise(teacher_row, affinity_lut(), 0, 1),
        student: colourise(student_row, affinity_lut(), 0, 1),
        difference_key(student): colourise(student_row - teacher_row, difference_lut(), -1, 1),
    }
    away = np.ones((16, 24), dtype=bool)
    away[2:5, 20:23] = False  # The marker lies here.
    for key, colours in expected.items():
        # Rounding may choose the next colour of the table; a flip or a shift, a very different one.
        for drawn in cells_drawn(inspected, key):
            off = np.abs(drawn.astype(int) - colours[:, :, :3]).max(axis=2)
            assert off[away].max() <= 8, key
    for drawn in cells_drawn(inspected, IMAGE):
        assert np.array_equal(drawn[away], image.lr[away])
    inspected.area.affinity_bar.choice.setCurrentIndex(1)
    colours = colourise(student_row, affinity_lut(), -1, 1)
    drawn, _ = cells_drawn(inspected, student)
    assert np.abs(drawn.astype(int) - colours[:, :, :3])[away].max() <= 8


def test_every_header_shows_the_value_under_the_cursor(bench: Bench, inspected: InspectPanel) -> None:
    # HR pixel (30, 9) lies in LR pixel (7, 2).
    inspected.area.camera.set_cursor(QPointF(30.2, 9.9))
    for key, row in inspected.area.board.rows.items():
        assert inspected.area.board.values_at((2, 7))[key] == float(row[2, 7])
        shown = inspected.area.board.panes[key].header.readout
        assert shown == f"{row[2, 7]:+.3f}".replace("-", "−")
    inspected.area.camera.set_cursor(None)
    assert inspected.area.board.panes[bench.teacher].header.readout == ""


def test_click_drag_and_arrow_keys_move_the_query(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    camera, left = inspected.area.camera, Qt.MouseButton.LeftButton
    canvas = inspected.area.board.panes[IMAGE].canvas
    announced: list[tuple[int, int]] = []
    inspected.state.query_changed.connect(lambda y, x: announced.append((y, x)))
    with qtbot.waitSignal(inspected.map_shown):
        QTest.mouseClick(canvas, left, pos=camera.to_view(QPointF(4 * 5 + 2, 4 * 9 + 2)).toPoint())
    assert inspected.state.query == announced[-1] == (9, 5)
    assert canvas.marker is not None
    assert canvas.marker.getRect() == (20, 36, 4, 4)
    QTest.mousePress(canvas, left, pos=camera.to_view(QPointF(22, 38)).toPoint())
    QTest.mouseMove(canvas, camera.to_view(QPointF(4 * 11 + 2, 4 * 3 + 2)).toPoint())
    QTest.mouseRelease(canvas, left, pos=camera.to_view(QPointF(4 * 11 + 2, 4 * 3 + 2)).toPoint())
    assert inspected.state.query == (3, 11)
    QTest.keyClick(inspected, Qt.Key.Key_Down)
    QTest.keyClick(inspected, Qt.Key.Key_Left)
    QTest.keyClick(inspected, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.state.query == (4, 18)
    QTest.keyClick(inspected, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.state.query == (4, 23)
    map_canvas = inspected.area.board.panes[bench.teacher].canvas
    QTest.mouseClick(map_canvas, left, pos=camera.to_view(QPointF(2, 2)).toPoint())
    assert inspected.state.query == (0, 0)
    qtbot.waitUntil(lambda: inspected.area.board.rows[bench.teacher][0, 0] == pytest.approx(1, abs=1e-5))


def test_a_drag_updates_the_maps_on_its_way_and_ends_on_the_last_pixel(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    seen: list[tuple[int, int]] = []
    inspected.map_shown.connect(lambda: seen.append(inspected.state.query))
    for step in range(40):
        inspected.state.set_query(step % 16, step % 24)
        if step % 4 == 3:
            qtbot.wait(1)
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == (7, 15))
    # Moves that arrive together are drawn once.
    assert 5 < len(seen) < 20
    assert inspected.area.board.rows[bench.teacher][7, 15] == pytest.approx(1, abs=1e-5)


def test_the_status_line_names_the_image_and_the_pixel_under_the_mouse(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    status = inspected.status
    assert status.left.text() == "photo.png · LR 24 × 16 px · ×4"
    inspected.area.camera.set_cursor(QPointF(30.2, 9.9))
    assert status.right.text().startswith("LR x 7, y 2 · ")
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.open_image(save_photo(bench.folder, "another", 64, 96))
    assert status.left.text() == "another.png · LR 24 × 16 px · ×4"


def test_maps_are_linked_in_zoom(inspected: InspectPanel) -> None:
    panes = list(inspected.area.board.panes.values())
    before = inspected.area.camera.visible()
    turn_wheel(panes[1].canvas, QPointF(60, 40), 3)
    assert inspected.area.camera.visible().width() < before.width()
    assert {pane.canvas.camera for pane in panes} == {inspected.area.camera}
    assert len({pane.canvas.size().toTuple() for pane in panes}) == 1


@pytest.mark.parametrize("only", ["teacher", "student"])
def test_one_model_is_enough(bench: Bench, panel: InspectPanel, qtbot: QtBot, only: str) -> None:
    ref = bench.teacher if only == "teacher" else bench.students[0]
    if only == "teacher":
        bench.session.set_teacher(ref)
    else:
        bench.session.add_student(ref)
    with qtbot.waitSignal(panel.map_shown):
        bench.session.open_image(bench.photo)
    assert list(panel.area.board.panes) == [IMAGE, ref]
    assert list(panel.area.board.rows) == [ref]


def test_two_students_are_shown_side_by_side_or_one_of_them(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    first, second = bench.students
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.add_student(second)
    differences = [difference_key(first), difference_key(second)]
    assert list(inspected.area.board.panes) == [IMAGE, first, second, bench.teacher, *differences]
    bench.session.library.show_only([second], "Inspect")
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(1, 1)
    assert list(inspected.area.board.panes) == [IMAGE, bench.teacher, second, difference_key(second)]
    assert first not in inspected.area.board.rows


def test_a_model_without_maps_at_the_end_of_the_others_is_left_out(
    bench: Bench, inspected: InspectPanel
) -> None:
    del inspected.runner.features[bench.students[0]]
    inspected.runner.extracting.result.emit(None)
    assert list(inspected.runner.features) == [bench.teacher]


def test_failing_models_are_reported_and_the_others_are_shown(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    for ref in (str(broken), save_model(bench.folder, "x2", 4, scale=2)):
        with qtbot.waitSignal(inspected.map_shown):
            bench.session.add_student(ref)
    assert any("broken.safetensors" in error for error in bench.errors)
    assert any("enlarges by 2" in error for error in bench.errors)
    assert inspected.area.board.panes[str(broken)].canvas.message_is_error
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(5, 5)
    assert bench.students[0] in inspected.area.board.rows


def test_a_failing_teacher_is_reported_in_the_panes_of_its_differences(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    with qtbot.waitSignal(inspected.runner.finished):
        bench.session.set_teacher(str(broken))
    canvas = inspected.area.board.panes[difference_key(bench.students[0])].canvas
    assert "broken.safetensors" in canvas.message
    assert canvas.message_is_error


def test_a_large_image_is_inspected_in_a_window_around_the_query(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_core.evaluation.features.MAX_WINDOW_SIDE", 12)
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.open_image(save_photo(bench.folder, "larger", 128, 160))
    window = inspected.area.board.window
    assert window is not None
    assert (window.top, window.left, window.height, window.width) == (10, 14, 12, 12)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(31, 2)
    window, image = inspected.area.board.window, bench.session.image
    assert window is not None
    assert image is not None
    assert (window.top, window.left) == (20, 0)
    row = expected_row(bench.teacher, image.lr[20:32, 0:12], 3, 11, 2)
    np.testing.assert_allclose(inspected.area.board.rows[bench.teacher], row, atol=1e-5)
    assert inspected.area.board.values_at((31, 2))[bench.teacher] == pytest.approx(1, abs=1e-5)
    assert inspected.area.board.values_at((25, 25)) == {}
    assert "window 12 × 12 of 40 × 32 px" in inspected.area.board.panes[IMAGE].header.figures
    frame = inspected.area.board.panes[IMAGE].canvas.marks[0][0]
    assert frame.getRect() == (0, 80, 48, 48)


def test_without_models_the_panel_says_what_to_do(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    bench.session.library.hide([bench.students[0]])
    bench.session.set_teacher("")
    picture = inspected.area.board.panes[IMAGE].canvas
    assert "Choose a teacher" in picture.message
    qtbot.waitUntil(lambda: inspected.area.board.rows == {})
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.set_teacher(bench.teacher)
    assert picture.message == ""


def test_after_a_click_on_a_layer_the_arrow_keys_still_move_the_pixel(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    inspected.setFocus()
    inspected.state.set_query(5, 5)
    bars = inspected.area.chart.bars
    qtbot.waitUntil(lambda: len(bars.names) == 4)
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(20, 25))
    assert inspected.state.layer == 1
    QTest.mouseClick(inspected.controls.layer_slider, Qt.MouseButton.LeftButton, pos=QPoint(2, 10))
    assert inspected.state.layer == 0
    qtbot.keyClick(QApplication.focusWidget() or inspected, Qt.Key.Key_Right)
    assert inspected.state.query == (5, 6)
    qtbot.keyClick(inspected, Qt.Key.Key_PageUp)
    qtbot.keyClick(inspected, Qt.Key.Key_PageUp)
    assert inspected.state.layer == 2
    assert "after residual group 2 of 2" in inspected.controls.layer_name.text()


def test_a_large_picture_is_drawn_on_a_thread_and_looks_the_same(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, board, drawn = bench.session.image, inspected.area.board, list[tuple[int, bool]]()
    assert image is not None

    def draw(picture: Image8, covers: QRectF) -> tuple[list[Overlay], list[Overlay]]:
        drawn.append((picture.size, threading.current_thread() is threading.main_thread()))
        return draw_picture(picture, covers)

    monkeypatch.setattr("fakd_gui.inspect.board.draw_picture", draw)
    monkeypatch.setattr("fakd_gui.inspect.board.MAX_SYNC_PIXELS", image.lr[:, :, 0].size)

    def shown(key: str) -> Image8:
        return array_from_qimage(board.panes[key].canvas.overlays[0].image)

    inspected.state.set_style(picture="HR")
    assert np.array_equal(shown(IMAGE), image.lr), "until it is drawn"
    qtbot.waitUntil(lambda: np.array_equal(shown(IMAGE), image.hr))
    assert shown(bench.teacher).shape == image.hr.shape
    inspected.state.set_style(picture="LR")
    assert np.array_equal(shown(IMAGE), image.lr)
    # The one overtaken by LR is not shown.
    inspected.state.set_style(picture="HR")
    inspected.state.set_style(picture="LR")
    qtbot.wait(50)
    assert np.array_equal(shown(IMAGE), image.lr)
    assert set(drawn) == {(image.hr.size, False), (image.lr.size, True)}
