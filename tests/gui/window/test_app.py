"""The start of the app, and its box for uncaught errors."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from fakd_gui.app import make_application, show_exception
from fakd_gui.window.main_window import MainWindow


def test_uncaught_error_is_shown_and_the_app_keeps_running(
    qtbot: QtBot, window: MainWindow, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError as error:
        show_exception(type(error), error, error.__traceback__)
    assert "by nothing" in capsys.readouterr().err
    box = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox))
    assert box.isVisible()
    assert not box.isModal()
    assert "ZeroDivisionError: by nothing" in box.text()
    copy = next(button for button in box.buttons() if button.text() == "Copy details")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert "Traceback" in QApplication.clipboard().text()
    box.close()


def test_application_has_an_icon(qapp: object) -> None:
    assert not make_application().windowIcon().isNull()
