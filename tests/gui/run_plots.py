"""Series of a run and the plots of them, for their tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QPointF

from fakd_core.events import Scores, StepEnd, ValidationEnd
from fakd_core.runs.series import RunSeries
from fakd_gui.train.plot_card import PlotCard
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.run_view import RunView

IMAGE = np.zeros((8, 8, 3), np.uint8)


def make_series(steps: int = 20, student: float = 29.0, baseline: bool = False) -> RunSeries:
    series = RunSeries(steps=steps, bicubic=Scores(28.0, 0.8), teacher=Scores(30.0, 0.9))
    for step in range(1, steps + 1):
        parts = {"DS": 1.0 / step, "TS": 0.5, "SA": 3.0}
        raw = {"raw DS": 2.0 / step, "raw TS": 1.0, "raw SA": 0.3}
        losses = {"total": sum(parts.values()), **parts, **raw, **({"baseline": 2.0} if baseline else {})}
        series.take(StepEnd(step=step, steps=steps, losses=losses, lr=1e-4, seconds=0.1))
    for step in (steps // 2, steps):
        others = {"baseline": Scores(student - 0.5, 0.84)} if baseline else {}
        series.take(
            ValidationEnd(step=step, student=Scores(student, 0.85), best=True, preview=IMAGE, others=others)
        )
    return series


def show(plots: RunPlots, series: RunSeries, name: str = "") -> None:
    plots.state.show_run(RunView(name=name, series=series))


def overlay(plots: RunPlots, **runs: RunSeries) -> None:
    plots.state.set_overlays([(Path(name), series) for name, series in runs.items()])


def drawn(card: PlotCard, key: str, run: str = "") -> tuple[np.ndarray, np.ndarray]:
    """The points of a curve as they are drawn."""
    data: tuple[np.ndarray, np.ndarray] = card.curves[run, key].item.getData()
    return data


def middle(card: PlotCard, across: float = 0.5) -> QPoint:
    """A place in the plot, `across` of its width from the left, in the viewport's coordinates."""
    area = card.view.sceneBoundingRect()
    return card.widget.mapFromScene(QPointF(area.left() + across * area.width(), area.center().y()))
