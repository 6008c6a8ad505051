"""The Inspect workspace: the map shown is the core's, the right way round, in fixed colours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inspect_panels import SLOW, empty_panel, expected_row, feature_map, shown_panel
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench, save_model, save_photo, turn_wheel

from fakd_core.affinity import spatial_affinity_loss
from fakd_core.events import CancelToken
from fakd_core.images import write_png
from fakd_gui.convert import array_from_qimage, colourise
from fakd_gui.inspect import InspectPanel
from fakd_gui.inspect.board import IMAGE, difference_key
from fakd_gui.inspect.features import MAX_SIDE, extract, window_around
from fakd_gui.inspect.loss_chart import Learner, nearest_at, verdict
from fakd_gui.inspect.losses import Loss
from fakd_gui.theme import affinity_lut, difference_lut


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    """The panel with nothing in it."""
    yield from empty_panel(bench, qtbot)


@pytest.fixture
def inspected(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    """The panel with the photo, the teacher and one student."""
    yield from shown_panel(bench, qtbot)


def sa_loss(bench: Bench, student: str, layer: int) -> float:
    """The core's streamed loss of the image shown."""
    image = bench.session.image
    assert image is not None
    maps = (feature_map(ref, image.lr, layer)[None] for ref in (student, bench.teacher))
    return float(spatial_affinity_loss(*maps))


@pytest.mark.parametrize(("layer", "y", "x"), [(3, 2, 20), (0, 15, 1), (1, 7, 7)])
def test_the_map_is_the_core_s_affinity_row(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, layer: int, y: int, x: int
) -> None:
    image = bench.session.image
    assert image is not None
    inspected.set_layer(layer)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.set_query(y, x)
    student = bench.students[0]
    rows = {ref: expected_row(ref, image.lr, layer, y, x) for ref in (bench.teacher, student)}
    for ref, row in rows.items():
        assert inspected.board.rows[ref].shape == (16, 24)
        np.testing.assert_allclose(inspected.board.rows[ref], row, atol=1e-5)
        assert inspected.board.rows[ref][y, x] == pytest.approx(1, abs=1e-5)
    difference = rows[student] - rows[bench.teacher]
    np.testing.assert_allclose(inspected.board.rows[difference_key(student)], difference, atol=1e-5)


def cells_drawn(panel: InspectPanel, key: str) -> tuple[np.ndarray, np.ndarray]:
    """What the pane `key` shows of every LR pixel, at 200 %: its first and its last pixel on the screen."""
    picture = array_from_qimage(panel.board.panes[key].canvas.grab().toImage())
    origin, side = panel.camera.origin(), 8
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
    inspected.difference_bar.set_bounds(-1.0, 1.0)
    inspected.camera.set_percent(200)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.set_query(3, 21)
    teacher_row, student_row = (expected_row(ref, image.lr, 3, 3, 21) for ref in (bench.teacher, student))
    expected = {
        bench.teacher: colourise(teacher_row, affinity_lut(), 0, 1),
        student: colourise(student_row, affinity_lut(), 0, 1),
        difference_key(student): colourise(student_row - teacher_row, difference_lut(), -1, 1),
    }
    away = np.ones((16, 24), dtype=bool)
    away[2:5, 20:23] = False  # The marker lies here.
    for key, colours in expected.items():
        # Another rounding may take the next colour of the table; a flip or a shift takes quite another.
        for drawn in cells_drawn(inspected, key):
            off = np.abs(drawn.astype(int) - colours[:, :, :3]).max(axis=2)
            assert off[away].max() <= 8, key
    for drawn in cells_drawn(inspected, IMAGE):
        assert np.array_equal(drawn[away], image.lr[away])
    inspected.affinity_bar.choice.setCurrentIndex(1)
    colours = colourise(student_row, affinity_lut(), -1, 1)
    drawn, _ = cells_drawn(inspected, student)
    assert np.abs(drawn.astype(int) - colours[:, :, :3])[away].max() <= 8


def test_the_value_under_the_cursor_is_read_in_every_map(bench: Bench, inspected: InspectPanel) -> None:
    # HR pixel (30, 9) lies in LR pixel (7, 2).
    inspected.camera.set_cursor(QPointF(30.2, 9.9))
    for key, row in inspected.board.rows.items():
        assert inspected.board.value(key, (2, 7)) == float(row[2, 7])
        shown = inspected.board.panes[key].header.readout
        assert shown == f"{row[2, 7]:+.3f}".replace("-", "−")
    inspected.camera.set_cursor(None)
    assert inspected.board.panes[bench.teacher].header.readout == ""


def test_click_drag_and_arrow_keys_move_the_query(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    camera, left = inspected.camera, Qt.MouseButton.LeftButton
    canvas = inspected.board.panes[IMAGE].canvas
    asked: list[tuple[int, int]] = []
    bench.session.query_changed.connect(lambda y, x: asked.append((y, x)))
    with qtbot.waitSignal(inspected.map_shown):
        QTest.mouseClick(canvas, left, pos=camera.to_view(QPointF(4 * 5 + 2, 4 * 9 + 2)).toPoint())
    assert inspected.query == asked[-1] == (9, 5)
    assert canvas.marker is not None
    assert canvas.marker.getRect() == (20, 36, 4, 4)
    QTest.mousePress(canvas, left, pos=camera.to_view(QPointF(22, 38)).toPoint())
    QTest.mouseMove(canvas, camera.to_view(QPointF(4 * 11 + 2, 4 * 3 + 2)).toPoint())
    QTest.mouseRelease(canvas, left, pos=camera.to_view(QPointF(4 * 11 + 2, 4 * 3 + 2)).toPoint())
    assert inspected.query == (3, 11)
    QTest.keyClick(inspected, Qt.Key.Key_Down)
    QTest.keyClick(inspected, Qt.Key.Key_Left)
    QTest.keyClick(inspected, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.query == (4, 18)
    QTest.keyClick(inspected, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.query == (4, 23)
    map_canvas = inspected.board.panes[bench.teacher].canvas
    QTest.mouseClick(map_canvas, left, pos=camera.to_view(QPointF(2, 2)).toPoint())
    assert inspected.query == (0, 0)
    qtbot.waitUntil(lambda: inspected.board.rows[bench.teacher][0, 0] == pytest.approx(1, abs=1e-5))


def test_a_drag_shows_maps_on_its_way_and_ends_on_the_last(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    seen: list[tuple[int, int]] = []
    inspected.map_shown.connect(lambda: seen.append(inspected.query))
    for step in range(40):
        inspected.set_query(step % 16, step % 24)
        if step % 4 == 3:
            qtbot.wait(1)
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == (7, 15))
    # Moves that arrive together are drawn once.
    assert 5 < len(seen) < 20
    assert inspected.board.rows[bench.teacher][7, 15] == pytest.approx(1, abs=1e-5)


def test_maps_are_linked_in_zoom(inspected: InspectPanel) -> None:
    panes = list(inspected.board.panes.values())
    before = inspected.camera.visible()
    turn_wheel(panes[1].canvas, QPointF(60, 40), 3)
    assert inspected.camera.visible().width() < before.width()
    assert {pane.canvas.camera for pane in panes} == {inspected.camera}
    assert len({pane.canvas.size().toTuple() for pane in panes}) == 1


def test_figures_are_the_row_s_mean_and_the_streamed_loss(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    image, student = bench.session.image, bench.students[0]
    assert image is not None
    qtbot.waitUntil(lambda: inspected.engine.loss(bench.teacher, student, 3) is not None)
    loss = sa_loss(bench, student, 3)
    held = inspected.engine.loss(bench.teacher, student, 3)
    assert held is not None
    assert held.exact
    assert held.value == pytest.approx(loss, rel=1e-4)
    key = difference_key(student)
    mean = float(np.abs(inspected.board.rows[key]).mean())
    assert inspected.board.panes[key].header.figures == f"SA {loss:.4f} · mean |Δ| {mean:.4f}"


@pytest.mark.parametrize("only", ["teacher", "student"])
def test_one_model_is_enough(bench: Bench, panel: InspectPanel, qtbot: QtBot, only: str) -> None:
    ref = bench.teacher if only == "teacher" else bench.students[0]
    if only == "teacher":
        bench.session.set_teacher(ref)
    else:
        bench.session.add_student(ref)
    with qtbot.waitSignal(panel.map_shown, timeout=SLOW):
        bench.session.open_image(bench.photo)
    assert list(panel.board.panes) == [IMAGE, ref]
    assert list(panel.board.rows) == [ref]


def test_two_students_stand_side_by_side_or_are_chosen(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    first, second = bench.students
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.add_student(second)
    differences = [difference_key(first), difference_key(second)]
    assert list(inspected.board.panes) == [IMAGE, first, second, bench.teacher, *differences]
    inspected.controls.students.setCurrentIndex(2)
    inspected.controls.students.activated.emit(2)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.set_query(1, 1)
    assert list(inspected.board.panes) == [IMAGE, bench.teacher, second, difference_key(second)]
    assert first not in inspected.board.rows


def test_the_nearer_student_is_told_layer_by_layer(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    image = bench.session.image
    assert image is not None
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.add_student(bench.students[1])
    bars = inspected.losses.bars
    qtbot.waitUntil(lambda: len(bars.learners) == 2 and all(len(one.losses) == 4 for one in bars.learners))
    losses = np.array([[sa_loss(bench, ref, tap) for tap in range(4)] for ref in bench.students])
    shown = [[one.losses[tap].value for tap in range(4)] for one in bars.learners]
    np.testing.assert_allclose(shown, losses, rtol=1e-4)
    nearest = losses.argmin(axis=0)
    assert [nearest_at(bars.learners, tap) for tap in range(4)] == nearest.tolist()
    for number, ref in enumerate(bench.students):
        figures = inspected.board.panes[difference_key(ref)].header.figures
        assert ("(nearer)" in figures) == (nearest[3] == number)
    winner = int((nearest == 1).sum() > 2)
    if (nearest == 1).sum() != 2:
        assert inspected.losses.verdict.toolTip().startswith(("with", "without")[winner])


def test_students_of_a_single_pixel_are_equal_to_rounding(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    bench.session.add_student(bench.students[1])
    pixel = bench.folder / "pixel.png"
    write_png(pixel, np.full((1, 1, 3), 90, np.uint8))
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.open_image(pixel, 4, is_lr=True)
    chart = inspected.losses
    qtbot.waitUntil(lambda: chart.verdict.text() == "equal, to rounding", timeout=SLOW)
    assert chart.verdict.toolTip().startswith("Equally near to the teacher")
    for ref in bench.students:
        assert "nearer" not in inspected.board.panes[difference_key(ref)].header.figures


NEARER = "a is nearer to the teacher at"


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (([0.1, 0.1, 0.1, 0.1], [0.2, 0.2, 0.2, 0.2]), "a is nearer to the teacher at every layer"),
        (([0.1, 0.1, 0.1, 0.3], [0.2, 0.2, 0.2, 0.2]), f"{NEARER} 3 of 4 layers"),
        (([0.1, 0.2, 0.2, 0.2], [0.2, 0.20001, 0.2, 0.2]), f"{NEARER} 1 of 4 layers, equal at 3"),
        (([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.2]), "A tie by layers"),
        (([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.3], [0.3, 0.3, 0.3, 0.2]), f"{NEARER} 2 of 4 layers"),
        (([0.1, 0.2], [0.2]), ""),
        (([0.1, 0.2, 0.3, 0.4],), ""),
    ],
)
def test_the_verdict_counts_layers(losses: tuple[list[float], ...], said: str) -> None:
    students = [
        Learner(name, "#000000", {tap: Loss(value, True) for tap, value in enumerate(values)})
        for name, values in zip("abc", losses, strict=False)
    ]
    assert verdict(students, 4)[0] == said


def test_large_windows_are_estimated_and_said_to_be(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_gui.inspect.features.ESTIMATE_POSITIONS", 1000)
    monkeypatch.setattr("fakd_gui.inspect.losses.MAX_EXACT_POSITIONS", 1200)
    student = bench.students[0]
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.open_image(save_photo(bench.folder, "larger", 128, 160))
    qtbot.waitUntil(lambda: inspected.engine.loss(bench.teacher, student, 3) is not None, timeout=SLOW)
    qtbot.waitUntil(lambda: not inspected.engine.losses.running)
    held, image = inspected.engine.loss(bench.teacher, student, 3), bench.session.image
    assert held is not None
    assert image is not None
    teacher_map, student_map = (feature_map(ref, image.lr, 3)[None] for ref in (bench.teacher, student))
    lattice = float(spatial_affinity_loss(student_map[..., ::2, ::2], teacher_map[..., ::2, ::2]))
    assert (held.exact, held.value) == (False, pytest.approx(lattice, rel=1e-4))
    exact = float(spatial_affinity_loss(student_map, teacher_map))
    assert held.value == pytest.approx(exact, rel=0.1)
    assert f"SA ≈ {lattice:.4f}" in inspected.board.panes[difference_key(student)].header.figures


def test_computing_is_told_and_can_be_cancelled(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(*given: object, **more: object) -> object:
        started.set()
        go_on.wait(SLOW / 1000)
        token = given[4]
        assert isinstance(token, CancelToken)
        token.raise_if_cancelled()
        return extract(*given, **more)

    monkeypatch.setattr("fakd_gui.inspect.engine.extract", slow)
    bench.session.add_student(bench.students[1])
    qtbot.waitUntil(started.is_set, timeout=SLOW)
    status = inspected.status
    qtbot.waitUntil(status.cancel_button.isVisible)
    assert status.what.text() == "Feature maps of without"
    assert status.progress.value() > 0
    QTest.mouseClick(status.cancel_button, Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(lambda: not inspected.engine.computing, timeout=SLOW)
    assert not status.cancel_button.isVisible()
    second = bench.students[1]
    assert "Cancelled" in inspected.board.panes[second].canvas.message
    assert bench.students[0] in inspected.board.rows
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        inspected.set_query(4, 4)
    assert second in inspected.board.rows


def test_bad_models_say_why_and_the_others_are_shown(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    for ref in (str(broken), save_model(bench.folder, "x2", 4, scale=2)):
        with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
            bench.session.add_student(ref)
    assert any("broken.safetensors" in error for error in bench.errors)
    assert any("enlarges by 2" in error for error in bench.errors)
    assert inspected.board.panes[str(broken)].canvas.message_is_error
    with qtbot.waitSignal(inspected.map_shown):
        inspected.set_query(5, 5)
    assert bench.students[0] in inspected.board.rows


def test_a_teacher_that_fails_is_said_where_its_differences_would_be(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    with qtbot.waitSignal(inspected.finished, timeout=SLOW):
        bench.session.set_teacher(str(broken))
    canvas = inspected.board.panes[difference_key(bench.students[0])].canvas
    assert "broken.safetensors" in canvas.message
    assert canvas.message_is_error


def test_a_large_image_is_inspected_in_a_window_around_the_query(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_gui.inspect.features.MAX_SIDE", 12)
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.open_image(save_photo(bench.folder, "larger", 128, 160))
    window = inspected.board.window
    assert window is not None
    assert (window.top, window.left, window.height, window.width) == (10, 14, 12, 12)
    with qtbot.waitSignal(inspected.map_shown):
        inspected.set_query(31, 2)
    window, image = inspected.board.window, bench.session.image
    assert window is not None
    assert image is not None
    assert (window.top, window.left) == (20, 0)
    row = expected_row(bench.teacher, image.lr[20:32, 0:12], 3, 11, 2)
    np.testing.assert_allclose(inspected.board.rows[bench.teacher], row, atol=1e-5)
    assert inspected.board.value(bench.teacher, (31, 2)) == pytest.approx(1, abs=1e-5)
    assert inspected.board.value(bench.teacher, (25, 25)) is None
    assert "window 12 × 12 of 40 × 32 px" in inspected.board.panes[IMAGE].header.figures
    frame = inspected.board.panes[IMAGE].canvas.marks[0][0]
    assert frame.getRect() == (0, 80, 48, 48)


def test_a_window_never_leaves_the_image() -> None:
    side = MAX_SIDE
    assert window_around((100, 90), 50, 2) == window_around((100, 90), 0, 89)
    for y, x in ((0, 0), (999, 599), (500, 300)):
        window = window_around((1000, 600), y, x)
        assert window.holds(y, x)
        assert (window.height, window.width) == (side, side)
        assert 0 <= window.top <= 1000 - side
        assert 0 <= window.left <= 600 - side


def test_the_histograms_count_every_position_and_say_the_means(bench: Bench, inspected: InspectPanel) -> None:
    student = bench.students[0]
    for bar, keys in (
        (inspected.affinity_bar, (bench.teacher, student)),
        (inspected.difference_bar, (difference_key(student),)),
    ):
        assert [shown.mean for shown in bar.scale.maps] == [
            round(float(inspected.board.rows[key].mean()), 3) for key in keys
        ]
        for shown, key in zip(bar.scale.maps, keys, strict=True):
            row, (low, high) = inspected.board.rows[key], bar.bounds
            counts, _ = np.histogram(np.clip(row, low, high), bins=64, range=(low, high))
            np.testing.assert_allclose(bar.scale.shares(shown.values), counts / row.size, atol=0.011)
            assert f"{shown.mean:.3f}".replace("-", "−") in bar.means.text()


def test_without_models_the_panel_says_what_to_do_until_there_is_one(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    bench.session.remove_student(bench.students[0])
    bench.session.set_teacher("")
    picture = inspected.board.panes[IMAGE].canvas
    assert "Choose a teacher" in picture.message
    assert inspected.board.rows == {}
    with qtbot.waitSignal(inspected.map_shown, timeout=SLOW):
        bench.session.set_teacher(bench.teacher)
    assert picture.message == ""


def test_a_click_on_a_layer_leaves_the_arrow_keys_to_the_pixel(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    inspected.setFocus()
    inspected.set_query(5, 5)
    bars = inspected.losses.bars
    qtbot.waitUntil(lambda: len(bars.names) == 4)
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(20, 25))
    assert inspected.layer == 1
    QTest.mouseClick(inspected.controls.layer_slider, Qt.MouseButton.LeftButton, pos=QPoint(2, 10))
    assert inspected.layer == 0
    qtbot.keyClick(QApplication.focusWidget() or inspected, Qt.Key.Key_Right)
    assert inspected.query == (5, 6)
    qtbot.keyClick(inspected, Qt.Key.Key_PageUp)
    qtbot.keyClick(inspected, Qt.Key.Key_PageUp)
    assert inspected.layer == 2
    assert "after residual group 2 of 2" in inspected.controls.layer_name.text()
