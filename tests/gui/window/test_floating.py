"""Workspaces in windows of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from fakd_gui.window.floating import FloatingWindow
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def inspect_window(window: MainWindow, photos: Path, qtbot: QtBot) -> FloatingWindow:
    """Inspect with an image in its own window, which is the active one; Train is in front in the main one."""
    window.show_workspace("Inspect")
    with qtbot.waitActive(window):
        window.activateWindow()
    with qtbot.waitSignal(window.session.image_changed):
        window.session.open_image(photos / "coffee0.png")
    window.inspect.setFocus()
    QTest.keyClick(
        window.inspect, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    floating = window.workspaces.floating["Inspect"]
    qtbot.waitUntil(floating.isActiveWindow)
    window.show_workspace("Train")
    return floating


def test_it_works_beside_another_and_comes_back_as_it_was(
    window: MainWindow, inspect_window: FloatingWindow, qtbot: QtBot
) -> None:
    inspect, workspaces = window.inspect, window.workspaces
    assert inspect.isVisible()
    assert window.train.isVisible()
    assert (workspaces.current, workspaces.active) == ("Train", "Inspect")
    assert [workspaces.tabText(index) for index in range(4)] == ["Train", "Compare", "Inspect", "Benchmark"]
    # Its own keys, and those of the main window.
    QTest.keyClick(inspect, Qt.Key.Key_N)
    assert inspect.area.camera.smooth
    QTest.keyClick(inspect, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert workspaces.current == "Compare"
    QTest.keyClick(inspect, Qt.Key.Key_F11)
    assert inspect_window.isFullScreen()
    assert not window.isFullScreen()
    QTest.keyClick(inspect, Qt.Key.Key_Escape)
    assert not inspect_window.isFullScreen()
    query = inspect.state.query
    inspect_window.close()
    assert workspaces.floating == {}
    window.show_workspace("Inspect")
    assert inspect.isVisible()
    assert inspect.window() is window
    assert (inspect.state.query, inspect.area.camera.smooth) == (query, True)


def test_its_tab_brings_it_back_and_the_main_window_closes_it(
    window: MainWindow, inspect_window: FloatingWindow, qtbot: QtBot
) -> None:
    workspaces = window.workspaces
    workspaces.setCurrentIndex(2)
    assert workspaces.current == "Inspect"
    button = workspaces.currentWidget().findChild(QPushButton)
    assert button is not None
    button.click()
    assert workspaces.currentWidget() is window.inspect
    assert window.inspect.isVisible()
    workspaces.float_workspace("Compare")
    workspaces.float_workspace("Inspect")
    window.close()
    assert workspaces.floating == {}
    assert not any(shown.isVisible() for shown in QApplication.topLevelWidgets())


def test_what_it_asks_for_goes_to_it(
    window: MainWindow, inspect_window: FloatingWindow, photos: Path, qtbot: QtBot
) -> None:
    QApplication.clipboard().setText(str(photos / "chelsea1.png"))
    with qtbot.waitSignal(window.session.image_changed):
        QTest.keyClick(window.inspect, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert window.inspect.state.image is not None
    assert window.inspect.state.image.name == "chelsea1.png"
    window.session.workspace_requested.emit("Inspect")
    assert window.workspaces.current == "Train"
