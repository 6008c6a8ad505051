"""Screens at 125 %, 150 % and 175 %: image pixels are whole screen pixels, wherever a pane lies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from compare_bench import Opened
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from fakd_core.events import Image8
from fakd_gui.compare.canvases import SplitCanvas
from fakd_gui.compare.panes import BICUBIC, HR, SPLIT
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import array_from_qimage, qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay

RATIOS = (1.25, 1.5, 1.75)


def noise(height: int, width: int) -> Image8:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def painted(widget: QWidget, canvas: ImageCanvas, ratio: float) -> Image8:
    """`widget` as a screen of `ratio` shows it."""
    canvas.camera.set_viewport(canvas.size(), ratio)
    picture = QImage((widget.size() * ratio), QImage.Format.Format_RGB32)
    picture.setDevicePixelRatio(ratio)
    widget.render(picture)
    return array_from_qimage(picture)


def on_screen(canvas: ImageCanvas, widget: QWidget, scene: QRectF, ratio: float) -> tuple[slice, slice]:
    """The screen pixels of `scene` (HR pixels) in a picture of `widget`: rows and columns."""
    camera = canvas.camera
    corner = camera.snap(QPointF(canvas.mapTo(widget, QPointF())))
    box = camera.rect_to_view(scene).translated(corner)
    left, top, right, bottom = (round(side * ratio) for side in box.getCoords())
    return slice(top, bottom), slice(left, right)


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def canvas(window: QWidget) -> ImageCanvas:
    """A canvas at an odd place of its window, which is no whole number of screen pixels."""
    window.resize(331, 257)
    made = ImageCanvas(Camera(window), window)
    made.setGeometry(9, 7, 301, 233)
    made.camera.set_scene(80, 50)
    made.set_overlays(Overlay(qimage_from_array(noise(50, 80)), QRectF(0, 0, 80, 50)))
    window.show()
    return made


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("percent", [100, 200, 300])
def test_a_pixel_of_the_image_is_a_whole_number_of_screen_pixels(
    window: QWidget, canvas: ImageCanvas, ratio: float, percent: int
) -> None:
    canvas.camera.set_viewport(canvas.size(), ratio)
    canvas.camera.set_percent(percent)
    canvas.camera.look_at(QPointF(38.3, 26.1))
    canvas.camera.set_smooth(percent == 100)
    times = percent // 100
    shown = painted(window, canvas, ratio)
    rows, columns = on_screen(canvas, window, QRectF(0, 0, 80, 50), ratio)
    assert np.array_equal(shown[rows, columns], noise(50, 80).repeat(times, 0).repeat(times, 1))


@pytest.mark.parametrize("ratio", RATIOS)
def test_outlines_are_as_wide_on_all_sides(canvas: ImageCanvas, ratio: float) -> None:
    canvas.set_overlays(Overlay(qimage_from_array(np.full((50, 80, 3), 90, np.uint8)), QRectF(0, 0, 80, 50)))
    canvas.camera.set_viewport(canvas.size(), ratio)
    canvas.camera.set_percent(370)
    box = QRectF(31, 17, 11, 11)
    canvas.marker = box
    shown = painted(canvas.window(), canvas, ratio)
    rows, columns = on_screen(canvas, canvas.window(), box, ratio)
    row, column = (rows.start + rows.stop) // 2, (columns.start + columns.stop) // 2
    sides = [shown[row, at - 8 : at + 8, 0] for at in (columns.start, columns.stop)]
    sides += [shown[at - 8 : at + 8, column, 0] for at in (rows.start, rows.stop)]
    assert np.array_equal(sides[0], sides[0][::-1])
    assert (sides[0] == 255).sum() == 2
    for side in sides[1:]:
        assert np.array_equal(side, sides[0])


def test_compare_at_1_to_1_shows_the_pixels_of_the_image(opened: Opened) -> None:
    _, panel = opened
    image = panel.state.image
    assert image is not None
    assert image.hr is not None
    height, width = image.hr.shape[:2]
    for ratio in RATIOS:
        painted(panel, panel.board.panes[HR].canvas, ratio)
        panel.camera.set_percent(100)
        for key, expected in ((HR, image.hr), (BICUBIC, panel.state.pixels(BICUBIC))):
            canvas = panel.board.panes[key].canvas
            shown = painted(panel, canvas, ratio)
            rows, columns = on_screen(canvas, panel, QRectF(0, 0, width, height), ratio)
            assert np.array_equal(shown[rows, columns], expected), (key, ratio)


def test_the_divider_lies_between_two_screen_pixels(opened: Opened) -> None:
    _, panel = opened
    panel.state.show_split(panel.state.split)
    canvas = panel.board.panes[SPLIT].canvas
    assert isinstance(canvas, SplitCanvas)
    for ratio in RATIOS:
        painted(panel, canvas, ratio)
        for position in (0.37, 0.5, 0.61):
            canvas.move_divider(position)
            assert canvas.divider * ratio == pytest.approx(round(canvas.divider * ratio))


def test_an_affinity_map_lies_exactly_over_its_image(inspected: InspectPanel) -> None:
    """The grey image below is cut into the same screen pixels as the map, LR pixel by LR pixel."""
    panel = inspected
    canvas, camera, image = (
        panel.area.board.panes[panel.state.teacher].canvas,
        panel.area.camera,
        panel.state.image,
    )
    assert image is not None
    height, width = image.lr.shape[:2]
    grey, heat = canvas.overlays
    canvas.marker = None
    for ratio in RATIOS:
        painted(panel, canvas, ratio)
        # 4 HR pixels at 150 % are 6 screen pixels, at every scaling.
        camera.set_percent(150)
        camera.look_at(QPointF(46.3, 30.7))
        for overlay in (grey, heat.with_opacity(1)):
            canvas.set_overlays(overlay)
            rows, columns = on_screen(canvas, panel, grey.rect, ratio)
            shown = painted(panel, canvas, ratio)[rows, columns]
            expected = array_from_qimage(overlay.image)
            assert expected.shape == (height, width, 3)
            assert np.array_equal(shown, expected.repeat(6, 0).repeat(6, 1)), ratio


MOVE = """
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas

app = QApplication([])
window = QWidget()
window.resize(331, 257)
canvas = ImageCanvas(Camera(window), window)
canvas.setGeometry(9, 7, 301, 233)
camera = canvas.camera
camera.set_scene(80, 50)
window.show()
camera.set_percent(100)
none = Qt.MouseButton.NoButton
for screen in app.screens():
    window.windowHandle().setScreen(screen)
    window.move(screen.geometry().topLeft())
    app.processEvents()
    ratio = canvas.devicePixelRatioF()
    corner = camera.snap(QPointF(9, 7)) + camera.origin()
    pixels = []
    for x in range(80):
        at = corner + QPointF(x, x % 50) / ratio
        kind = QEvent.Type.MouseMove
        no_keys = Qt.KeyboardModifier.NoModifier
        app.sendEvent(canvas, QMouseEvent(kind, at - QPointF(9, 7), at, none, none, no_keys))
        pixels.append((int(camera.cursor.x()), int(camera.cursor.y())))
    print(ratio, round(camera.percent, 6), pixels == [(x, x % 50) for x in range(80)])
"""


def test_1_to_1_stays_so_on_another_screen_and_the_mouse_points_at_the_pixel_below_it(tmp_path: Path) -> None:
    screens = [
        {
            **{"name": str(ratio), "x": 2000 * number, "y": 0, "width": 1600, "height": 1000},
            **{"logicalBaseDpi": 96, "logicalDpi": round(96 * ratio)},
        }
        for number, ratio in enumerate((1.0, *RATIOS))
    ]
    config = tmp_path / "screens.json"
    config.write_text(json.dumps({"screens": screens}))
    done = subprocess.run(
        [sys.executable, "-c", MOVE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": f"offscreen:configfile={config}"},
    )
    expected = [f"{ratio} 100.0 True" for ratio in (1.0, *RATIOS)]
    assert done.stdout.splitlines() == expected, done.stderr
