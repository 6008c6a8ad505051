"""`make demo`: the app with the Quick training started; without a display, a tour that takes screenshots.

The tour uses the same window as a user would, one step after the other as signals arrive.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from fakd_core.data.folders import sample_images
from fakd_gui.app import SIZE, has_display, make_application, make_window, show_exception
from fakd_gui.session.session import Session

TIME_LIMIT_S = 900
SETTLE_MS = 400
"""Time between the last signal and the screenshot, for what is painted late."""


@dataclass(frozen=True)
class Until:
    """A step's end: `signal` was emitted and, if given, `holds` is true; `event` names it for messages."""

    event: str
    signal: Any
    holds: Callable[[], bool] | None = None


Steps = Iterator[Until]


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fakd_gui.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder of the screenshots")
    parser.add_argument("--tour", action="store_true", help="take the tour even if there is a display")
    arguments = parser.parse_args()
    tour = arguments.tour or not has_display() or os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return _take_tour(arguments.out) if tour else _open()


def _open() -> int:
    app = make_application()
    sys.excepthook = show_exception
    session = Session()
    window = make_window(session)
    window.show()
    window.library.scan()
    state = window.train.state

    def start_once() -> None:
        if state.config() is not None:
            state.check_changed.disconnect(start_once)
            window.train.actions.start()

    state.check_changed.connect(start_once)
    return app.exec()


def _take_tour(out: Path) -> int:
    app = make_application()
    session = Session(runs_root=out / "runs")
    window = make_window(session)
    window.resize(*SIZE)  # Qt's offscreen screen is smaller.
    window.show()
    guide = TourGuide(tour(window, out), QApplication.exit)
    session.error.connect(lambda problem: guide.fail(problem.text))
    sys.excepthook = lambda kind, error, where: guide.fail(f"{kind.__name__}: {error}")
    QTimer.singleShot(0, guide.advance)
    status = app.exec()
    window.close()
    return status


class TourGuide(QObject):
    """Runs the steps of a tour, each as soon as the one before has ended.

    Calls `finish` once with the exit status: 0 after the last step, 1 after a failure or a timeout.
    """

    def __init__(self, steps: Steps, finish: Callable[[int], object]) -> None:
        super().__init__()
        self._steps = steps
        self._finish = finish
        self._waiting: Until | None = None
        self._timeout = QTimer(self, singleShot=True, interval=TIME_LIMIT_S * 1000)
        self._timeout.timeout.connect(lambda: self.fail(f"not finished after {TIME_LIMIT_S} s"))
        self._timeout.start()

    def advance(self) -> None:
        try:
            self._waiting = next(self._steps)
        except StopIteration:
            self._end(0)
            return
        if self._waiting.holds is not None and self._waiting.holds():
            QTimer.singleShot(0, self.advance)
            return
        self._waiting.signal.connect(self._check)

    def fail(self, reason: str) -> None:
        where = f" while waiting for {self._waiting.event}" if self._waiting else ""
        sys.stderr.write(f"error: the demo stopped{where}: {reason}\n")
        self._end(1)

    def _end(self, status: int) -> None:
        self._timeout.stop()
        self._steps = iter(())
        self._waiting = None
        self._finish(status)

    def _check(self, *_: object) -> None:
        waiting = self._waiting
        if waiting is not None and (waiting.holds is None or waiting.holds()):
            waiting.signal.disconnect(self._check)
            self._waiting = None
            QTimer.singleShot(SETTLE_MS, self.advance)


def tour(window: Any, out: Path) -> Steps:
    """Train with the Quick preset, compare and inspect a held-out image, benchmark; a screenshot of each."""
    session, state = window.session, window.train.state
    photo = next(path for path in sample_images() if path.stem == "chelsea")

    def take_screenshot(name: str) -> None:
        path = out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        window.grab().save(str(path))
        print_line(f"{name:10} {path}")

    yield Until("the settings to be checked", state.check_changed, lambda: not state.is_checking)
    estimate = state.check.estimate
    print_line(f"training   {estimate.summary() if estimate else 'the Quick preset'}")
    job = window.train.actions.start()
    half = state.config().steps // 2
    yield Until("half of the training", job.yielded, lambda: window.status.progress.value() >= half)
    take_screenshot("workbench")
    yield Until("the training", session.training_finished, lambda: session.training is None)
    take_screenshot("train")
    end, levels = state.live.end, state.live.series
    if end is not None and end.best is not None and levels.bicubic is not None:
        print_line(
            f"student    {end.best.psnr:.2f} dB on held-out images, bicubic {levels.bicubic.psnr:.2f} dB"
        )

    window.show_workspace("Compare")
    window.open_paths([photo])
    yield Until("the comparison", window.compare.finished)
    take_screenshot("compare")

    window.show_workspace("Inspect")
    yield Until("the feature maps", window.inspect.map_shown)
    window.inspect.state.set_query(40, 60)
    yield Until("the affinity maps", window.inspect.map_shown)
    take_screenshot("inspect")

    window.show_workspace("Benchmark")
    window.benchmark.runner.run()
    yield Until("the table", window.benchmark.runner.finished)
    take_screenshot("benchmark")


def print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
