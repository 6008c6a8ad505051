"""The pane that shows the difference of two others."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from compare_bench import Opened, grab, save_stamp, stamp
from PySide6.QtCore import QPointF, QRectF
from pytestqt.qtbot import QtBot

from fakd_core.evaluation.metrics import rgb_to_y
from fakd_core.events import CancelToken, Image8
from fakd_gui.compare.canvases import DifferenceCanvas
from fakd_gui.compare.difference import Difference, DifferenceImage, Kind, draw_difference
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, HR, LR
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.overlays import Overlay


def test_every_kind_of_difference_reads_its_value_under_the_cursor(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    teacher = panel.state.pixels(bench.teacher)
    assert teacher is not None
    apart = teacher[20, 30].astype(float) - stamp()[20, 30]
    luma = float(rgb_to_y(teacher[20, 30]) - rgb_to_y(stamp()[20, 30]))
    panel.camera.set_cursor(QPointF(30.5, 20.5))
    for kind, expected in (
        (Kind.ABSOLUTE, " ".join(f"{abs(int(value))}" for value in apart)),
        (Kind.SQUARED, f"{(apart**2).mean():.1f}"),
        (Kind.SIGNED, f"{luma:+.1f} Y".replace("-", "−")),
    ):
        panel.state.show_difference(Difference(bench.teacher, HR, kind=kind))
        assert panel.board.panes[DIFFERENCE].header.readout == expected
    panel.difference_bar.boxes["kind"].setCurrentIndex(panel.difference_bar.boxes["kind"].findData(Kind.SSIM))
    qtbot.waitUntil(lambda: bool(panel.board.panes[DIFFERENCE].header.readout))
    assert -1 <= float(panel.board.panes[DIFFERENCE].header.readout.replace("−", "-")) <= 1
    assert panel.board.panes[DIFFERENCE].header.figures.startswith("mean ")


def test_panes_of_different_sizes_are_not_subtracted(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    with qtbot.waitSignal(panel.finished):
        panel.state.show_pane(LR)
    panel.state.show_difference(Difference(LR, HR))
    canvas = panel.board.panes[DIFFERENCE].canvas
    assert "one size" in canvas.message
    assert canvas.message_is_error
    panel.state.show_difference(Difference(BICUBIC, HR))
    assert canvas.message == ""


def test_an_error_of_one_difference_is_not_shown_on_the_next(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    go_on = threading.Event()

    def fail_at_ssim(
        a: Image8, b: Image8, difference: Difference, *, crop_border: int, token: CancelToken
    ) -> DifferenceImage:
        if difference.kind is not Kind.SSIM:
            return draw_difference(a, b, difference, crop_border=crop_border, token=token)
        go_on.wait(60)
        raise RuntimeError("torch shape error")

    monkeypatch.setattr("fakd_gui.compare.runner.draw_difference", fail_at_ssim)
    panel.state.show_difference(Difference(bench.teacher, HR, kind=Kind.SSIM))
    panel.state.show_difference(Difference(bench.teacher, HR, kind=Kind.ABSOLUTE))
    canvas = panel.board.panes[DIFFERENCE].canvas
    assert canvas.overlays
    go_on.set()
    works = panel.runner.findChildren(LatestWins)
    qtbot.waitUntil(lambda: not any(work.running for work in works))
    assert canvas.message == ""
    assert bench.errors == []


def test_the_ssim_map_of_too_small_an_image_is_refused_at_once(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    with qtbot.waitSignal(panel.finished):
        bench.session.set_is_lr(True)
        bench.session.open_image(save_stamp(bench.folder, "pixel", 1, 1))
    panel.state.show_difference(Difference(bench.teacher, BICUBIC, kind=Kind.SSIM))
    assert "SSIM needs 11 × 11 pixels" in panel.board.panes[DIFFERENCE].canvas.message
    assert bench.errors == []
    assert "< 0.001 GMACs at 1×1 LR" in panel.board.panes[bench.teacher].header.costs


def test_the_colour_scale_lies_over_the_region(qtbot: QtBot) -> None:
    canvas = DifferenceCanvas(Camera())
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    canvas.camera.set_scene(400, 300)
    canvas.set_overlays(Overlay.from_pixels(np.zeros((300, 400, 3), np.uint8), QRectF(0, 0, 400, 300)))
    canvas.shown = Difference()
    before = grab(canvas)[260:]
    canvas.marks = ((QRectF(20, 250, 60, 40), "#ff0000"),)
    red = np.array([255, 0, 0])
    # Only around the scale's card is the mark seen.
    assert (grab(canvas)[:260] == red).all(axis=2).any()
    assert np.array_equal(grab(canvas)[271:274, 30:150], before[11:14, 30:150])
