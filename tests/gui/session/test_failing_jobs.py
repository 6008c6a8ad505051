"""A failing job leaves the window usable and shows the reason, with details to copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from busy_window import JOBS, Desk
from library_panels import choose, state_of, tip_of
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from fakd_core.errors import DataError
from fakd_core.runs.metrics_files import read_metrics
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.window.error_banner import ErrorBanner
from fakd_gui.window.main_window import MainWindow

REASON = "the kernel exploded"


def explode() -> None:
    raise RuntimeError(REASON)


def run_out() -> None:
    raise MemoryError


def copied(window: MainWindow) -> str:
    """The text that the menu puts on the clipboard."""
    QGuiApplication.clipboard().setText("")
    (entry,) = (
        action
        for menu in window.menuBar().findChildren(QMenu)
        for action in menu.actions()
        if "error details" in action.text()
    )
    entry.trigger()
    return QGuiApplication.clipboard().text()


def unexpected(window: MainWindow) -> str:
    return window.session.unexpected.text if window.session.unexpected else ""


@pytest.mark.parametrize("job", JOBS)
def test_window_survives_failing_jobs_and_reports_them(desk: Desk, job: str) -> None:
    desk.act = explode
    desk.start(job)
    window = desk.window
    desk.qtbot.waitUntil(lambda: desk.running() == [])
    desk.qtbot.waitUntil(lambda: unexpected(window) == f"Unexpected RuntimeError: {REASON}")
    text = copied(window)
    for part in (REASON, "Traceback", "in explode", "FAKD Workbench", "Python 3.", "torch 2.", "PySide6"):
        assert part in text
    assert window.isVisible()
    # A thread that has ended has still to tell the window so.
    desk.qtbot.waitUntil(lambda: window.session.training is None)
    assert window.train.start_button.isVisibleTo(window.train)
    if job in ("comparing", "inspecting", "figure"):
        return  # There the reason stands where the picture would.
    desk.qtbot.waitUntil(lambda: any(REASON in message for message in window.banner.messages))
    assert window.banner.copy_button.isVisible()
    window.banner.copy_button.click()
    assert "in explode" in QGuiApplication.clipboard().text()


def test_out_of_memory_says_what_to_do(desk: Desk) -> None:
    desk.act = run_out
    desk.start("training")
    banner = desk.window.banner
    desk.qtbot.waitUntil(lambda: "Not enough memory" in " ".join(banner.messages))
    assert "smaller batch" in next(one for one in banner.messages if "Not enough memory" in one)
    assert banner.copy_button.isVisible()


def test_failed_training_is_marked_and_resumes(desk: Desk) -> None:
    desk.act = explode
    desk.when = lambda: desk.steps() == 3
    desk.train(steps=6, validate_every=2)
    window = desk.window
    with desk.qtbot.waitSignal(window.session.training_finished):
        pass
    runs = window.library
    name = desk.run.name
    desk.qtbot.waitUntil(lambda: "failed at 3 of 6" in state_of(runs, desk.run))
    assert REASON in tip_of(runs, name)
    assert REASON in window.train.monitor.log.text()
    desk.when = lambda: False
    choose(runs, name)
    assert runs.resume_button.isEnabled()
    with desk.qtbot.waitSignal(window.session.training_finished):
        runs.resume_button.click()
    # The last state that was saved is that of the validation at step 2.
    lines = read_metrics(desk.run)
    assert [line["step"] for line in lines if line["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    desk.qtbot.waitUntil(lambda: "done" in state_of(runs, desk.run))
    assert REASON not in tip_of(runs, name)


def test_user_error_has_no_details(window: MainWindow) -> None:
    window.session.report("photo.png: damaged")
    assert window.banner.isVisible()
    assert not window.banner.copy_button.isVisible()


def test_banner_copies_the_details_of_problems(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    banner = ErrorBanner(parent, top=lambda: 0)
    for number in range(5):
        banner.show_problem(Problem.of(RuntimeError(f"number {number}!")))
    banner.show_problem(Problem.of(DataError("photo.png: damaged")))
    assert banner.messages == [
        *(f"Unexpected RuntimeError: number {n}!" for n in (3, 4)),
        "photo.png: damaged",
    ]
    assert banner.copy_button.isVisibleTo(banner)
    banner.copy_details()
    text = QGuiApplication.clipboard().text()
    assert "number 2!" not in text
    assert text.count("RuntimeError: number 3!\n") == text.count("RuntimeError: number 4!\n") == 2
    assert "damaged" not in text
    assert text.count("FAKD Workbench") == 1


def test_problem_of_a_job_has_its_path(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    with qtbot.waitSignal(session.error) as failed:
        session.open_image(tmp_path / "gone.png")
    assert failed.args is not None
    assert failed.args[0].path == tmp_path / "gone.png"
    assert failed.args[0].details == ""
