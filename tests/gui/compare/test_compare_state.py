"""Closing, restoring, moving and adding panes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from compare_bench import Opened, drag, open_and_wait, stamp
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import save_model

from fakd_core.data.image_files import write_image
from fakd_core.evaluation.metrics import psnr_y
from fakd_gui.compare.difference import Difference
from fakd_gui.compare.panes import DIFFERENCE, HR
from fakd_gui.session.library_keys import picture_key


def test_undo_restores_a_closed_pane_with_its_result(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    offers: list[tuple[str, object]] = []
    bench.session.undo_offered.connect(lambda text, undo: offers.append((text, undo)))
    keys, result = panel.board.keys, panel.state.results[bench.teacher]
    with qtbot.waitSignal(panel.finished):
        panel.state.close_pane(bench.teacher)
    assert bench.teacher not in panel.board.keys
    assert offers[0][0] == "Closed teacher (teacher)"
    with qtbot.waitSignal(panel.finished):
        offers[0][1]()  # type: ignore[operator]
    assert panel.board.keys == keys
    assert panel.state.results[bench.teacher] is result
    with qtbot.waitSignal(panel.finished):
        bench.session.library.remove([bench.students[0]])
    with qtbot.waitSignal(panel.finished):
        offers[1][1]()  # type: ignore[operator]
    assert bench.session.library.students("Compare") == bench.students
    assert panel.board.keys == keys


def test_with_every_pane_closed_a_button_shows_them_again(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    keys = panel.board.keys
    panel.state.show_difference(Difference(bench.teacher, bench.students[0]))
    for key in keys:
        panel.commands.pane_menu(key).actions()[-1].trigger()
        one = len(panel.state.result_keys) == 1
        assert panel.actions["difference"].isEnabled() == (len(panel.state.result_keys) > 1)
        assert panel.actions["split"].isEnabled() == panel.actions["difference"].isEnabled()
        if one:
            # A difference needs two results.
            assert panel.board.keys == [HR]
            assert panel.difference_bar.isHidden()
            assert "Needs two panes" in panel.actions["difference"].toolTip()
            QTest.keyClick(panel, Qt.Key.Key_D)
            QTest.keyClick(panel, Qt.Key.Key_S)
            assert panel.board.keys == [HR]
    assert panel.board.keys == []
    assert panel.stack.currentWidget() is panel.no_panes
    for key in (Qt.Key.Key_D, Qt.Key.Key_S, Qt.Key.Key_1, Qt.Key.Key_B, Qt.Key.Key_Delete):
        QTest.keyClick(panel, key)
    assert not panel.actions["save"].isEnabled()
    with qtbot.waitSignal(panel.finished):
        QTest.mouseClick(panel.show_all_button, Qt.MouseButton.LeftButton)
    assert panel.stack.currentWidget() is panel.board.grid
    assert panel.board.keys == [*keys, DIFFERENCE]
    assert panel.state.difference == Difference(bench.teacher, HR)
    assert "Needs" not in panel.actions["split"].toolTip()
    assert bench.errors == []


def test_panes_are_reordered_by_dragging_a_title_or_by_menu(opened: Opened) -> None:
    bench, panel = opened
    first, *others = panel.board.keys
    header = panel.board.panes[first].header
    target = panel.board.panes[others[1]]
    drag(header, QPointF(60, 10), QPointF(header.mapFrom(panel, target.mapTo(panel, QPoint(60, 20)))))
    assert panel.board.keys == [*others[:2], first, *others[2:]]
    menu = panel.commands.pane_menu(first)
    next(action for action in menu.actions() if action.text() == "Move left").trigger()
    assert panel.board.keys == [others[0], first, *others[1:]]
    assert panel.board.panes[first].header.badge == "2"
    panel.board.panes[first].header.close_button.click()
    assert panel.board.keys == others
    assert bench.errors == []


def test_a_result_of_another_tool_is_measured_and_belongs_to_its_image(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    near = stamp().astype(int) + 3
    write_image(bench.folder / "other tool.png", near.astype(np.uint8))
    write_image(bench.folder / "wrong.png", stamp(50, 50))
    key, wrong = picture_key(bench.folder / "other tool.png"), picture_key(bench.folder / "wrong.png")
    with qtbot.waitSignal(panel.finished):
        panel.state.add_picture(bench.folder / "other tool.png")
    with qtbot.waitSignal(panel.finished):
        panel.state.add_picture(bench.folder / "wrong.png")
    scores = panel.state.results[key].scores
    assert scores is not None
    assert scores.psnr == psnr_y(near.astype(np.uint8), stamp(), 4)
    assert "other tool.png" in panel.board.panes[key].header.title
    assert "found 50 × 50" in panel.board.panes[wrong].canvas.message
    open_and_wait(panel, bench.photo, qtbot)
    assert key not in panel.board.keys
    open_and_wait(panel, bench.folder / "stamp.png", qtbot)
    assert key in panel.board.keys


def test_a_pane_shown_alone_stays_alone_when_a_model_is_added(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.board.grid.show_only(panel.board.keys.index(bench.teacher))
    with qtbot.waitSignal(panel.finished):
        bench.session.add_student(save_model(bench.folder, "third", 9))
    assert panel.board.grid.solo == panel.board.keys.index(bench.teacher)


def test_a_teacher_that_is_chosen_again_is_shown(opened: Opened) -> None:
    bench, panel = opened
    panel.state.close_pane(bench.teacher)
    bench.session.set_teacher(bench.students[1])
    bench.session.set_teacher(bench.teacher)
    assert bench.teacher in panel.board.keys


def test_undoing_the_removal_of_a_student_leaves_its_pane_closed(opened: Opened) -> None:
    bench, panel = opened
    undo: list[Callable[[], object]] = []
    panel.state.close_pane(bench.students[0])
    bench.session.undo_offered.connect(lambda _text, restore, _redo: undo.append(restore))
    bench.session.library.remove([bench.students[0]])
    undo[-1]()
    assert bench.students[0] in bench.session.library.files
    assert bench.students[0] in bench.session.library.students("Inspect")
    assert bench.students[0] not in panel.board.keys


def test_the_next_start_knows_the_closed_panes_of_the_image(opened: Opened) -> None:
    _, panel = opened
    panel.state.close_pane(HR)
    memory = panel.memory()
    panel.state.show_pane(HR)
    panel.restore(memory.model_copy(update={"closed": memory.closed | {"/gone.pth"}}))
    assert HR not in panel.board.keys
    assert "/gone.pth" not in panel.memory().closed


def test_a_picture_of_an_odd_size_is_cut_to_what_is_compared(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    odd = bench.folder / "odd.png"
    write_image(odd, stamp(67, 98))
    open_and_wait(panel, odd, qtbot)
    for name, size in (("odd-other.png", (67, 98)), ("odd-larger.png", (68, 98)), ("odd-lr.png", (16, 24))):
        write_image(bench.folder / name, stamp(*size))
        with qtbot.waitSignal(panel.finished):
            panel.state.add_picture(bench.folder / name)
    key, larger, small = (picture_key(bench.folder / f"odd-{name}.png") for name in ("other", "larger", "lr"))
    pixels = panel.state.pixels(key)
    assert pixels is not None
    assert np.array_equal(pixels, stamp(67, 98)[:64, :96])
    header = panel.board.panes[key].header
    assert header.figures.startswith("∞ dB / 1.0000")
    assert header.costs == "cut from 98 × 67"
    assert "cut from 98 × 67 to the 96 × 64 that are compared" in header.toolTip()
    assert "found 98 × 68" in panel.board.panes[larger].canvas.message
    assert panel.board.panes[small].header.costs == ""


def test_the_image_of_a_pane_is_not_copied(opened: Opened) -> None:
    _, panel = opened
    picture = panel.state.picture(HR)
    assert picture is not None
    assert picture.cacheKey() == panel.state.results[HR].overlay.image.cacheKey()
