"""Channels, exposure, gamma and histogram: exact on screen, never in scores, readouts or files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compare_bench import Opened, stamp
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from test_fractional_scaling import RATIOS, noise, on_screen, painted

from fakd_core.data.image_files import read_image
from fakd_core.evaluation.metrics import rgb_to_y
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, HR
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import array_from_qimage, qimage_from_array
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.tone import Channel, Tone, level_table


def shown(tone: Tone, height: int = 11, width: int = 13) -> np.ndarray:
    return array_from_qimage(tone.apply(qimage_from_array(noise(height, width))))


def test_a_channel_alone_is_grey_and_luma_is_that_of_the_scores() -> None:
    pixels = noise(11, 13)
    for index, channel in enumerate((Channel.RED, Channel.GREEN, Channel.BLUE)):
        assert np.array_equal(shown(Tone(channel)), pixels[:, :, [index] * 3])
    luma = shown(Tone(Channel.LUMA))[:, :, 0]
    assert abs(luma - rgb_to_y(pixels)).max() <= 0.5 + 1e-6


def test_exposure_doubles_linear_light_and_gamma_lifts_shadows() -> None:
    assert np.array_equal(level_table(0, 1), np.arange(256))
    # sRGB: 50 % of the light is level 188.
    assert level_table(-1, 1)[255] == 188
    assert abs(int(level_table(1, 1)[188]) - 255) <= 1
    assert level_table(8, 1)[20] == 255
    assert level_table(0, 2)[64] == round(255 * (64 / 255) ** 0.5)
    assert np.array_equal(shown(Tone(stops=1.5)), level_table(1.5, 1)[noise(11, 13)])


def test_the_histogram_counts_the_visible_pixels_as_they_are_shown() -> None:
    image = qimage_from_array(noise(40, 60))
    part = QRect(10, 5, 20, 30)
    pixels = noise(40, 60)[5:35, 10:30]
    shares = Tone().histogram(image, part)
    expected = [np.bincount(pixels[:, :, index].ravel(), minlength=256) / 600 for index in range(3)]
    assert np.allclose(shares, expected)
    brighter = Tone(Channel.GREEN, stops=3).histogram(image, part)
    values = level_table(3, 1)[pixels[:, :, 1]]
    assert np.allclose(brighter, [np.bincount(values.ravel(), minlength=256) / 600])
    camera, overlay = Camera(), Overlay(image, QRectF(0, 0, 120, 80))
    camera.set_scene(120, 80)
    camera.set_viewport(camera.scene.toSize())
    camera.zoom_to(4, QPointF(0, 0))
    corner = overlay.histogram(camera)
    assert corner is not None
    assert np.allclose(corner, Tone().histogram(image, QRect(0, 0, 15, 10)))
    large = qimage_from_array(noise(900, 900))
    assert Tone().histogram(large, large.rect()).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("ratio", RATIOS)
def test_panes_show_exactly_the_tone_and_everything_else_ignores_it(
    opened: Opened, ratio: float, tmp_path: Path, qtbot: QtBot
) -> None:
    _, panel = opened
    canvas, header = panel.board.panes[HR].canvas, panel.board.panes[HR].header
    figures = panel.board.panes[BICUBIC].header.figures
    painted(panel, canvas, ratio)
    panel.camera.set_percent(100)
    for key, modifier in ((Qt.Key.Key_K, 0), (Qt.Key.Key_E, 0), (Qt.Key.Key_G, 1)):
        held = Qt.KeyboardModifier.ShiftModifier if modifier else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(panel, key, held)
    assert header.title == "HR [R, +0.5 EV, γ 0.9]"
    rows, columns = on_screen(canvas, panel, QRectF(0, 0, 96, 64), ratio)
    expected = level_table(0.5, 0.9)[stamp()[:, :, :1]].repeat(3, axis=2)
    assert np.array_equal(painted(panel, canvas, ratio)[rows, columns], expected)
    panel.camera.set_cursor(QPointF(20.5, 10.5))
    assert header.readout.startswith(" ".join(map(str, stamp()[10, 20])))
    assert panel.board.panes[BICUBIC].header.figures == figures
    panel.camera.set_cursor(None)
    panel.commands.exporter.save(tmp_path, [HR])
    path = tmp_path / panel.commands.exporter.file_name(HR)
    qtbot.waitUntil(path.is_file)
    qtbot.waitUntil(lambda: not panel.commands.exporter._saving.running)
    assert np.array_equal(read_image(path), stamp())
    QTest.keyClick(panel, Qt.Key.Key_A)
    assert header.title == "HR"
    assert np.array_equal(painted(panel, canvas, ratio)[rows, columns], stamp())


def test_differences_keep_their_colours(opened: Opened) -> None:
    _, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_D)
    canvas = panel.board.panes[DIFFERENCE].canvas
    before = painted(canvas, canvas, 1.0)
    QTest.keyClick(panel, Qt.Key.Key_E)
    QTest.keyClick(panel, Qt.Key.Key_H)
    assert np.array_equal(painted(canvas, canvas, 1.0), before)
    assert "EV" not in panel.board.panes[DIFFERENCE].header.title


def test_the_bar_and_the_keys_show_the_same(opened: Opened) -> None:
    _, panel = opened
    bar = panel.tone_bar
    assert not bar.isVisible()
    QTest.keyClick(panel, Qt.Key.Key_T)
    assert bar.isVisible()
    bar.stops.setValue(2)
    bar.channel.setCurrentIndex(4)
    assert panel.camera.tone == Tone(Channel.LUMA, stops=2)
    for _ in range(20):
        QTest.keyClick(panel, Qt.Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    assert (bar.stops.value(), panel.camera.tone.stops) == (-8, -8)
    bar.histogram.click()
    assert panel.camera.histogram_shown
    assert panel.actions["histogram"].isChecked()
    bar.histogram.click()
    assert not panel.camera.histogram_shown
    bar.reset.click()
    assert panel.camera.tone.is_neutral
    assert not bar.reset.isEnabled()


def test_moving_the_mouse_does_not_expose_the_view_again(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = ImageCanvas(Camera())
    qtbot.addWidget(canvas)
    canvas.resize(500, 400)
    canvas.camera.set_scene(500, 400)
    canvas.set_overlays(Overlay(qimage_from_array(noise(400, 500)), QRectF(0, 0, 500, 400)))
    exposed: list[int] = []
    apply = Tone.apply
    monkeypatch.setattr(
        Tone, "apply", lambda tone, image: exposed.append(image.width()) or apply(tone, image)
    )
    canvas.camera.set_tone(Tone(stops=1))
    canvas.camera.show_magnifier(True)
    for x in range(5):
        canvas.camera.set_cursor(QPointF(200 + x, 200))
        painted(canvas, canvas, 1.0)
    assert exposed.count(500) == 1
