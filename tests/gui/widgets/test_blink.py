"""Blinking between panes."""

from __future__ import annotations

from compare_bench import Opened
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from fakd_gui.compare.panes import BICUBIC, HR
from fakd_gui.inspect.panel import InspectPanel


def test_two_panes_take_turns_until_escape(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    grid, blink = panel.board.grid, panel.board.blink
    messages: list[str] = []
    panel.session.status_message.connect(messages.append)
    menu = panel.commands.pane_menu(BICUBIC)
    entry = next(entry for entry in menu.actions() if entry.text() == "Blink with")
    next(other for other in entry.menu().actions() if other.text() == "HR").trigger()  # type: ignore[attr-defined]
    for _ in range(5):
        QTest.keyClick(panel, Qt.Key.Key_Comma)
    assert blink.timer.interval() == 100
    assert messages[-1] == "Blinking Bicubic and HR every 0.1 s; , and . change the pace, Esc stops"
    for key in (HR, BICUBIC, HR):
        with qtbot.waitSignal(grid.solo_changed):
            pass
        assert grid.alone is panel.board.panes[key]
    assert panel.actions["blink"].isChecked()
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert (grid.alone, blink.timer.isActive(), panel.actions["blink"].isChecked()) == (None, False, False)


def test_another_pane_or_another_workspace_ends_it(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    blink = panel.board.blink
    QTest.keyClick(panel, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert blink.timer.isActive()
    QTest.keyClick(panel, Qt.Key.Key_3)
    assert not blink.timer.isActive()
    assert panel.board.grid.solo == 2
    panel.actions["blink_all"].trigger()
    assert len(blink.panes) == len(panel.board.panes)
    blink.timer.setInterval(100)
    panel.hide()
    qtbot.waitUntil(lambda: not blink.timer.isActive())


def test_maps_blink_too(inspected: InspectPanel) -> None:
    QTest.keyClick(inspected, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.area.board.grid.alone is not None
    QTest.keyClick(inspected, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert inspected.area.board.grid.alone is None
