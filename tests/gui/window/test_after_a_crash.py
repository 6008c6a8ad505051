"""An app that was killed during a training offers to resume it at the next start."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from training_app import start_training_app

from fakd_core.runs.metrics_files import read_metrics
from fakd_gui.session.user_files import read_memory, state_file
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.memory import WindowMemory


def test_killed_app_offers_to_resume_its_training(
    qtbot: QtBot,
    window: MainWindow,
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "runs" / "cut off"
    app = start_training_app(
        run,
        small_teacher,
        photos,
        config=tmp_path / "config",
        until=lambda: (run / "checkpoints/last.pt").exists(),
    )
    app.send_signal(signal.SIGKILL)
    app.wait()
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    memory = read_memory(WindowMemory, state_file())
    assert memory.training == str(run)
    window.restore(memory)
    assert window.undo_bar.isVisible()
    done = max(line["step"] for line in read_metrics(run))
    with qtbot.waitSignal(window.session.training_started):
        qtbot.mouseClick(window.undo_bar.button, Qt.MouseButton.LeftButton)
    assert not window.undo_bar.isVisible()
    qtbot.waitUntil(lambda: window.train.state.shown.series.step[-1:] > [done])
    with qtbot.waitSignal(window.session.training_finished):
        window.train.actions.stop()
    assert window.memory().training == ""
