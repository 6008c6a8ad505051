"""The models that the library shows in Inspect."""

from __future__ import annotations

from collections.abc import Callable

from compare_bench import drag
from inspect_panels import move_mouse
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench

from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import IMAGE, difference_key


def test_a_student_that_is_shown_again_is_not_computed_again_and_failures_stay_shown(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    student, library = bench.students[0], bench.session.library
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.add_student(str(broken))
    maps = inspected.runner.features[student]
    library.show_only([str(broken)], "Inspect")
    qtbot.waitUntil(lambda: student not in inspected.runner.features)
    with qtbot.waitSignal(inspected.runner.finished):
        library.show([student], ["Inspect"])
    assert inspected.runner.features[student] is maps
    canvas = inspected.area.board.panes[str(broken)].canvas
    assert (canvas.message_is_error, "broken.safetensors" in canvas.message) == (True, True)
    assert len(bench.errors) == 1


def test_a_pane_s_menu_hides_its_model(bench: Bench, inspected: InspectPanel, qtbot: QtBot) -> None:
    student = bench.students[0]
    menu = inspected.area.board.pane_menu(difference_key(student))
    entries = {action.text(): action for action in menu.actions()}
    assert list(entries) == ["Show alone", "Hide with", "Only this"]
    entries["Hide with"].trigger()
    qtbot.waitUntil(lambda: list(inspected.area.board.panes) == [IMAGE, bench.teacher])
    assert bench.session.library.is_shown(student, "Compare")


def test_the_teacher_s_pane_is_hidden_and_the_differences_stay(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    student = bench.students[0]
    bench.session.library.hide([bench.teacher], ["Inspect"])
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(1, 1)
    assert list(inspected.area.board.panes) == [IMAGE, student, difference_key(student)]
    assert difference_key(student) in inspected.area.board.rows


def test_a_pane_is_hidden_by_its_button_or_del_with_undo_and_dragged_to_a_new_place(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    student, panes = bench.students[0], inspected.area.board.panes
    undos: list[Callable[[], object]] = []
    bench.session.undo_offered.connect(lambda *offer: undos.append(offer[1]))
    assert not panes[IMAGE].header.close_button.isVisibleTo(inspected)
    header = panes[difference_key(student)].header
    assert not header.close_button.isVisible()
    QApplication.sendEvent(header, QEnterEvent(QPointF(), QPointF(), QPointF()))
    assert header.close_button.isVisible()
    header.close_button.click()
    assert list(inspected.area.board.panes) == [IMAGE, bench.teacher]
    undos[-1]()
    panes = inspected.area.board.panes
    assert list(panes) == [IMAGE, bench.teacher, student, difference_key(student)]
    target = panes[bench.teacher].header
    header = panes[student].header
    drag(header, QPointF(60, 10), QPointF(header.mapFromGlobal(target.mapToGlobal(QPoint(60, 10)))))
    moved = [IMAGE, student, bench.teacher, difference_key(student)]
    assert list(inspected.area.board.panes) == moved
    assert type(inspected.memory()).model_validate(inspected.memory().model_dump()).order == tuple(moved)
    move_mouse(panes[student].canvas, QPoint(20, 20))
    QTest.keyClick(inspected, Qt.Key.Key_Delete)
    assert list(inspected.area.board.panes) == [IMAGE, bench.teacher]
    undos[-1]()
    assert list(inspected.area.board.panes) == moved
    # Beside the matrix the image's pane stands alone, wherever it was moved.
    inspected.state.move_pane(IMAGE, 2)
    inspected.state.show_matrix(True)
    alone = inspected.area.board.grid.alone
    assert alone is not None
    assert alone.key == IMAGE
