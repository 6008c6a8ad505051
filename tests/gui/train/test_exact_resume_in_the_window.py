"""Stop in the window and Resume in its library give the run that was never interrupted."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from same_run import assert_same_run
from tiny_trainings import make_config, train_to_the_end

from fakd_core.events import StepEnd
from fakd_gui.session.jobs import Outcome
from fakd_gui.window.main_window import MainWindow


def test_stop_and_resume(qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path) -> None:
    session = window.session
    run, whole = session.runs_root / "run", session.runs_root / "whole"
    changes = {"steps": 40, "batch": 2, "validate_every": 15, "ema": 0.9}
    config = make_config(run, small_teacher, photos, **changes)
    job = session.start_training(config)
    reached, stopped = threading.Event(), threading.Event()

    def wait_at_the_eighth(event: object) -> None:
        # On the training's own thread, so that Stop comes in the middle however slow the window is.
        if isinstance(event, StepEnd) and event.step == 8:
            reached.set()
            stopped.wait(60)

    job.yielded.connect(wait_at_the_eighth, Qt.ConnectionType.DirectConnection)
    qtbot.waitUntil(reached.is_set)
    with qtbot.waitSignal(session.training_finished) as ended:
        qtbot.mouseClick(window.train.stop_button, Qt.MouseButton.LeftButton)
        stopped.set()
    assert ended.args[0].outcome is Outcome.CANCELLED
    window.library.select(run)
    qtbot.waitUntil(window.library.resume_button.isEnabled)
    with qtbot.waitSignal(session.training_finished) as ended:
        qtbot.mouseClick(window.library.resume_button, Qt.MouseButton.LeftButton)
    assert ended.args[0].outcome is Outcome.COMPLETED
    end = train_to_the_end(qtbot, session, make_config(whole, small_teacher, photos, **changes))
    assert end.outcome is Outcome.COMPLETED
    assert_same_run(run, whole)
