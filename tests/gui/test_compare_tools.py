"""What a person does with Compare's panes: regions, split, flips, read-outs, order, export, memory."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from compare_bench import comparing, drag, open_and_wait, save_stamp, stamp
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model

from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.images import read_image, rgb_to_y, write_png
from fakd_core.inference import upscale
from fakd_core.metrics import psnr_y, ssim_y
from fakd_core.profiling import profile
from fakd_gui.compare import ComparePanel
from fakd_gui.compare.difference import Difference, Drawn, Kind, draw_difference
from fakd_gui.compare.lineup import DIFFERENCE, SPLIT
from fakd_gui.compare.menus import pane_menu
from fakd_gui.compare.split import Split, SplitCanvas
from fakd_gui.compare.work import BICUBIC, HR, LR, PaneProgress, PaneReady, PaneTile, picture_key
from fakd_gui.convert import array_from_qimage
from fakd_gui.jobs import LatestWins
from fakd_gui.widgets.image_tools import ZoomBox

Opened = tuple[Bench, ComparePanel]
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def opened(tmp_path: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[Opened]:
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.choose_all()
        open_and_wait(panel, save_stamp(bench.folder), qtbot)
        yield bench, panel


def box_of(panel: ComparePanel) -> tuple[int, int, int, int]:
    assert panel.region is not None
    return panel.region.left, panel.region.top, panel.region.width, panel.region.height


def test_a_region_is_moved_and_resized_by_mouse_and_keys_and_measured_live(
    opened: Opened, qtbot: QtBot
) -> None:
    bench, panel = opened
    panel.set_region(QRectF(20, 16, 24, 20))
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
    QTest.keyClick(panel, Qt.Key.Key_Up, SHIFT)
    QTest.keyClick(panel, Qt.Key.Key_Down, CONTROL)
    assert box_of(panel) == (31, 10, 26, 25)
    for key in panel.board.keys:
        assert panel.board.panes[key].canvas.region == QRectF(31, 10, 26, 25)
    hr, student = stamp()[10:35, 31:57], panel.board.pixels(bench.students[0])
    teacher = panel.board.pixels(bench.teacher)
    assert student is not None
    assert teacher is not None
    psnr = psnr_y(student[10:35, 31:57], hr, 0)
    delta = psnr - psnr_y(teacher[10:35, 31:57], hr, 0)
    ssim = ssim_y(student[10:35, 31:57], hr, 0)
    expected = f"Box {psnr:.2f} dB / {ssim:.4f} · Δ {delta:+.2f} dB".replace("-", "−")
    header = panel.board.panes[bench.students[0]].header
    qtbot.waitUntil(lambda: header.region_figures == expected, timeout=5000)
    assert "Δ" not in panel.board.panes[bench.teacher].header.region_figures
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.region is None
    assert header.lines == 2


def test_a_region_too_small_for_ssim_says_so_and_never_leaves_the_image(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_R)
    canvas = panel.board.panes[BICUBIC].canvas
    to_view = panel.camera.to_view
    drag(canvas, to_view(QPointF(80, 50)), to_view(QPointF(88, 60)))
    assert panel.region is not None
    assert panel.region.width < 11
    header = panel.board.panes[bench.teacher].header
    qtbot.waitUntil(lambda: "SSIM needs 11 × 11 px" in header.region_figures, timeout=5000)
    for _ in range(20):
        QTest.keyClick(panel, Qt.Key.Key_Right, SHIFT)
    assert panel.region.left + panel.region.width == 96
    QTest.keyClick(panel, Qt.Key.Key_R)
    assert canvas.drag.value == "pan"


def test_without_ground_truth_a_region_says_why_it_has_no_scores(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    with qtbot.waitSignal(panel.finished, timeout=20_000):
        panel.opener.set_mode(True)
    panel.set_region(QRectF(20, 20, 40, 40))
    assert "no HR" in panel.board.panes[bench.teacher].header.region_figures
    assert bench.errors == []


def test_the_divider_is_dragged_and_the_read_out_is_of_its_side(opened: Opened) -> None:
    bench, panel = opened
    QTest.keyClick(panel, Qt.Key.Key_S)
    panel.set_split(Split(HR, bench.teacher))
    canvas = panel.board.panes[SPLIT].canvas
    assert isinstance(canvas, SplitCanvas)
    middle = QPointF(canvas.divider, canvas.height() / 2)
    drag(canvas, middle, middle + QPointF(30, 5))
    assert canvas.divider == pytest.approx(middle.x() + 30, abs=1)
    assert panel.camera.fitted
    teacher = panel.board.pixels(bench.teacher)
    assert teacher is not None
    edge = panel.camera.to_scene(QPointF(canvas.divider, 0)).x()
    for x, pixels in ((edge - 3, stamp()), (edge + 3, teacher)):
        panel.camera.set_cursor(QPointF(x, 20.5))
        rgb = " ".join(str(value) for value in pixels[20, int(x)])
        assert panel.board.panes[SPLIT].header.readout.startswith(rgb)
    QTest.keyClick(panel, Qt.Key.Key_X)
    assert panel.board.lineup.split == Split(bench.teacher, HR)
    before = canvas.position
    QTest.keyClick(panel, Qt.Key.Key_BracketLeft)
    assert canvas.position < before
    panel.split_bar.direction.setCurrentIndex(1)
    assert not canvas.vertical
    QTest.keyClick(panel, Qt.Key.Key_S)
    assert SPLIT not in panel.board.keys


def test_every_kind_of_difference_reads_its_value_under_the_cursor(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    teacher = panel.board.pixels(bench.teacher)
    assert teacher is not None
    apart = teacher[20, 30].astype(float) - stamp()[20, 30]
    luma = float(rgb_to_y(teacher[20, 30]) - rgb_to_y(stamp()[20, 30]))
    panel.camera.set_cursor(QPointF(30.5, 20.5))
    for kind, expected in (
        (Kind.ABSOLUTE, " ".join(f"{abs(int(value))}" for value in apart)),
        (Kind.SQUARED, f"{(apart**2).mean():.1f}"),
        (Kind.SIGNED, f"{luma:+.1f} Y".replace("-", "−")),
    ):
        panel.set_difference(Difference(bench.teacher, HR, kind=kind))
        assert panel.board.panes[DIFFERENCE].header.readout == expected
    panel.difference_bar.kind.setCurrentIndex(panel.difference_bar.kind.findData(Kind.SSIM))
    qtbot.waitUntil(lambda: bool(panel.board.panes[DIFFERENCE].header.readout), timeout=10_000)
    assert -1 <= float(panel.board.panes[DIFFERENCE].header.readout.replace("−", "-")) <= 1
    assert panel.board.panes[DIFFERENCE].header.figures.startswith("mean ")


def test_panes_of_different_size_are_not_subtracted(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        panel.panes.show(LR, True)
    panel.difference_to(LR, HR)
    canvas = panel.board.panes[DIFFERENCE].canvas
    assert "one size" in canvas.message
    assert canvas.message_is_error
    panel.difference_to(BICUBIC, HR)
    assert canvas.message == ""


def test_the_colour_under_the_mouse_and_the_picture_are_copied(opened: Opened) -> None:
    bench, panel = opened
    told: list[str] = []
    bench.session.told.connect(told.append)
    canvas = panel.board.panes[HR].canvas
    panel.camera.set_percent(400)
    panel.camera.look_at(QPointF(48, 32))
    at = panel.camera.to_view(QPointF(40.5, 30.5)).toPoint()
    QTest.mouseMove(canvas, at)
    QTest.keyClick(panel, Qt.Key.Key_C)
    expected = "#" + "".join(f"{value:02x}" for value in stamp()[30, 40])
    assert QApplication.clipboard().text() == expected
    assert "HR" in told[-1]
    assert expected in panel.status.right.text()
    assert "x 40, y 30" in panel.status.right.text()
    QTest.keyClick(panel, Qt.Key.Key_C, CONTROL)
    assert np.array_equal(array_from_qimage(QApplication.clipboard().image()), stamp())


def test_space_and_b_flip_between_the_last_two_and_space_drags(opened: Opened) -> None:
    _, panel = opened
    grid = panel.board.grid
    QTest.keyClick(panel, Qt.Key.Key_4)
    QTest.keyClick(panel, Qt.Key.Key_2)
    for key, solo in ((Qt.Key.Key_B, 3), (Qt.Key.Key_B, 1), (Qt.Key.Key_Space, 3)):
        QTest.keyClick(panel, key)
        assert grid.solo == solo
    panel.set_region(QRectF(0, 0, 96, 64))
    center = QPointF(panel.camera.center)
    QTest.keyPress(panel, Qt.Key.Key_Space)
    canvas = grid.panes[3].canvas
    drag(canvas, QPointF(200, 200), QPointF(240, 220))
    QTest.keyRelease(panel, Qt.Key.Key_Space)
    assert grid.solo == 3
    assert panel.camera.center != center
    assert box_of(panel) == (0, 0, 96, 64)


def test_zoom_is_stepped_typed_and_toggled(opened: Opened) -> None:
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


def test_a_closed_pane_comes_back_by_undo_with_its_result(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    offers: list[tuple[str, object]] = []
    bench.session.undo_offered.connect(lambda text, undo: offers.append((text, undo)))
    keys, result = panel.board.keys, panel.board.results[bench.teacher]
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        panel.panes.close(bench.teacher)
    assert bench.teacher not in panel.board.keys
    assert offers[0][0] == "Closed teacher (teacher)"
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        offers[0][1]()  # type: ignore[operator]
    assert panel.board.keys == keys
    assert panel.board.results[bench.teacher] is result
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        panel.panes.remove_student(bench.students[0])
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        offers[1][1]()  # type: ignore[operator]
    assert bench.session.students == bench.students
    assert panel.board.keys == keys


def test_with_every_pane_closed_compare_says_how_they_come_back(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    keys = panel.board.keys
    panel.set_difference(Difference(bench.teacher, bench.students[0]))
    for key in keys:
        pane_menu(panel, key).actions()[-1].trigger()
        one = len(panel.board.lineup.results) == 1
        assert panel.difference_action.isEnabled() == (len(panel.board.lineup.results) > 1)
        assert panel.split_action.isEnabled() == panel.difference_action.isEnabled()
        if one:
            # Nothing is left that HR could be subtracted from.
            assert panel.board.keys == [HR]
            assert panel.difference_bar.isHidden()
            assert "Needs two panes" in panel.difference_action.toolTip()
            QTest.keyClick(panel, Qt.Key.Key_D)
            QTest.keyClick(panel, Qt.Key.Key_S)
            assert panel.board.keys == [HR]
    assert panel.board.keys == []
    assert panel.stack.currentWidget() is panel.no_panes
    for key in (Qt.Key.Key_D, Qt.Key.Key_S, Qt.Key.Key_1, Qt.Key.Key_B, Qt.Key.Key_Delete):
        QTest.keyClick(panel, key)
    assert not panel.save_action.isEnabled()
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        QTest.mouseClick(panel.no_panes.show_button, Qt.MouseButton.LeftButton)
    assert panel.stack.currentWidget() is panel.board.grid
    assert panel.board.keys == [*keys, DIFFERENCE]
    assert panel.board.lineup.difference == Difference(bench.teacher, HR)
    assert "Needs" not in panel.split_action.toolTip()
    assert bench.errors == []


def test_why_a_map_could_not_be_drawn_does_not_stay_on_the_next_difference(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    go_on = threading.Event()

    def fail_at_ssim(a: Image8, b: Image8, wanted: Difference, border: int, token: CancelToken) -> Drawn:
        if wanted.kind is not Kind.SSIM:
            return draw_difference(a, b, wanted, border, token)
        go_on.wait(10)
        raise RuntimeError("torch shape error")

    monkeypatch.setattr("fakd_gui.compare.difference_drawer.draw_difference", fail_at_ssim)
    panel.set_difference(Difference(bench.teacher, HR, kind=Kind.SSIM))
    panel.set_difference(Difference(bench.teacher, HR, kind=Kind.ABSOLUTE))
    canvas = panel.board.panes[DIFFERENCE].canvas
    assert canvas.layers
    go_on.set()
    works = panel.board.drawer.findChildren(LatestWins)
    qtbot.waitUntil(lambda: not any(work.running for work in works))
    assert canvas.message == ""
    assert bench.errors == []


def test_a_map_of_too_small_an_image_is_refused_at_once(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        bench.session.open_image(save_stamp(bench.folder, "pixel", 1, 1), 4, is_lr=True)
    panel.set_difference(Difference(bench.teacher, BICUBIC, kind=Kind.SSIM))
    assert "SSIM needs 11 × 11 pixels" in panel.board.panes[DIFFERENCE].canvas.message
    assert bench.errors == []
    assert "< 0.001 GMACs at 1×1 LR" in panel.board.panes[bench.teacher].header.costs


def test_panes_are_reordered_by_dragging_a_title_or_by_menu(opened: Opened) -> None:
    bench, panel = opened
    first, *others = panel.board.keys
    header = panel.board.panes[first].header
    target = panel.board.panes[others[1]]
    drag(header, QPointF(60, 10), QPointF(header.mapFrom(panel, target.mapTo(panel, QPoint(60, 20)))))
    assert panel.board.keys == [*others[:2], first, *others[2:]]
    menu = pane_menu(panel, first)
    next(action for action in menu.actions() if action.text() == "Move left").trigger()
    assert panel.board.keys == [others[0], first, *others[1:]]
    assert panel.board.panes[first].header.badge == "2"
    assert bench.errors == []


def test_a_picture_of_another_tool_is_measured_and_belongs_to_its_image(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    near = stamp().astype(int) + 3
    write_png(bench.folder / "other tool.png", near.astype(np.uint8))
    write_png(bench.folder / "wrong.png", stamp(50, 50))
    key, wrong = picture_key(bench.folder / "other tool.png"), picture_key(bench.folder / "wrong.png")
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        panel.panes.add_picture(bench.folder / "other tool.png")
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        panel.panes.add_picture(bench.folder / "wrong.png")
    scores = panel.board.results[key].scores
    assert scores is not None
    assert scores.psnr == psnr_y(near.astype(np.uint8), stamp(), 4)
    assert "other tool.png" in panel.board.panes[key].header.title
    assert "found 50 × 50" in panel.board.panes[wrong].canvas.message
    open_and_wait(panel, bench.photo, qtbot)
    assert key not in panel.board.keys
    open_and_wait(panel, bench.folder / "stamp.png", qtbot)
    assert key in panel.board.keys


def test_a_result_grows_tile_by_tile_each_in_its_place(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    monkeypatch.setattr("fakd_core.inference._fitting_side", lambda *_: 96)
    tiles: list[PaneTile] = []
    messages: list[str] = []

    def look(event: object) -> None:
        if isinstance(event, PaneTile) and event.key == bench.teacher:
            tiles.append(event)
            messages.append(panel.board.panes[event.key].canvas.message)
            assert panel.board.panes[event.key].canvas.layers[-1] is event.layer

    panel._comparison.reported.connect(look)
    open_and_wait(panel, save_stamp(bench.folder, "large", 480, 640), qtbot)
    assert len(tiles) >= 4
    image = bench.session.image
    assert image is not None
    whole = upscale(bench.session.models.get(bench.teacher), image.lr, tile=96)
    assert np.array_equal(panel.board.pixels(bench.teacher), whole)
    for tile in tiles:
        left, top = int(tile.layer.rect.left()), int(tile.layer.rect.top())
        part = array_from_qimage(tile.layer.image)
        # Seams are blended later: the middle of a tile is final.
        inner = slice(64, -64)
        there = whole[top : top + part.shape[0], left : left + part.shape[1]]
        assert np.array_equal(part[inner, inner], there[inner, inner])
    assert messages[-1] == ""
    assert len(panel.board.panes[bench.teacher].canvas.layers) == 1


def test_the_ground_truth_shows_before_anything_is_computed(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    ready: list[str] = []

    def look(event: object) -> None:
        if isinstance(event, PaneReady):
            ready.append(event.key)

    panel._comparison.reported.connect(look)
    open_and_wait(panel, bench.photo, qtbot)
    assert ready == [HR, BICUBIC, *bench.students, bench.teacher]


def test_costs_and_what_memory_forced_are_told(opened: Opened) -> None:
    bench, panel = opened
    result = panel.board.results[bench.teacher]
    assert result.gmacs > 0
    costs = panel.board.panes[bench.teacher].header.costs
    assert f"{result.parameters / 1e6:.2f} M" in costs
    image = bench.session.image
    assert image is not None
    expected = profile(bench.session.models.get(bench.teacher).spec, image.lr.shape[:2]).gmacs
    assert f"{expected:.3g} GMACs at 24×16 LR" in costs
    told: list[str] = []
    bench.session.told.connect(told.append)
    note = "out of memory with 256 LR pixels at once, going on with 128"
    panel._receive(PaneProgress(bench.teacher, Progress(1, 4, "tiles", note)))
    assert told == [f"teacher: {note}"]
    assert note in panel.board.panes[bench.teacher].canvas.message


def test_files_are_replaced_only_when_asked(
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
    panel.set_difference(Difference(bench.teacher, HR))
    panel.save_action.trigger()
    assert "stamp_x4_HR.png" in asked[0]
    assert old.read_text() == "old"
    with qtbot.waitSignal(panel.exporter.saved, timeout=5000):
        panel.save_action.trigger()
    assert np.array_equal(read_image(old), stamp())
    assert (out / "stamp_x4_absolute_difference_teacher-HR.png").exists()
    single = bench.folder / "single"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(single), ""))
    with qtbot.waitSignal(panel.exporter.saved, timeout=5000) as written:
        panel.exporter.choose_file(bench.teacher)
    assert written.args[0] == [bench.folder / "single.png"]
    assert np.array_equal(read_image(written.args[0][0]), panel.board.pixels(bench.teacher))
    answers.append(QMessageBox.StandardButton.Cancel)
    panel.exporter.choose_file(HR)
    qtbot.waitUntil(lambda: not any(job.running for job in panel.exporter.findChildren(LatestWins)))
    assert "single.png exists already" in asked[-1]
    assert np.array_equal(read_image(bench.folder / "single.png"), panel.board.pixels(bench.teacher))


def test_the_figure_gets_the_models_shown_and_the_region(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    calls: list[tuple[object, ...]] = []
    figure = ModuleType("fakd_gui.figure")
    figure.open_crop_figure = lambda *arguments: calls.append(arguments)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fakd_gui.figure", figure)
    panel.set_region(QRectF(8, 12, 20, 16))
    panel.figure_action.trigger()
    models = [BICUBIC, *bench.students, bench.teacher]
    assert calls == [(panel, bench.session, bench.session.image, models, (8, 12, 20, 16))]


def test_the_next_start_looks_the_same(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.camera.set_smooth(True)
    panel.set_difference(Difference(bench.teacher, BICUBIC, 8, Kind.SQUARED, "viridis"))
    panel.set_split(Split(bench.teacher, HR, vertical=False))
    panel.panes.move(0, 2)
    panel.set_region(QRectF(8, 12, 20, 16))
    kept = json.loads(json.dumps(panel.remember()))
    keys = panel.board.keys
    second = tmp_path / "second"
    second.mkdir()
    with comparing(second, qtbot) as (_, other):
        other.recall({"difference": [1, 2], "region": "x", "split": None, "unknown": 3, "order": 5})
        other.recall(kept)
        other.session.set_teacher(bench.teacher)
        for student in bench.students:
            other.session.add_student(student)
        open_and_wait(other, bench.folder / "stamp.png", qtbot)
        assert other.board.keys == keys
        assert other.camera.smooth
        assert other.board.lineup.difference == panel.board.lineup.difference
        assert other.board.lineup.split == panel.board.lineup.split
        assert box_of(other) == (8, 12, 20, 16)
        assert other.remember() == kept


def test_a_solo_pane_stays_when_a_model_is_added(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.flip_to(panel.board.keys.index(bench.teacher))
    with qtbot.waitSignal(panel.finished, timeout=10_000):
        bench.session.add_student(save_model(bench.folder, "third", 9))
    assert panel.board.grid.solo == panel.board.keys.index(bench.teacher)
