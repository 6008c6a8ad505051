"""`make demo`: the app with the Quick training started; without a display, a tour that takes screenshots.

The tour drives the same window by what a person would press, one step after the other as signals arrive.
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

TIME_LIMIT_S = 900
SETTLE_MS = 400
"""Between the last signal and the screenshot: what is painted late is there."""


@dataclass(frozen=True)
class Until:
    """A point of the tour: go on once `signal` has come or, where `holds` is given, once that is true."""

    what: str
    signal: Any
    holds: Callable[[], bool] | None = None


Steps = Iterator[Until]


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fakd_gui.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder of the screenshots")
    parser.add_argument("--tour", action="store_true", help="take the tour even where there is a display")
    arguments = parser.parse_args()
    from fakd_gui.app import has_display

    tour = arguments.tour or not has_display() or os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return _take_tour(arguments.out) if tour else _open()


def _open() -> int:
    from fakd_gui.app import make_application, make_window, show_exception
    from fakd_gui.session.session import Session

    app = make_application()
    sys.excepthook = show_exception
    session = Session()
    window = make_window(session)
    window.show()
    session.find_runs()
    state = window.train.state

    def start_once() -> None:
        if state.config() is not None:
            state.check_changed.disconnect(start_once)
            window.train.actions.start()

    state.check_changed.connect(start_once)
    return app.exec()


def _take_tour(out: Path) -> int:
    from fakd_gui.app import make_application, make_window
    from fakd_gui.session.session import Session

    app = make_application()
    session = Session(runs_root=out / "runs")
    window = make_window(session)
    window.show()
    guide = TourGuide(tour(window, out), QApplication.exit)
    session.error.connect(lambda problem: guide.fail(problem.text))
    sys.excepthook = lambda kind, error, where: guide.fail(f"{kind.__name__}: {error}")
    QTimer.singleShot(0, guide.go_on)
    status = app.exec()
    window.close()
    return status


class TourGuide(QObject):
    """Takes the steps of a tour, each when what it waits for has happened.

    Calls `ended` with the exit status once: 0 after the last step, 1 when something failed or takes too long.
    """

    def __init__(self, steps: Steps, ended: Callable[[int], object]) -> None:
        super().__init__()
        self._steps = steps
        self._ended = ended
        self._waiting: Until | None = None
        self._clock = QTimer(self, singleShot=True, interval=TIME_LIMIT_S * 1000)
        self._clock.timeout.connect(lambda: self.fail(f"no end after {TIME_LIMIT_S} s"))
        self._clock.start()

    def go_on(self) -> None:
        try:
            self._waiting = next(self._steps)
        except StopIteration:
            self._end(0)
            return
        if self._waiting.holds is not None and self._waiting.holds():
            QTimer.singleShot(0, self.go_on)
            return
        self._waiting.signal.connect(self._look)

    def fail(self, reason: str) -> None:
        where = f" while waiting for {self._waiting.what}" if self._waiting else ""
        sys.stderr.write(f"error: the demo stopped{where}: {reason}\n")
        self._end(1)

    def _end(self, status: int) -> None:
        self._clock.stop()
        self._steps = iter(())
        self._waiting = None
        self._ended(status)

    def _look(self, *_: object) -> None:
        waiting = self._waiting
        if waiting is not None and (waiting.holds is None or waiting.holds()):
            waiting.signal.disconnect(self._look)
            self._waiting = None
            QTimer.singleShot(SETTLE_MS, self.go_on)


def tour(window: Any, out: Path) -> Steps:
    """Train with the Quick preset, compare and inspect a held-out image, benchmark; a screenshot of each.

    Raises nothing itself: errors reach the session, and with it the guide.
    """
    from fakd_core.data.folders import sample_images

    session, state = window.session, window.train.state
    photo = next(path for path in sample_images() if path.stem == "chelsea")

    def shoot(name: str) -> None:
        path = out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        window.grab().save(str(path))
        say(f"{name:10} {path}")

    yield Until("the settings to be checked", state.check_changed, lambda: not state.is_checking)
    estimate = state.check.estimate
    say(f"training   {estimate.summary() if estimate else 'the Quick preset'}")
    job = window.train.actions.start()
    half = window.train.form.steps.value() // 2
    yield Until("half of the training", job.yielded, lambda: window.status.progress.value() >= half)
    shoot("workbench")
    yield Until("the training", session.training_finished, lambda: session.training is None)
    shoot("train")
    end, levels = state.live.end, state.live.series
    if end is not None and end.best is not None and levels.bicubic is not None:
        say(f"student    {end.best.psnr:.2f} dB on held-out images, bicubic {levels.bicubic.psnr:.2f} dB")

    window.show_workspace("Compare")
    window.open_paths([photo])
    yield Until("the comparison", window.compare.finished)
    shoot("compare")

    window.show_workspace("Inspect")
    yield Until("the feature maps", window.inspect.map_shown)
    window.inspect.state.set_query(40, 60)
    yield Until("the affinity maps", window.inspect.map_shown)
    shoot("inspect")

    window.show_workspace("Benchmark")
    window.benchmark.run()
    yield Until("the table", window.benchmark.finished)
    shoot("benchmark")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
