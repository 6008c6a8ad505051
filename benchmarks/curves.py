"""Time redrawing the curves of a long run, against pyqtgraph drawing every point.

100,000 points a curve; total and three parts, the learning rate, the scores of 20 validations. Each redraw
follows one new step, and includes the painting.

env OMP_NUM_THREADS=1 python -m benchmarks.curves [POINTS]
"""

from __future__ import annotations

import argparse
import os
import statistics

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from benchmarks.measure import RESULT, ratio, take_turns
from fakd_core.events import Scores, StepEnd, ValidationEnd
from fakd_core.runs.series import RunSeries
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plots import REDRAW_MS, RunPlots
from fakd_gui.train.run_view import RunView
from fakd_gui.train.state import TrainState
from fakd_gui.widgets.theme import apply_theme

POINTS = 100_000
VALIDATIONS = 20
SIZE = (770, 430)
ROUNDS = 20
PARTS = ("DS", "TS", "SA")


def step_end(step: int, steps: int, rng: np.random.Generator) -> StepEnd:
    """A step event of a falling, noisy loss."""
    level = 3 + 20 * np.exp(-6 * step / steps)
    parts = {name: float(level * (0.5 + 0.3 * rng.random())) for name in PARTS}
    raw = {f"raw {name}": loss for name, loss in parts.items()}
    losses = {"total": sum(parts.values()), **parts, **raw}
    return StepEnd(step=step, steps=steps, losses=losses, lr=1e-4, seconds=0.1)


def make_series(points: int) -> RunSeries:
    rng = np.random.default_rng(0)
    series = RunSeries(steps=points, bicubic=Scores(28, 0.8), teacher=Scores(30, 0.9))
    picture = np.zeros((8, 8, 3), np.uint8)
    for step in range(1, points + 1):
        series.take(step_end(step, points, rng))
        if step % (points // VALIDATIONS) == 0:
            series.take(ValidationEnd(step=step, student=Scores(29, 0.85), best=True, preview=picture))
    return series


class Textbook(QWidget):
    """The same curves in plain pyqtgraph: each redraw passes all points."""

    def __init__(self, series: RunSeries) -> None:
        super().__init__()
        self._series = series
        layout = QVBoxLayout(self)
        self._curves = {}
        for names in (("total", *PARTS), ("lr",)):
            plot = pg.PlotWidget()
            layout.addWidget(plot)
            self._curves |= {name: plot.plot(pen=pg.mkPen("w", width=1)) for name in names}

    def redraw(self) -> None:
        for name, curve in self._curves.items():
            values = self._series.lr if name == "lr" else self._series.losses[name]
            curve.setData(self._series.step, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", type=int, nargs="?", default=POINTS, help="points a curve")
    points = parser.parse_args().points
    application = QApplication([])
    apply_theme(application)
    series = make_series(points)
    session, host = Session(), QWidget()
    state = TrainState(session)
    ours, theirs = RunPlots(state, TrainCommands(session, state, host)), Textbook(series)
    rng = np.random.default_rng(1)
    for widget in (ours, theirs):
        widget.resize(*SIZE)
        widget.show()
    state.show_run(RunView(name="long", series=series))

    def grow_and_draw(widget: RunPlots | Textbook) -> None:
        series.take(step_end(len(series.step) + 1, points, rng))
        widget.redraw()
        widget.grab()

    times = take_turns({"ours": lambda: grow_and_draw(ours), "all": lambda: grow_and_draw(theirs)}, ROUNDS)
    medians = {name: 1000 * statistics.median(taken) for name, taken in times.items()}
    worst = 1000 * max(times["ours"])
    print(
        f"{points:,} points a curve: {medians['ours']:.1f} ms a redraw (at most {worst:.1f}), "
        f"pyqtgraph with all points {medians['all']:.1f} ms"
    )
    faster = ratio(times["all"], times["ours"])
    print(
        f"{RESULT}{points:,} points a curve redrawn, against pyqtgraph drawing all of them "
        f"| {1000 / REDRAW_MS:.0f} Hz | {faster:.1f} times faster, {1000 / medians['ours']:.0f} Hz possible"
    )


if __name__ == "__main__":
    main()
