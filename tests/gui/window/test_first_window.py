"""The first window fits its screen, and Start is visible, on small screens at 150 %."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCREENS = ((1920, 1080, 1.0), (1440, 900, 1.5), (1280, 800, 1.5), (1024, 600, 1.5))
OPEN = """
import sys
from pathlib import Path
from PySide6.QtCore import QRect
from fakd_gui.app import FRAME, fit_screen, make_application
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow

app = make_application()
session = Session(runs_root=Path(sys.argv[1]))
for screen in app.screens():
    window = MainWindow(session)
    window.setScreen(screen)
    fit_screen(window)
    window.show()
    app.processEvents()
    fits = QRect(0, 0, *(window.size() + FRAME).toTuple())
    room = QRect(0, 0, *screen.availableSize().toTuple())
    start = window.train.start_button
    print(screen.name(), room.contains(fits), start.visibleRegion().boundingRect() == start.rect())
    stop_all(window)
    window.hide()
stop_all(session)
"""


def test_it_fits_the_screen_and_shows_start(tmp_path: Path) -> None:
    names = [f"{width}x{height} at {ratio}" for width, height, ratio in SCREENS]
    screens = [
        {
            **{"name": name, "x": 3000 * number, "y": 0, "width": width, "height": height},
            **{"logicalBaseDpi": 96, "logicalDpi": round(96 * ratio)},
        }
        for number, (name, (width, height, ratio)) in enumerate(zip(names, SCREENS, strict=True))
    ]
    config = tmp_path / "screens.json"
    config.write_text(json.dumps({"screens": screens}))
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "QT_QPA_PLATFORM": f"offscreen:configfile={config}",
            "FAKD_CONFIG": str(tmp_path / "config"),
        },
    )
    assert sorted(done.stdout.splitlines()) == sorted(f"{name} True True" for name in names), done.stderr
