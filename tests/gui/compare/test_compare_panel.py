"""The Compare workspace, with real widgets, real jobs and small random networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from busy_machine import computes_for_less_than
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model, save_photo, turn_wheel
from torch.nn.modules.module import register_module_forward_pre_hook

from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.inference.upscale import upscale
from fakd_core.runs.references import load_model
from fakd_gui.compare import difference, runner
from fakd_gui.compare.difference import Difference
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.compare.panes import BICUBIC, DIFFERENCE, HR
from fakd_gui.session.jobs import stop_all


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[ComparePanel]:
    panel = ComparePanel(bench.session)
    # Qt aborts the program if a widget is deleted before its threads end.
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(900, 560)
    panel.show()
    yield panel
    stop_all(bench.session)


@pytest.fixture
def compared(bench: Bench, panel: ComparePanel, qtbot: QtBot) -> ComparePanel:
    """The panel with the photo through the teacher and both students."""
    bench.choose_all()
    with qtbot.waitSignal(panel.finished):
        bench.session.open_image(bench.photo)
    return panel


def test_panes_show_the_outputs_and_scores_of_the_core(bench: Bench, compared: ComparePanel) -> None:
    image = bench.session.image
    assert image is not None
    assert image.hr is not None
    board = compared.board
    assert board.keys == [BICUBIC, *bench.students, bench.teacher, HR]
    assert np.array_equal(compared.state.pixels(BICUBIC), imresize_bicubic(image.lr, 4))
    for ref in (*bench.students, bench.teacher):
        expected = upscale(load_model(ref), image.lr)
        assert np.array_equal(compared.state.pixels(ref), expected)
        scores = compared.state.results[ref].scores
        assert scores is not None
        assert scores.psnr == psnr_y(expected, image.hr, 4)
        assert scores.ssim == ssim_y(expected, image.hr, 4)
        assert f"{scores.psnr:.2f} dB / {scores.ssim:.4f}" in board.panes[ref].header.figures
    assert "Δ" in board.panes[bench.students[0]].header.figures
    assert "Δ" not in board.panes[bench.teacher].header.figures
    assert np.array_equal(compared.state.pixels(HR), read_image(bench.photo))
    assert bench.errors == []


def test_panes_stay_linked_and_the_pixels_under_the_cursor_are_read(
    bench: Bench, compared: ComparePanel
) -> None:
    panes = list(compared.board.panes.values())
    turn_wheel(panes[1].canvas, QPointF(50, 40), 4)
    QTest.mousePress(panes[3].canvas, Qt.MouseButton.LeftButton, pos=QPointF(80, 60).toPoint())
    QTest.mouseMove(panes[3].canvas, QPointF(60, 50).toPoint())
    QTest.mouseRelease(panes[3].canvas, Qt.MouseButton.LeftButton, pos=QPointF(60, 50).toPoint())
    assert {pane.canvas.size().toTuple() for pane in panes} == {compared.camera.viewport.toSize().toTuple()}
    assert {pane.canvas.camera for pane in panes} == {compared.camera}
    compared.camera.set_cursor(QPointF(17.8, 9.2))
    for key, pane in compared.board.panes.items():
        pixels = compared.state.pixels(key)
        assert pixels is not None
        assert pane.header.readout.startswith(" ".join(str(value) for value in pixels[9, 17]) + " · Y ")
    QTest.mouseDClick(panes[0].canvas, Qt.MouseButton.LeftButton)
    assert compared.camera.fitted


def test_cancel_takes_less_than_a_second(bench: Bench, panel: ComparePanel, qtbot: QtBot) -> None:
    slow = save_model(bench.folder, "slow", 5, n_feats=64, n_resgroups=10, n_resblocks=10)
    bench.session.set_teacher(slow)
    with qtbot.waitSignal(bench.session.image_changed):
        bench.session.open_image(save_photo(bench.folder, "large", 400, 320))
    layers: list[torch.device] = []
    handle = register_module_forward_pre_hook(lambda _, inputs: layers.append(inputs[0].device))
    try:  # It is loaded and its memory counted before.
        qtbot.waitUntil(lambda: torch.device("cpu") in layers)
        assert panel.board.panes[slow].canvas.message == "Computing…"
        assert panel.status.cancel_button.isVisible()
        with computes_for_less_than(1):
            QTest.mouseClick(panel.status.cancel_button, Qt.MouseButton.LeftButton)
            qtbot.waitUntil(lambda: not panel.status.cancel_button.isVisible())
    finally:
        handle.remove()
    assert panel.board.panes[slow].canvas.message == "Cancelled"
    assert panel.state.pixels(BICUBIC) is not None


def test_a_new_image_replaces_the_running_comparison(bench: Bench, panel: ComparePanel, qtbot: QtBot) -> None:
    bench.choose_all()
    ends = []
    panel.finished.connect(lambda: ends.append(panel.state.image))
    with qtbot.waitSignal(bench.session.image_changed):
        bench.session.open_image(bench.photo)
    other = save_photo(bench.folder, "other", 48, 64)
    bench.session.open_image(other)
    # The first, small comparison may have ended before it could be replaced.
    qtbot.waitUntil(lambda: bool(ends) and ends[-1].name == "other.png")
    assert len(ends) <= 2
    for key in panel.board.keys:
        pixels = panel.state.pixels(key)
        assert pixels is not None
        assert pixels.shape == (48, 64, 3)


def test_an_added_model_is_computed_alone(bench: Bench, compared: ComparePanel, qtbot: QtBot) -> None:
    before = dict(compared.state.results)
    added = save_model(bench.folder, "third", 9)
    with qtbot.waitSignal(compared.finished):
        bench.session.add_student(added)
    assert compared.state.pixels(added) is not None
    assert all(compared.state.results[key] is result for key, result in before.items())


def test_a_failing_model_says_why_and_does_not_stop_the_others(
    bench: Bench, panel: ComparePanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    other_scale = save_model(bench.folder, "x2", 4, scale=2)
    for ref in (str(broken), str(bench.folder / "gone.pt"), other_scale, bench.students[0]):
        bench.session.add_student(ref)
    bench.session.set_teacher(bench.teacher)
    with qtbot.waitSignal(panel.finished):
        bench.session.open_image(bench.photo)
    assert panel.state.pixels(bench.students[0]) is not None
    assert panel.board.panes[other_scale].canvas.message_is_error
    assert any("broken.safetensors" in error for error in bench.errors)
    assert any("gone.pt" in error for error in bench.errors)
    assert any("enlarges by 2" in error for error in bench.errors)
    assert len(bench.errors) == 3


def test_a_file_that_is_not_an_image_leaves_the_panel_usable(
    bench: Bench, panel: ComparePanel, qtbot: QtBot
) -> None:
    text = bench.folder / "text.png"
    text.write_text("no image")
    with qtbot.waitSignal(bench.session.error):
        panel.session.open_image(text)
    bench.choose_all()
    with qtbot.waitSignal(panel.finished):
        panel.session.open_image(bench.photo)


def test_lr_mode_upscales_the_image_as_it_is(bench: Bench, compared: ComparePanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(compared.finished):
        compared.session.set_is_lr(True)
    lr = read_image(bench.photo)
    assert HR not in compared.board.keys
    assert np.array_equal(compared.state.pixels(bench.teacher), upscale(load_model(bench.teacher), lr))
    assert compared.state.results[bench.teacher].scores is None


def test_a_teacher_of_another_scale_reopens_the_image(
    bench: Bench, compared: ComparePanel, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(bench.session.image_changed) as opened:
        bench.session.set_teacher(save_model(bench.folder, "teacher2", 4, scale=2))
    assert opened.args[0].scale == 2


def test_digit_keys_flip_while_held_or_until_pressed_again(compared: ComparePanel, qtbot: QtBot) -> None:
    grid = compared.board.grid
    QTest.keyPress(compared, Qt.Key.Key_2)
    assert grid.solo == 1
    QTest.keyRelease(compared, Qt.Key.Key_2)
    assert grid.solo == 1
    QTest.keyPress(compared, Qt.Key.Key_3)
    assert grid.solo == 2
    qtbot.wait(450)
    QTest.keyRelease(compared, Qt.Key.Key_3)
    assert grid.solo == 1
    QTest.keyClick(compared, Qt.Key.Key_Escape)
    assert grid.solo is None


def test_the_difference_pane_shows_the_largest_channel_difference(
    bench: Bench, compared: ComparePanel
) -> None:
    compared.state.show_difference(Difference(bench.teacher, HR, gain=8))
    pane = compared.board.panes[DIFFERENCE]
    teacher, hr = compared.state.pixels(bench.teacher), compared.state.pixels(HR)
    assert teacher is not None
    assert hr is not None
    distance = np.abs(teacher.astype(int) - hr).max(axis=2)
    assert f"mean {distance.mean():.2f}, maximum {distance.max()}" in pane.header.figures
    compared.camera.set_cursor(QPointF(5.5, 6.5))
    assert pane.header.readout == " ".join(str(value) for value in np.abs(teacher.astype(int) - hr)[6, 5])
    compared.state.show_difference(None)
    assert DIFFERENCE not in compared.board.keys


def test_a_large_difference_is_drawn_in_a_job_with_the_same_result(
    bench: Bench, compared: ComparePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared.state.show_difference(Difference(bench.teacher, HR, gain=8))
    canvas = compared.board.panes[DIFFERENCE].canvas
    (at_once,) = canvas.overlays
    monkeypatch.setattr(runner, "MAX_SYNC_PIXELS", 0)
    monkeypatch.setattr(difference, "STRIP_PIXELS", 500)
    compared.state.show_difference(None)
    compared.state.difference_image = None
    compared.state.show_difference(Difference(bench.teacher, HR, gain=8))
    canvas = compared.board.panes[DIFFERENCE].canvas
    assert canvas.message == "Subtracting…"
    qtbot.waitUntil(lambda: bool(canvas.overlays))
    assert canvas.message == ""
    assert canvas.overlays[0].image == at_once.image


def test_a_region_is_measured_in_every_pane(bench: Bench, compared: ComparePanel, qtbot: QtBot) -> None:
    canvas = compared.board.panes[BICUBIC].canvas
    corner = compared.camera.to_view(QPointF(8, 12)).toPoint()
    opposite = compared.camera.to_view(QPointF(40, 44)).toPoint()
    shift, left = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton
    QTest.mousePress(canvas, left, shift, corner)
    QTest.mouseMove(canvas, opposite)
    QTest.mouseRelease(canvas, left, shift, opposite)
    qtbot.waitUntil(lambda: bool(compared.state.region_scores))
    region = compared.board.panes[HR].canvas.region
    assert region is not None
    assert region.intersects(QRectF(10, 14, 20, 20))
    compared.state.set_region(QRectF(8, 12, 32, 30))
    teacher, hr = compared.state.pixels(bench.teacher), compared.state.pixels(HR)
    assert teacher is not None
    assert hr is not None
    expected = psnr_y(teacher[12:42, 8:40], hr[12:42, 8:40], 0)

    def measured() -> bool:
        scores = compared.state.region_scores.get(bench.teacher)
        return scores is not None and scores.psnr == expected

    qtbot.waitUntil(measured)


def test_outputs_are_saved_under_their_names(bench: Bench, compared: ComparePanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bench.session.status_message) as written:
        compared.commands.exporter.save(bench.folder / "out", compared.board.keys)
    assert written.args == [f"Wrote 5 images to {bench.folder / 'out'}"]
    assert {path.name for path in (bench.folder / "out").iterdir()} == {
        f"photo_x4_{name}.png" for name in ("Bicubic", "with", "without", "teacher", "HR")
    }
    saved = read_image(bench.folder / "out" / "photo_x4_teacher.png")
    assert np.array_equal(saved, compared.state.pixels(bench.teacher))


def test_a_hidden_panel_waits_until_it_is_shown(bench: Bench, panel: ComparePanel, qtbot: QtBot) -> None:
    panel.hide()
    bench.choose_all()
    with qtbot.waitSignal(bench.session.image_changed):
        bench.session.open_image(bench.photo)
    qtbot.wait(50)
    assert panel.state.results == {}
    with qtbot.waitSignal(panel.finished):
        panel.show()


def test_the_panes_menu_shows_and_hides_what_the_image_has_itself(
    bench: Bench, compared: ComparePanel, qtbot: QtBot
) -> None:
    menu = compared.commands.panes_menu
    menu.aboutToShow.emit()
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert list(actions) == ["LR", "Bicubic", "HR", "Add another tool's picture…"]
    assert [action.isChecked() for action in list(actions.values())[:3]] == [False, True, True]
    with qtbot.waitSignal(compared.finished):
        actions["Bicubic"].trigger()
    assert BICUBIC not in compared.board.keys
    assert not bench.session.library.is_shown(BICUBIC, "Compare")


def test_dropped_files_are_opened_or_added(bench: Bench, panel: ComparePanel, qtbot: QtBot) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(bench.photo)), QUrl.fromLocalFile(bench.students[0])])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter, drop = QDragEnterEvent(QPoint(50, 50), *how), QDropEvent(QPointF(50, 50), *how)
    QApplication.sendEvent(panel, enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(bench.session.image_changed):
        QApplication.sendEvent(panel, drop)
    assert bench.session.library.students("Compare") == [bench.students[0]]


def test_a_failing_model_is_reported_once_and_an_empty_folder_is_not_a_model(
    bench: Bench, compared: ComparePanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"abc")
    with qtbot.waitSignal(compared.finished):
        bench.session.open_paths([broken], "Compare")
    assert len(bench.errors) == 1
    assert "broken.safetensors" in bench.errors[0]
    with qtbot.waitSignal(compared.finished):
        bench.session.add_student(save_model(bench.folder, "third", 9))
    assert len(bench.errors) == 1
    assert compared.board.panes[str(broken)].canvas.message_is_error
    students = bench.session.library.students("Compare")
    empty = bench.folder / "empty"
    empty.mkdir()
    bench.session.open_paths([empty], "Compare")
    assert bench.session.library.students("Compare") == students
    assert "not a training run" in bench.errors[-1]


def test_the_difference_never_compares_a_pane_with_itself(
    bench: Bench, compared: ComparePanel, qtbot: QtBot
) -> None:
    bar = compared.difference_bar
    bar.boxes["a"].setCurrentIndex(bar.boxes["a"].findData(bench.teacher))
    compared.actions["difference"].trigger()
    assert bar.choice.b == HR
    with qtbot.waitSignal(compared.finished):
        compared.session.set_is_lr(True)
    assert bar.choice.a == bench.teacher
    assert bar.choice.b == BICUBIC
