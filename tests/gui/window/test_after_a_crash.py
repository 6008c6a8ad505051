"""An app that was killed during a training offers to resume it at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from fakd_core.runs.metrics_files import read_metrics
from fakd_gui.session.user_files import read_memory, state_file
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.memory import WindowMemory

PROGRAM = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from fakd_core.runs.config import TrainConfig
from fakd_gui import app
from fakd_gui.session import session

class Quiet(session.Session):
    def __init__(self):
        super().__init__(runs_root=Path(sys.argv[1]).parent)
        teacher, data = sys.argv[2:4]
        config = TrainConfig.build(
            teacher=teacher, student="rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
            train_data=data, run=sys.argv[1], steps=5000, batch=2, patch=12, val_images=1, validate_every=5)
        QTimer.singleShot(500, lambda: self.start_training(config))

app.Session = Quiet
app.main([])
"""


def test_killed_app_offers_to_resume_its_training(
    qtbot: QtBot,
    window: MainWindow,
    small_teacher: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "runs" / "cut off"
    environment = {**os.environ, "FAKD_CONFIG": str(tmp_path / "config"), "QT_QPA_PLATFORM": "offscreen"}
    app = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(run), str(small_teacher), str(photos)], env=environment
    )
    deadline = time.monotonic() + 60
    while not (run / "checkpoints/last.pt").exists():
        assert app.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app.send_signal(signal.SIGKILL)
    app.wait()
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    memory = read_memory(WindowMemory, state_file())
    assert memory.training == str(run)
    window.restore(memory)
    assert window.undo_bar.isVisible()
    done = max(line["step"] for line in read_metrics(run))
    with qtbot.waitSignal(window.session.training_started, timeout=5000):
        qtbot.mouseClick(window.undo_bar.button, Qt.MouseButton.LeftButton)
    assert not window.undo_bar.isVisible()
    qtbot.waitUntil(lambda: window.train.state.shown.series.step[-1:] > [done], timeout=30_000)
    with qtbot.waitSignal(window.session.training_finished, timeout=10_000):
        window.train.actions.stop()
    assert window.memory().training == ""
