"""The matrix of a region: every cell is the core's affinity of two pixels, and linked with the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from inspect_panels import expected_row, move_mouse, shown_panel
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import Bench

from fakd_core.evaluation.features import Window
from fakd_gui.inspect.board import COLUMN_COLOUR, ROW_COLOUR
from fakd_gui.inspect.matrices import region_from
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import IMAGE, difference_key
from fakd_gui.widgets.convert import array_from_qimage, colourise
from fakd_gui.widgets.overview import overview_box
from fakd_gui.widgets.theme import affinity_lut


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    yield from shown_panel(bench, qtbot)


@pytest.fixture
def with_region(panel: InspectPanel, qtbot: QtBot) -> InspectPanel:
    """A panel with a region of 5 x 3 LR pixels at x 6, y 9, drawn on the image with Shift and the mouse."""
    canvas, camera = panel.area.board.panes[IMAGE].canvas, panel.area.camera
    shift, left = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton
    start = camera.to_view(QPointF(4 * 6 + 1, 4 * 9 + 1)).toPoint()
    end = camera.to_view(QPointF(4 * 11 - 1, 4 * 12 - 1)).toPoint()
    QTest.mousePress(canvas, left, shift, start)
    QTest.mouseMove(canvas, end)
    with qtbot.waitSignal(panel.area.matrix.shown):
        QTest.mouseRelease(canvas, left, shift, end)
    return panel


def test_a_drawn_region_shows_the_affinity_of_every_pair_of_its_pixels(
    bench: Bench, with_region: InspectPanel
) -> None:
    image, matrices = bench.session.image, with_region.area.matrix.matrices
    assert image is not None
    assert matrices.region == Window(9, 6, 3, 5)
    assert with_region.area.board.panes[bench.teacher].canvas.region == QRectF(24, 36, 20, 12)
    student = bench.students[0]
    expected = {}
    for ref in (bench.teacher, student):
        rows = [
            expected_row(ref, image.lr, 3, y, x)[9:12, 6:11].ravel()
            for y in range(9, 12)
            for x in range(6, 11)
        ]
        expected[ref] = np.stack(rows)
        np.testing.assert_allclose(matrices.values[ref], expected[ref], atol=1e-5)
    difference = expected[student] - expected[bench.teacher]
    np.testing.assert_allclose(matrices.values[difference_key(student)], difference, atol=1e-5)


def test_matrices_are_drawn_row_by_row_in_fixed_colours(bench: Bench, with_region: InspectPanel) -> None:
    view = with_region.area.matrix
    # The matrix isn't symmetric about its other diagonal: a flip or a shift would show.
    values = view.matrices.values[bench.teacher]
    canvas = view.panes[bench.teacher].canvas
    view.mark((0, 0))
    picture = array_from_qimage(canvas.grab().toImage())
    colours = colourise(values, affinity_lut(), 0, 1)
    for i, j in ((1, 12), (13, 4), (7, 2), (2, 8)):
        at = view.camera.to_view(QPointF(j + 0.5, i + 0.5))
        assert np.array_equal(picture[int(at.y()), int(at.x())], colours[i, j, :3]), (i, j)
    assert not np.allclose(values, values[::-1, ::-1], atol=0.01)


def test_hovering_a_cell_marks_both_pixels_and_a_click_chooses_the_row_s(
    bench: Bench, with_region: InspectPanel, qtbot: QtBot
) -> None:
    view = with_region.area.matrix
    canvas = view.panes[bench.teacher].canvas
    # Row 7 of 5-wide rows is the pixel y 9 + 1, x 6 + 2; column 11 is y 9 + 2, x 6 + 1.
    move_mouse(canvas, view.camera.to_view(QPointF(11.5, 7.5)).toPoint())
    marks = {colour: rect.getRect() for rect, colour in with_region.area.board.panes[IMAGE].canvas.marks}
    assert marks == {ROW_COLOUR: (32, 40, 4, 4), COLUMN_COLOUR: (28, 44, 4, 4)}
    for key, pane in view.panes.items():
        value = view.matrices.values[key][7, 11]
        assert pane.header.readout == f"{value:+.3f}".replace("-", "−")
    with qtbot.waitSignal(with_region.map_shown):
        QTest.mouseClick(
            canvas, Qt.MouseButton.LeftButton, pos=view.camera.to_view(QPointF(11.5, 7.5)).toPoint()
        )
    assert with_region.state.query == (10, 8)
    row = canvas.marks[0][0]
    assert row.getRect() == (0, 7, 15, 1)
    # The pixel under the mouse on the image marks its column.
    image = with_region.area.board.panes[IMAGE].canvas
    move_mouse(image, with_region.area.camera.to_view(QPointF(4 * 9 + 2, 4 * 11 + 2)).toPoint())
    assert [(mark.getRect(), colour) for mark, colour in canvas.marks[1:]] == [
        ((13, 0, 1, 15), COLUMN_COLOUR)
    ]


def test_the_region_moves_by_mouse_and_the_matrix_follows_the_layer(
    bench: Bench, with_region: InspectPanel, qtbot: QtBot
) -> None:
    image = bench.session.image
    assert image is not None
    canvas, camera = with_region.area.board.panes[IMAGE].canvas, with_region.area.camera
    left = Qt.MouseButton.LeftButton
    # Twice: the region stays movable, and no drag in it moves the pixel.
    for inside, by, moved in (
        (QPointF(34, 42), QPointF(16, -12), Window(6, 10, 3, 5)),
        (QPointF(50, 30), QPointF(-8, 4), Window(7, 8, 3, 5)),
    ):
        QTest.mousePress(canvas, left, pos=camera.to_view(inside).toPoint())
        QTest.mouseMove(canvas, camera.to_view(inside + by).toPoint())
        QTest.mouseRelease(canvas, left, pos=camera.to_view(inside + by).toPoint())
        assert with_region.state.region == moved
    assert with_region.state.query == (8, 12)
    with qtbot.waitSignal(with_region.area.matrix.shown):
        with_region.state.set_layer(1)
    qtbot.waitUntil(lambda: with_region.area.matrix.matrices.layer == 1)
    row = expected_row(bench.teacher, image.lr, 1, 7, 8)[7:10, 8:13].ravel()
    np.testing.assert_allclose(with_region.area.matrix.matrices.values[bench.teacher][0], row, atol=1e-5)


def test_keys_show_and_hide_the_matrix(panel: InspectPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.area.matrix.shown):
        QTest.keyClick(panel, Qt.Key.Key_M)
    assert panel.area.matrix.grid.isVisible()
    assert panel.state.region == Window(0, 4, 16, 16)
    assert panel.area.board.grid.solo == 0
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.area.matrix.grid.isVisible()
    assert panel.area.board.grid.solo is None


def test_a_region_is_limited_and_stays_inside() -> None:
    bounds = Window(10, 20, 100, 80)
    assert region_from(QRectF(0, 0, 4000, 4000), 4, bounds) == Window(10, 20, 32, 32)
    assert region_from(QRectF(4 * 98, 4 * 108, 40, 40), 4, bounds) == Window(100, 90, 10, 10)
    assert region_from(QRectF(4 * 30 + 1, 4 * 40 + 3, 1, 1), 4, bounds) == Window(40, 30, 1, 1)


@pytest.mark.parametrize("pane", ["image", "map", "matrix"])
def test_a_double_click_fits_and_leaves_the_pixel_where_it_was(
    bench: Bench, with_region: InspectPanel, pane: str
) -> None:
    if pane != "matrix":
        with_region.state.show_matrix(False)
    with_region.state.set_query(10, 9)
    views = with_region.area.matrix if pane == "matrix" else with_region.area.board
    canvas = views.panes[IMAGE if pane == "image" else bench.teacher].canvas
    views.camera.set_percent(300)
    # Qt's sequence: the first click is a whole one.
    for event in (QTest.mouseClick, QTest.mouseDClick):
        event(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert views.camera.fitted
    assert with_region.state.query == (10, 9)


def test_a_double_click_in_the_overview_moves_no_pixel(inspected: InspectPanel, qtbot: QtBot) -> None:
    inspected.area.board.grid.show_only(0)
    inspected.state.set_query(4, 5)
    canvas = inspected.area.board.panes[IMAGE].canvas
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    inspected.state.set_query(1, 2)
    inspected.area.camera.set_percent(2400)
    inspected.area.camera.set_cursor(QPointF(1, 1), canvas)
    box = overview_box(inspected.area.camera)
    assert box is not None
    for event in (QTest.mouseClick, QTest.mouseDClick):
        event(canvas, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert inspected.area.camera.fitted
    assert inspected.state.query == (1, 2)
