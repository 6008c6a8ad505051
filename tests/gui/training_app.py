"""The whole app in a process of its own, in the middle of a training."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from fakd_core.runs.config import TrainConfig
from fakd_gui import app
from fakd_gui.session.session import Session

class Training(Session):
    def __init__(self):
        super().__init__(runs_root=Path(sys.argv[1]).parent)
        teacher, data = sys.argv[2:4]
        config = TrainConfig.build(
            teacher=teacher, student="rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
            train_data=data, run=sys.argv[1], steps=50000, batch=2, patch=12, val_images=1, validate_every=5)
        QTimer.singleShot(500, lambda: self.start_training(config))

app.Session = Training
sys.exit(app.main([]))
"""


def start_training_app(
    run: Path, teacher: Path, photos: Path, *, config: Path, until: Callable[[], bool]
) -> subprocess.Popen[bytes]:
    """Start the app with its files in `config`, training `run`, and wait `until` something has happened."""
    environment = {**os.environ, "FAKD_CONFIG": str(config), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", PROGRAM, str(run), str(teacher), str(photos)]
    app = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 300
    while not until():
        if app.poll() is not None or time.monotonic() > deadline:
            app.kill()
            app.wait()
            raise AssertionError("the app ended, or didn't get that far")
        time.sleep(0.05)
    return app
