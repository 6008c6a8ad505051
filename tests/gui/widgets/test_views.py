"""The linked views: one camera, crisp pixels, LR and HR in one coordinate system."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import turn_wheel

from fakd_core.events import Image8
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import array_from_qimage, qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.overview import overview_box
from fakd_gui.widgets.pane_grid import PaneGrid
from fakd_gui.widgets.region_box import Grip, drag_grip, grip_at


def draw(overlay: Overlay, camera: Camera) -> Image8:
    target = QImage(int(camera.viewport.width()), int(camera.viewport.height()), QImage.Format.Format_RGB32)
    target.fill(0)
    painter = QPainter(target)
    overlay.draw(painter, camera)
    painter.end()
    return array_from_qimage(target)


def noise(height: int, width: int) -> Image8:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def camera_on(width: int, height: int, view: tuple[int, int]) -> Camera:
    camera = Camera()
    camera.set_scene(width, height)
    camera.set_viewport(QSize(*view))
    return camera


def test_at_100_percent_every_pixel_is_a_screen_pixel() -> None:
    image = noise(50, 80)
    camera = camera_on(80, 50, (200, 120))
    camera.set_percent(100)
    overlay = Overlay(qimage_from_array(image), QRectF(0, 0, 80, 50))
    shown = draw(overlay, camera)
    assert np.array_equal(shown[35:85, 60:140], image)
    assert not shown[:35].any()


@pytest.mark.parametrize("zoom", [2.0, 7.0])
def test_enlarged_pixels_are_crisp_squares_and_lr_is_aligned_with_hr(zoom: float) -> None:
    lr = noise(12, 20)
    hr = lr.repeat(4, axis=0).repeat(4, axis=1)
    camera = camera_on(80, 48, (150, 90))
    camera.zoom_to(zoom, QPointF(31, 17))
    covers = QRectF(0, 0, 80, 48)
    from_hr = draw(Overlay(qimage_from_array(hr), covers), camera)
    assert np.array_equal(draw(Overlay(qimage_from_array(lr), covers), camera), from_hr)
    for y, x in ((5, 7), (44, 75), (89, 149)):
        at = camera.to_scene(QPointF(x + 0.5, y + 0.5))
        assert np.array_equal(from_hr[y, x], hr[int(at.y()), int(at.x())])


def test_a_reduced_image_is_averaged_not_sampled() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 254
    camera = camera_on(256, 256, (40, 40))
    shown = draw(Overlay(qimage_from_array(stripes), QRectF(0, 0, 256, 256)), camera)
    assert abs(shown[5:35, 5:35].astype(int) - 127).max() < 25


def test_zooming_keeps_the_point_under_the_cursor() -> None:
    camera = camera_on(300, 200, (150, 100))
    anchor = QPointF(40, 70)
    held = camera.to_scene(anchor)
    camera.zoom_to(camera.zoom * 6, anchor)
    moved = camera.to_scene(anchor)
    # The origin is rounded to whole screen pixels.
    assert abs(held.x() - moved.x()) <= 1 / camera.zoom
    assert abs(held.y() - moved.y()) <= 1 / camera.zoom
    camera.pan(QPointF(10_000, 0))
    assert camera.visible().intersects(QRectF(0, 0, 300, 200))


def test_fit_follows_the_window_until_the_user_zooms() -> None:
    camera = camera_on(300, 200, (150, 100))
    assert camera.zoom == 0.5
    camera.set_viewport(QSize(300, 200))
    assert camera.zoom == 1
    camera.zoom_to(3, camera.middle)
    camera.set_viewport(QSize(100, 100))
    assert camera.zoom == 3


def test_a_new_image_clears_a_cursor_that_may_lie_outside() -> None:
    camera = camera_on(300, 200, (150, 100))
    camera.set_cursor(QPointF(290, 190))
    camera.set_scene(300, 200)
    assert camera.cursor is not None
    camera.set_scene(64, 64)
    assert camera.cursor is None


def test_panes_of_a_grid_show_exactly_the_same_part(qtbot: QtBot) -> None:
    camera = Camera()
    camera.set_scene(400, 300)
    grid = PaneGrid(camera)
    qtbot.addWidget(grid)
    panes = [ImagePane(str(number), ImageCanvas(camera)) for number in range(5)]
    grid.set_panes(panes)
    grid.resize(731, 503)
    grid.show()
    sizes = {pane.canvas.size().toTuple() for pane in panes}
    assert len(sizes) == 1
    assert sizes.pop() == camera.viewport.toSize().toTuple()
    before = camera.visible()
    turn_wheel(panes[2].canvas, QPointF(20, 30), 3)
    assert camera.visible().width() < before.width() / 1.5


def test_a_pane_shown_alone_fills_the_grid(qtbot: QtBot) -> None:
    camera = Camera()
    grid = PaneGrid(camera)
    qtbot.addWidget(grid)
    panes = [ImagePane(str(number), ImageCanvas(camera)) for number in range(4)]
    grid.set_panes(panes)
    grid.resize(600, 400)
    grid.show()
    camera.set_scene(100, 100)
    camera.zoom_to(5, camera.middle)
    grid.show_only(1)
    assert [pane.isVisible() for pane in panes] == [False, True, False, False]
    assert panes[1].size() == grid.size()
    assert camera.zoom == 5
    grid.show_only(None)
    assert all(pane.isVisible() for pane in panes)


@pytest.mark.parametrize(("width", "percent"), [(383, 25), (257, 12.5), (129, 12.5)])
def test_reduced_versions_of_odd_sizes_stay_in_place(width: int, percent: float) -> None:
    ramp = np.zeros((width, width, 3), np.uint8)
    ramp[:, :, 0] = np.linspace(0, 255, width)[None, :]
    ramp[:, :, 1] = np.linspace(255, 0, width)[:, None]
    camera = camera_on(width, width, (200, 200))
    camera.set_percent(percent)
    shown = draw(Overlay.from_pixels(ramp, QRectF(0, 0, width, width)), camera)
    inner = camera.visible().intersected(QRectF(0, 0, width, width)).adjusted(20, 20, -20, -20)
    seen = 0
    for x in range(200):
        at = camera.to_scene(QPointF(x + 0.5, x + 0.5))
        if inner.contains(at):
            expected = ramp[int(at.y()), int(at.x()), :2].astype(int)
            assert abs(shown[x, x, :2] - expected).max() <= 2
            seen += 1
    assert seen >= 5


def test_panes_are_added_in_their_order(qtbot: QtBot) -> None:
    grid = PaneGrid(Camera())
    qtbot.addWidget(grid)
    panes = [ImagePane(str(number), ImageCanvas(grid.camera)) for number in range(40)]
    grid.set_panes(panes)
    assert [child for child in grid.children() if isinstance(child, ImagePane)] == panes


def test_zoom_and_relative_position_can_be_kept_for_another_size() -> None:
    camera = camera_on(300, 200, (150, 100))
    camera.set_percent(200)
    camera.look_at(QPointF(100, 50))
    camera.set_scene(600, 400, keep_view=True)
    assert camera.center == QPointF(200, 100)
    assert camera.percent == pytest.approx(200)
    camera.set_scene(300, 200)
    assert camera.fitted


def test_zoom_steps_are_round_percentages() -> None:
    camera = camera_on(300, 200, (150, 100))
    camera.set_percent(130)
    camera.step(1, camera.middle)
    assert camera.percent == pytest.approx(150)
    camera.step(-1, camera.middle)
    assert camera.percent == pytest.approx(100)


@pytest.mark.parametrize(
    ("at", "grip", "by", "expected"),
    [
        ((30, 30), Grip(0, 0), (-40, 5), (0, 25, 40, 30)),
        ((20, 20), Grip(-1, -1), (4, 6), (14, 26, 36, 24)),
        ((49, 49), Grip(1, 1), (1000, -1000), (10, 20, 90, 1)),
        ((50, 35), Grip(1, 0), (-100, 50), (10, 20, 1, 30)),
    ],
)
def test_handles_move_and_resize_a_region(
    at: tuple[int, int], grip: Grip, by: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    box = QRectF(10, 20, 40, 30)
    if at != (20, 20):
        assert grip_at(box, QPointF(*at)) == grip
    assert grip_at(box, QPointF(80, 80)) is None
    assert drag_grip(box, grip, by=QPointF(*by), scene=QSizeF(100, 60)) == QRectF(*expected)


def test_a_click_in_the_overview_centres_the_view_there(qtbot: QtBot) -> None:
    camera = Camera()
    camera.set_scene(1200, 900)
    canvas = ImageCanvas(camera)
    qtbot.addWidget(canvas)
    canvas.has_overview = True
    canvas.resize(500, 400)
    canvas.show()
    canvas.set_overlays(Overlay.from_pixels(noise(90, 120), QRectF(0, 0, 1200, 900)))
    assert overview_box(camera) is None
    camera.set_percent(400)
    QTest.mouseMove(canvas, QPointF(100, 100).toPoint())
    box = overview_box(camera)
    assert box is not None
    at = box.topLeft() + QPointF(box.width() / 4, box.height() * 3 / 4)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert abs(camera.center.x() - 300) <= 12
    assert abs(camera.center.y() - 675) <= 12
