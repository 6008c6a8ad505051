"""The start of the app, and its box for uncaught errors."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from fakd_gui.app import make_application, show_exception
from fakd_gui.window.main_window import MainWindow


def test_uncaught_error_is_shown_and_the_app_keeps_running(
    qtbot: QtBot, window: MainWindow, capsys: pytest.CaptureFixture[str]
) -> None:
    fail("by nothing")
    assert "by nothing" in capsys.readouterr().err
    (box,) = shown_boxes()
    assert not box.isModal()
    assert "ZeroDivisionError: by nothing" in box.text()
    copy = next(button for button in box.buttons() if button.text() == "Copy details")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert "Traceback" in QApplication.clipboard().text()
    box.close()


def fail(message: str) -> None:
    try:
        raise ZeroDivisionError(message)
    except ZeroDivisionError as error:
        show_exception(type(error), error, error.__traceback__)


def shown_boxes() -> list[QMessageBox]:
    gc.collect()  # Python deletes a window that nobody refers to.
    boxes = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox))
    return [box for box in boxes if box.isVisible()]


def test_repeated_errors_are_counted_in_one_box_that_no_window_keeps(qapp: QApplication) -> None:
    for message in ("first", "again", "again", "again"):
        fail(message)
    (box,) = shown_boxes()
    assert box.text() == "ZeroDivisionError: again (3 times)"
    assert "1 other error came before" in box.informativeText()
    assert box.detailedText().count("Traceback") == 2
    next(button for button in box.buttons() if button.text() == "Copy details").click()
    assert box.isVisible()
    assert QApplication.clipboard().text().startswith("1x ZeroDivisionError: first\n3x ZeroDiv")
    box.close()
    fail("anew")
    (box,) = shown_boxes()
    assert box.text() == "ZeroDivisionError: anew"
    assert "other" not in box.informativeText()
    box.close()


def test_application_has_an_icon(qapp: object) -> None:
    assert not make_application().windowIcon().isNull()


HANGING = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from fakd_gui import app
from fakd_gui.session import jobs
from fakd_gui.window import main_window

class Hanging(app.Session):
    def __init__(self):
        super().__init__(runs_root=Path(sys.argv[1]))
        jobs.Job("read a network drive", lambda token: time.sleep(60), self).start()

def stop_soon(*owners, **_):
    return jobs.stop_all(*owners, milliseconds=100)

main_window.stop_all = app.stop_all = stop_soon
app.Session = Hanging
QTimer.singleShot(0, lambda: QTimer.singleShot(300, app.QApplication.quit))
sys.exit(app.main([]))
"""


def test_a_job_that_does_not_stop_ends_the_app_with_a_line(tmp_path: Path) -> None:
    environment = {**os.environ, "FAKD_CONFIG": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", HANGING, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    # Other jobs of the start may be named, too.
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: quit without waiting any longer for what did not stop: ")
    assert "read a network drive" in line
    assert done.returncode == 1
    assert (tmp_path / "window.json").exists()
