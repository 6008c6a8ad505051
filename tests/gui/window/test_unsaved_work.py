"""Closing the window during any job: it asks about unsaved work, and stops with everything saved."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from busy_window import JOBS, Desk
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from training_app import start_training_app

from fakd_core.events import RunStarted
from fakd_core.export import checkpoints
from fakd_core.runs import references
from fakd_core.runs.checkpoints import load_state
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.trainer import resume_training
from fakd_gui.models.export import start_export
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.unsaved_work import confirm_quit

ASKED = {"training", "validation", "teacher cache", "benchmark", "figure"}
CLOSED_WITHIN = 100
"""Layers, generously, which take 5 s: everything looks at its token several times a second."""
NO, YES = QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Close


class Questions:
    """Stands in for the user who is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answer = NO
        monkeypatch.setattr(QMessageBox, "question", self._ask)

    def _ask(self, _parent: object, _title: str, text: str, *_: object) -> QMessageBox.StandardButton:
        self.asked.append(text)
        return self.answer


@pytest.mark.parametrize("job", JOBS)
def test_closing_asks_about_unsaved_work_and_stops_cleanly(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    questions = Questions(monkeypatch)
    desk.start(job)
    window = desk.window
    if job in ASKED:
        assert not window.close()
        assert window.isVisible()
        assert desk.running() != []
        desk.reached = False
        desk.qtbot.waitUntil(lambda: desk.reached)
    questions.answer = YES
    layers_before = desk.layers
    assert window.close()
    assert desk.layers - layers_before < CLOSED_WITHIN
    assert not window.isVisible()
    assert desk.running() == []
    assert len(questions.asked) == 2 * (job in ASKED)
    assert not (desk.folder / "figure.png").exists()
    desk.when = lambda: False
    if job in ("training", "validation"):
        state, damaged = load_state(RunLayout(desk.run).states)
        assert damaged == []
        assert state is not None
        assert [line["step"] for line in read_metrics(desk.run) if line["event"] == "step"] == [1, 2]
        events = resume_training(desk.run)
        started = next(event for event in events if isinstance(event, RunStarted))
        events.close()  # type: ignore[attr-defined]
        assert started.first_step == state["step"] == 2


def test_idle_window_closes_without_a_question(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = Questions(monkeypatch)
    assert window.close()
    assert questions.asked == []


def test_one_question_lists_all_unsaved_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = Questions(monkeypatch)
    desk.start("training")
    desk.reached = False
    desk.start("benchmark")
    assert not desk.window.close()
    (asked,) = questions.asked
    assert asked.splitlines()[1:] == [
        "Training will be stopped and saved. You can resume it from the library.",
        "The benchmark is not finished.",
    ]


def test_closing_asks_about_a_model_that_is_being_exported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = Questions(monkeypatch)
    go_on = threading.Event()
    desk.when, desk.act = (lambda: True), (lambda: go_on.wait(60))
    monkeypatch.setattr(checkpoints, "load_model", references.load_model)
    path = desk.folder / "out.pth"
    start_export(desk.window.session, desk.window, str(desk.teacher), path, {})
    desk.qtbot.waitUntil(lambda: desk.reached)
    assert not desk.window.close()
    assert questions.asked == ["Quit anyway?\nThe model has not been exported."]
    go_on.set()
    desk.qtbot.waitUntil(path.exists)
    desk.qtbot.waitUntil(lambda: desk.running() == [])
    assert desk.window.close()
    assert len(questions.asked) == 1


def test_shutdown_overrides_an_open_question(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.start("training")
    QTimer.singleShot(200, desk.window.quit_without_asking)
    assert desk.window.close()
    assert desk.running() == []


@pytest.mark.slow
def test_sigterm_saves_and_quits(small_teacher: Path, photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    app = start_training_app(
        run,
        small_teacher,
        photos,
        config=tmp_path / "config",
        until=lambda: (run / "metrics.jsonl").exists() and len(read_metrics(run)) >= 5,
    )
    app.send_signal(signal.SIGTERM)
    assert app.wait(300) == 0
    state, _ = load_state(RunLayout(run).states)
    assert state is not None
    assert state["step"] == max(line["step"] for line in read_metrics(run))


@pytest.mark.parametrize(("name", "expected"), [("Close", True), ("Cancel", False)])
def test_a_click_on_the_real_question_answers_it(qtbot: QtBot, name: str, expected: bool) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)

    def click() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        QTest.mouseClick(box.button(QMessageBox.StandardButton[name]), Qt.MouseButton.LeftButton)

    QTimer.singleShot(100, click)
    assert confirm_quit(parent, ["Training will be stopped."]) is expected
