"""Measure the window's start, its close and its longest stalls while a training runs.

    .venv/bin/python -m benchmarks.smoothness [--seconds 15] [--platform offscreen]

The start is timed from the command to the first picture of the window, warm, in processes of their own. Then
the app trains on every core while a person's mouse and keys move through Train, Compare and Inspect; a clock
in the window's event loop beats every 2 ms, and a stall is by how much a beat comes late.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import result

BEAT_MS = 2
STARTS = 5
MOVE_MS = 40
"""Interval between two moves of the mouse or the keys: 25 per second."""


def time_start(platform: str) -> tuple[float, float]:
    """Seconds from the command to the window's first picture, and from its close to the process's end."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.first_picture"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": platform},
    )
    ended = time.monotonic()
    shown, closed = map(float, done.stdout.split()[-2:])
    return shown - began, ended - closed


def live(seconds: float) -> None:
    """Train, and move through the workspaces; prints a line per workspace."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    from fakd_core.data.folders import sample_images
    from fakd_gui.app import make_application, make_window
    from fakd_gui.session.jobs import stop_all
    from fakd_gui.session.session import Session

    make_application()
    session = Session(runs_root=Path(tempfile.mkdtemp(prefix="fakd-smoothness-")))
    window = make_window(session)
    window.show()
    start_training(window, steps=100_000)
    photo = next(path for path in sample_images() if path.stem == "astronaut")

    def on_train(count: int) -> None:
        QTest.mouseMove(window.train.monitor, QPoint(100 + 5 * count % 400, 200 + count % 100))

    def on_compare(count: int) -> None:
        grid = window.compare.board.grid
        if count % 25 == 0:
            QTest.keyClick(window.compare, Qt.Key(Qt.Key.Key_1 + count // 25 % 3))
        elif count % 25 == 12:
            QTest.keyClick(window.compare, Qt.Key.Key_Escape)
        else:
            QTest.keyClick(window.compare, Qt.Key.Key_Plus if count % 50 < 25 else Qt.Key.Key_Minus)
        for pane in grid.panes[:1]:
            QTest.mouseMove(pane.canvas, QPoint(20 + 7 * count % 200, 20 + 3 * count % 150))

    def on_inspect(count: int) -> None:
        keys = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up)
        QTest.keyClick(window.inspect, keys[count // 10 % 4])

    stalls: dict[str, list[float]] = {}
    for name, move in (("Train", on_train), ("Compare", on_compare), ("Inspect", on_inspect)):
        window.show_workspace(name)
        if name == "Compare":
            window.open_paths([photo])
        stalls[name] = beats(move, seconds)
    steps = window.train.state.shown.series.step
    print(f"{len(steps)} steps trained meanwhile")
    closing = time.monotonic()
    session.training.cancel()
    stop_all(window, session)
    closed = time.monotonic() - closing
    together = np.concatenate([np.array(values) for values in stalls.values()])
    for name, values in stalls.items():
        print(
            f"{name}: stalls of the event loop, p99 {np.percentile(values, 99):.0f} ms, "
            f"longest {max(values):.0f} ms"
        )
    result("event loop's stalls while training, p99", "under 50 ms", f"{np.percentile(together, 99):.0f} ms")
    result("the longest of them", "under 150 ms", f"{together.max():.0f} ms")
    result("stop and close while training", "within 2 s", f"{closed:.1f} s")


def start_training(window: Any, steps: int) -> None:
    """Start the form's training with as many `steps` as the measurement needs, and wait for the first 20."""
    state = window.train.state
    wait(lambda: not state.is_checking)
    state.fill({"steps": steps, "validate_every": 100})
    wait(lambda: not state.is_checking and state.config() is not None)
    window.train.actions.start()
    wait(lambda: len(state.shown.series.step) > 20)


def wait(holds: Callable[[], bool]) -> None:
    """Run the event loop until `holds()`."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    timer = QTimer(interval=20)
    timer.timeout.connect(lambda: loop.quit() if holds() else None)
    timer.start()
    loop.exec()


def beats(move: Callable[[int], object], seconds: float) -> list[float]:
    """Delay of each timer tick in ms, while `move(n)` is called repeatedly."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    loop = QEventLoop()
    late: list[float] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        late.append(max(0.0, (now - last) * 1000 - BEAT_MS))
        last = now

    clock = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    clock.timeout.connect(beat)
    clock.start()
    count = 0

    def act() -> None:
        nonlocal count
        move(count)
        count += 1

    mover = QTimer(interval=MOVE_MS)
    mover.timeout.connect(act)
    mover.start()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()
    return late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15, help="in each workspace")
    parser.add_argument("--platform", default=os.environ.get("QT_QPA_PLATFORM", "offscreen"))
    options = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = options.platform
    with tempfile.TemporaryDirectory() as settings:
        os.environ["FAKD_CONFIG"] = settings
        times = [time_start(options.platform) for _ in range(STARTS + 1)][1:]
        shown, closed = (sorted(values)[STARTS // 2] for values in zip(*times, strict=True))
        result("from the command to the window, warm", "within 1.5 s", f"{shown:.2f} s")
        result("from close to the end of the process", "within 2 s", f"{closed:.2f} s")
        live(options.seconds)


if __name__ == "__main__":
    main()
