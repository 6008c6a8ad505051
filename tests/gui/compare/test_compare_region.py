"""The region that is measured in every pane."""

from __future__ import annotations

from math import inf

from compare_bench import Opened, box_of, drag, stamp
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import Scores
from fakd_gui.compare.captions import result_caption
from fakd_gui.compare.panes import BICUBIC


def test_a_region_is_moved_and_resized_by_mouse_and_keys_and_measured(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.state.set_region(QRectF(20, 16, 24, 20))
    panel.camera.set_percent(200)
    canvas = panel.board.panes[BICUBIC].canvas
    to_view = panel.camera.to_view
    drag(canvas, to_view(QPointF(32, 26)), to_view(QPointF(38, 30)))
    assert box_of(panel) == (26, 20, 24, 20)
    drag(canvas, to_view(QPointF(50, 40)), to_view(QPointF(56, 44)))
    assert box_of(panel) == (26, 20, 30, 24)
    drag(canvas, to_view(QPointF(26, 32)), to_view(QPointF(30, 32)))
    assert box_of(panel) == (30, 20, 26, 24)
    QTest.keyClick(panel, Qt.Key.Key_Right)
    QTest.keyClick(panel, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(panel, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert box_of(panel) == (31, 10, 26, 25)
    for key in panel.board.keys:
        assert panel.board.panes[key].canvas.region == QRectF(31, 10, 26, 25)
    hr, student = stamp()[10:35, 31:57], panel.state.pixels(bench.students[0])
    teacher = panel.state.pixels(bench.teacher)
    assert student is not None
    assert teacher is not None
    psnr = psnr_y(student[10:35, 31:57], hr, 0)
    delta = psnr - psnr_y(teacher[10:35, 31:57], hr, 0)
    ssim = ssim_y(student[10:35, 31:57], hr, 0)
    expected = f"Box {psnr:.2f} dB / {ssim:.4f} · Δ teacher {delta:+.2f} dB".replace("-", "−")
    header = panel.board.panes[bench.students[0]].header
    qtbot.waitUntil(lambda: header.region_figures == expected)
    assert "Δ" not in panel.board.panes[bench.teacher].header.region_figures
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.state.region is None
    assert header.lines == 2


def test_a_region_too_small_for_ssim_says_so_and_stays_inside_the_image(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_R)
    canvas = panel.board.panes[BICUBIC].canvas
    to_view = panel.camera.to_view
    drag(canvas, to_view(QPointF(80, 50)), to_view(QPointF(88, 60)))
    assert panel.state.region is not None
    assert panel.state.region.width < 11
    header = panel.board.panes[bench.teacher].header
    qtbot.waitUntil(lambda: "SSIM needs 11 × 11 px" in header.region_figures)
    for _ in range(20):
        QTest.keyClick(panel, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert panel.state.region.left + panel.state.region.width == 96
    QTest.keyClick(panel, Qt.Key.Key_R)
    assert canvas.drag.value == "pan"


def test_a_region_without_ground_truth_says_why_it_has_no_scores(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    with qtbot.waitSignal(panel.finished):
        panel.session.set_is_lr(True)
    panel.state.set_region(QRectF(20, 20, 40, 40))
    assert panel.board.panes[bench.teacher].header.region_figures == "Box: no HR to measure it against"
    assert bench.errors == []


def test_a_blank_region_has_infinite_scores(opened: Opened) -> None:
    bench, panel = opened
    key = bench.students[0]
    for student, teacher, shown in (
        (30.0, 31.0, "30.00 dB / 1.0000 · Δ teacher −1.00 dB"),
        (inf, 31.0, "∞ dB / 1.0000 · Δ teacher +∞ dB"),
        (30.0, inf, "30.00 dB / 1.0000 · Δ teacher −∞ dB"),
        (inf, inf, "∞ dB / 1.0000 · Δ teacher +0.00 dB"),
    ):
        panel.state.region_scores = {key: Scores(student, 1.0), bench.teacher: Scores(teacher, 1.0)}
        assert result_caption(panel.state, key).region == f"Box {shown}"
