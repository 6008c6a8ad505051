"""Train in the window for hours and check that memory stays flat.

    .venv/bin/python -m benchmarks.soak [--minutes 120] [--out soak-output]

The app trains, validates and shows its previews while Inspect follows the newest checkpoint's affinity and
Compare enlarges with it, a workspace at a time. Memory, threads and open files are written down every ten
seconds; at the end comes a picture and by how much memory changed since the first ten minutes.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.measure import result
from benchmarks.smoothness import start_training

SAMPLE_S = 10
SETTLED_MINUTES = 10
WINDOW_MINUTES = 15
"""Memory is compared as means over ten rounds of the workspaces, since each needs its own amount."""
MOVES_PER_WORKSPACE = 60
COLUMNS = ("minutes", "megabytes", "threads", "files", "step")


def sample(began: float, step: int) -> tuple[float, ...]:
    process = psutil.Process()
    megabytes = process.memory_info().rss / 2**20
    return (time.monotonic() - began) / 60, megabytes, process.num_threads(), process.num_fds(), step


def soak(minutes: float, out: Path) -> None:
    """Train for `minutes` and write out/soak.csv as it goes."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from fakd_core.data.folders import sample_images
    from fakd_gui.app import make_application, make_window
    from fakd_gui.session.jobs import stop_all
    from fakd_gui.session.session import Session

    app = make_application()
    session = Session(runs_root=out / "runs")
    window = make_window(session)
    window.show()
    start_training(window, steps=10_000_000)
    steps = window.train.state.shown.series.step
    window.open_paths([next(path for path in sample_images() if path.stem == "astronaut")])
    window.inspect.state.timeline.set_following(True)
    began = time.monotonic()
    moves = act(window)
    mover = QTimer(interval=500)
    mover.timeout.connect(lambda: next(moves))
    mover.start()
    with (out / "soak.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)

        def note() -> None:
            rows.writerow(f"{value:.2f}" for value in sample(began, steps[-1]))
            file.flush()

        notes = QTimer(interval=SAMPLE_S * 1000)
        notes.timeout.connect(note)
        notes.start()
        QTimer.singleShot(round(minutes * 60_000), QApplication.exit)
        app.exec()
        notes.stop()
    mover.stop()
    if session.training is None:
        raise SystemExit("the training ended before the soak did")
    session.training.cancel()
    if not stop_all(window, session):
        raise SystemExit("a job did not end")


def act(window: Any) -> Iterator[None]:
    """Actions of a user, one at each `next`."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    arrows = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Up)
    views = (Qt.Key.Key_Plus, Qt.Key.Key_1, Qt.Key.Key_Escape, Qt.Key.Key_Minus)

    for name in cycle(("Inspect", "Train", "Compare")):
        window.show_workspace(name)
        for count in range(MOVES_PER_WORKSPACE):
            if name == "Inspect":
                QTest.keyClick(window.inspect, arrows[count % 4])
            elif name == "Train":
                QTest.mouseMove(window.train.monitor, QPoint(100 + 5 * count, 200 + count))
            else:
                QTest.keyClick(window.compare, views[count % 4])
            yield


def report(out: Path, picture: Path) -> None:
    """Plot out/soak.csv and print the results."""
    from matplotlib.figure import Figure

    table = np.genfromtxt(out / "soak.csv", delimiter=",", names=True)
    minutes, megabytes = table["minutes"], table["megabytes"]
    after = minutes >= SETTLED_MINUTES
    windows = int((minutes[-1] - SETTLED_MINUTES) // WINDOW_MINUTES)
    marks = np.linspace(SETTLED_MINUTES, minutes[-1] - WINDOW_MINUTES, windows)
    means = np.array(
        [megabytes[(minutes >= mark) & (minutes <= mark + WINDOW_MINUTES)].mean() for mark in marks]
    )
    change = 100 * (means[-1] / means[0] - 1)
    spread = 100 * (means.max() / means[0] - 1)
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.add_subplot(
        xlabel="minutes of training in the window",
        ylabel="resident memory, MB",
        ylim=(0, megabytes.max() * 1.1),
    )
    axes.plot(minutes, megabytes, linewidth=0.8, color="0.6", label=f"every {SAMPLE_S} s")
    axes.plot(
        marks + WINDOW_MINUTES / 2, means, marker="o", markersize=3, label=f"mean of {WINDOW_MINUTES} min"
    )
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=150)
    print(
        f"{table['step'][-1]:.0f} steps in {minutes[-1]:.0f} minutes; "
        f"{means[0]:.0f} MB, then {means[-1]:.0f} MB"
    )
    result(
        f"memory after {minutes[-1]:.0f} minutes against after {SETTLED_MINUTES}",
        "within 2 %",
        f"{change:+.1f} %",
    )
    result("the most in between", "within 2 %", f"{spread:+.1f} %")
    for name in ("threads", "files"):
        result(
            f"{name}, least and most after {SETTLED_MINUTES} minutes",
            "the same",
            f"{table[name][after].min():.0f}, {table[name][after].max():.0f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", type=Path, default=Path("soak-output"))
    parser.add_argument("--picture", type=Path, help="where to draw it [default: OUT/soak.png]")
    parser.add_argument("--only-report", action="store_true", help="of an earlier soak in OUT")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.only_report:
        with tempfile.TemporaryDirectory() as settings:
            os.environ["FAKD_CONFIG"] = settings
            soak(options.minutes, options.out)
    report(options.out, options.picture or options.out / "soak.png")


if __name__ == "__main__":
    main()
