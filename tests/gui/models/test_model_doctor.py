"""The dialog that checks model files, good and bad."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu
from pytestqt.qtbot import QtBot

from fakd_core.evaluation.diagnose import Diagnosis
from fakd_core.runs.references import bundled_models
from fakd_gui.models.doctor import ModelDoctor
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.window.main_window import MainWindow

Look = Callable[[Path], ModelDoctor]


@pytest.fixture
def look(qtbot: QtBot, window: MainWindow) -> Look:
    def check(path: Path) -> ModelDoctor:
        window.check_model(path)
        doctor = window.findChildren(ModelDoctor)[-1]
        qtbot.waitUntil(doctor.copy_button.isEnabled)
        return doctor

    return check


def is_fully_visible(label: QLabel) -> bool:
    return label.height() >= label.heightForWidth(label.width())


def copied(doctor: ModelDoctor) -> str:
    doctor.copy()
    return QGuiApplication.clipboard().text()


def test_a_good_model_is_described_and_can_be_added_as_student(
    qtbot: QtBot, window: MainWindow, look: Look
) -> None:
    file = bundled_models()["rcan-g5-r1-c32-x4-fakd"]
    doctor = look(file)
    assert doctor.summary.text() == f"{file.name} can be used: RCAN ×4, 0.225 M parameters"
    report = copied(doctor)
    assert "Container: safetensors" in report
    assert "Value range: 0..255" in report
    assert f"Command: fakd export {file}" in report
    if folder := os.environ.get("FAKD_PICTURES"):
        doctor.grab().save(f"{folder}/doctor-good.png")
    qtbot.mouseClick(doctor.student_button, Qt.MouseButton.LeftButton)
    assert window.session.library.students("Compare") == [str(file)]
    assert not doctor.isVisible()


def test_a_harmful_file_is_described_never_run_and_can_t_be_used(
    qtbot: QtBot, look: Look, tmp_path: Path
) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'mark'}",)

    file = tmp_path / "model.pth"
    file.write_bytes(pickle.dumps({"a": Harm()}))
    doctor = look(file)
    assert "posix.system" in copied(doctor)
    assert doctor.summary.property("role") == "error"
    assert not doctor.teacher_button.isEnabled()
    assert not (tmp_path / "mark").exists()
    qtbot.waitUntil(lambda: is_fully_visible(doctor.summary))
    if folder := os.environ.get("FAKD_PICTURES"):
        doctor.grab().save(f"{folder}/doctor-bad.png")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG", bytes(range(7, 40))])
def test_no_file_crashes_it_and_another_can_follow(
    qtbot: QtBot, look: Look, small_teacher: Path, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    doctor = look(file)
    assert "Container: " in copied(doctor)
    assert doctor.summary.property("role") == "error"
    doctor.check(small_teacher)
    assert not doctor.copy_button.isEnabled(), "what was known of the file before is gone"
    qtbot.waitUntil(doctor.teacher_button.isEnabled)


def test_a_dropped_model_can_be_checked_first(qtbot: QtBot, window: MainWindow, small_teacher: Path) -> None:
    window.open_paths([small_teacher])
    menu = next(menu for menu in window.findChildren(QMenu) if menu.isVisible())
    next(action for action in menu.actions() if action.text() == "What is this file?").trigger()
    menu.close()
    (doctor,) = window.findChildren(ModelDoctor)
    qtbot.waitUntil(doctor.teacher_button.isEnabled)


def test_it_starts_with_an_invitation_and_closes_at_once(window: MainWindow, small_teacher: Path) -> None:
    window.check_model()
    (doctor,) = window.findChildren(ModelDoctor)
    assert doctor.summary.text().startswith("Drop a file to see")
    assert array_from_qimage(doctor.grab().toImage()).std() > 5
    if folder := os.environ.get("FAKD_PICTURES"):
        doctor.grab().save(f"{folder}/doctor-empty.png")
    doctor.check(small_teacher)
    doctor.close()


def test_a_long_name_does_not_widen_the_panel(qtbot: QtBot, look: Look, tmp_path: Path) -> None:
    file = tmp_path / f"{'long' * 50}.pth"
    file.write_bytes(b"no model")
    doctor = look(file)
    before = doctor.width()
    qtbot.waitUntil(lambda: is_fully_visible(doctor.summary))
    assert (doctor.width(), doctor.minimumSizeHint().width() <= before) == (before, True)
    assert str(file) in copied(doctor)


def test_an_unexpected_error_is_red_and_can_be_copied_with_its_traceback(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, small_teacher: Path
) -> None:
    def fail(ref: str) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr("fakd_core.evaluation.diagnose.diagnose_model", fail)
    window.check_model(small_teacher)
    (doctor,) = window.findChildren(ModelDoctor)
    qtbot.waitUntil(doctor.copy_button.isEnabled)
    assert doctor.summary.property("role") == "error"
    report = copied(doctor)
    assert "nobody expected this" in report
    assert "Traceback" in report
    assert "torch" in report


def test_there_is_one_dialog_and_closing_it_does_not_wait(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, small_teacher: Path
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def read(ref: str) -> Diagnosis:
        reading.set()
        go_on.wait(60)
        return Diagnosis({})

    monkeypatch.setattr("fakd_core.evaluation.diagnose.diagnose_model", read)
    window.check_model(small_teacher)
    window.check_model()
    (doctor,) = window.findChildren(ModelDoctor)
    qtbot.waitUntil(reading.is_set)
    doctor.close()
    assert not doctor.isVisible(), "closed, while the file is still being read"
    go_on.set()
    qtbot.waitUntil(lambda: not window.findChildren(ModelDoctor))
    qtbot.waitUntil(
        lambda: (
            not any(one.running for one in window.findChildren(LatestWins) if one.name == "check the file")
        )
    )


def test_the_first_of_several_files_is_checked(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, tmp_path: Path
) -> None:
    messages: list[str] = []
    window.session.status_message.connect(messages.append)
    window.check_model()
    (doctor,) = window.findChildren(ModelDoctor)
    doctor.take([small_teacher, tmp_path / "other.pth"])
    qtbot.waitUntil(doctor.teacher_button.isEnabled)
    assert messages == [f"Checking {small_teacher.name}, the first of 2 files"]
