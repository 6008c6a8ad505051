"""The magnifier: exact pixels around the cursor on every screen, adjusted with the wheel."""

from __future__ import annotations

import numpy as np
import pytest
from compare_bench import Opened
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from small_models import turn_wheel
from test_fractional_scaling import RATIOS, noise, painted

from fakd_gui.compare.panes import BICUBIC, HR
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.magnifier import magnifier_box
from fakd_gui.widgets.overlays import Overlay


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(331, 257)
    return made


@pytest.fixture
def canvas(window: QWidget) -> ImageCanvas:
    """A canvas that begins between two screen pixels, with the magnifier on."""
    made = ImageCanvas(Camera(window), window)
    made.setGeometry(9, 7, 301, 233)
    made.camera.set_scene(80, 50)
    made.set_overlays(Overlay(qimage_from_array(noise(50, 80)), QRectF(0, 0, 80, 50)))
    window.show()
    made.camera.show_magnifier(True)
    return made


@pytest.mark.parametrize("ratio", [1.0, *RATIOS])
@pytest.mark.parametrize("pixel", [(40, 25), (0, 0), (79, 49)], ids=str)
def test_it_shows_whole_pixels_around_the_one_under_the_cursor(
    canvas: ImageCanvas, ratio: float, pixel: tuple[int, int]
) -> None:
    camera, factor = canvas.camera, canvas.camera.magnifier.factor
    x, y = pixel
    painted(canvas.window(), canvas, ratio)
    camera.set_percent(100)
    camera.set_cursor(QPointF(x + 0.3, y + 0.8))
    shown = painted(canvas.window(), canvas, ratio)
    box = magnifier_box(camera)
    corner = camera.snap(QPointF(9, 7))
    assert canvas.rect().contains(box.toAlignedRect())
    middle = (box.translated(corner).center() * ratio).toPoint()
    # Around the middle, inside the outlines and above the line with the values.
    for across in range(-3, 4):
        for down in range(-3, 4):
            at = middle.y() + down * factor, middle.x() + across * factor
            if (across, down) != (0, 0) and 0 <= x + across < 80 and 0 <= y + down < 50:
                square = shown[at[0] - 1 : at[0] + 1, at[1] - 1 : at[1] + 1]
                expected = noise(50, 80)[y + down, x + across]
                assert (square == expected).all(), (across, down)
    assert (shown[middle.y(), middle.x()] == noise(50, 80)[y, x]).all()


def test_the_wheel_changes_factor_and_size_and_zooms_with_ctrl(canvas: ImageCanvas) -> None:
    camera, at = canvas.camera, QPointF(150, 110)
    magnifier, zoom = camera.magnifier, camera.zoom
    turn_wheel(canvas, at, 1)
    assert (magnifier.factor, magnifier.side, camera.zoom) == (12, 160, zoom)
    turn_wheel(canvas, at, -1, Qt.KeyboardModifier.ShiftModifier)
    assert (magnifier.factor, magnifier.side, camera.zoom) == (12, 120, zoom)
    for _ in range(20):
        turn_wheel(canvas, at, -1)
    assert magnifier.factor == 2
    turn_wheel(canvas, at, 1, Qt.KeyboardModifier.ControlModifier)
    assert camera.zoom > zoom


def test_all_panes_show_it_with_their_values_until_escape(opened: Opened) -> None:
    _, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_L)
    panel.camera.set_cursor(QPointF(20.5, 12.5))
    images = {}
    for key in (HR, BICUBIC):
        canvas = panel.board.panes[key].canvas
        pixels = panel.state.pixels(key)
        assert pixels is not None
        assert canvas.readout.startswith(" ".join(map(str, pixels[12, 20])))
        images[key] = painted(canvas, canvas, 1.0)
        middle = magnifier_box(panel.camera).center().toPoint()
        assert (images[key][middle.y(), middle.x()] == pixels[12, 20]).all()
    assert not np.array_equal(images[HR], images[BICUBIC])
    assert panel.actions["magnifier"].isChecked()
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.camera.magnifier.shown
