"""The chosen pair on the whole screen."""

from __future__ import annotations

import numpy as np
from compare_bench import Opened, grab, stamp
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fakd_gui.compare.panes import HR, SPLIT, Split
from fakd_gui.compare.presentation import Presentation


def test_the_pair_fills_the_screen_until_escape(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.state.show_split(Split(HR, bench.teacher))
    panel.state.show_split(None)
    QTest.keyClick(panel, Qt.Key.Key_P)
    shown = panel.findChild(Presentation)
    assert shown is not None
    qtbot.waitUntil(shown.isActiveWindow)
    assert shown.isFullScreen()
    assert shown.canvas.size() == shown.size()
    assert SPLIT not in panel.board.keys
    shown.camera.set_percent(100)
    left, top = (int(value) for value in shown.camera.origin().toTuple())
    middle = int(shown.canvas.divider) - left
    teacher = panel.state.pixels(bench.teacher)
    assert teacher is not None
    for first, second in ((stamp(), teacher), (teacher, stamp())):
        pixels = grab(shown.canvas)[top : top + 64, left : left + 96]
        assert np.array_equal(pixels[:20, : middle - 4], first[:20, : middle - 4])
        assert np.array_equal(pixels[:20, middle + 4 :], second[:20, middle + 4 :])
        QTest.keyClick(shown, Qt.Key.Key_X)
    before = shown.canvas.position
    russian = QKeyEvent(QEvent.Type.KeyPress, ord("Ч"), Qt.KeyboardModifier.NoModifier, 53, 0, 0, "ч")
    split = shown.split
    QApplication.sendEvent(shown, russian)
    assert (shown.split.a, shown.split.b) == (split.b, split.a), "X of another keyboard layout"
    QTest.keyClick(shown, Qt.Key.Key_BracketRight)
    assert shown.canvas.position > before
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: panel.findChild(Presentation) is None)
    assert panel.isVisible()


def test_it_closes_when_another_image_is_opened(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    panel.actions["present"].trigger()
    panel.session.open_image(bench.photo)
    qtbot.waitUntil(lambda: panel.findChild(Presentation) is None)
