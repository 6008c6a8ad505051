"""The curves: smoothing, what is shown, and ranges that show all of it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from fakd_core.events import Scores, StepEnd, ValidationEnd
from fakd_gui.app import make_application
from fakd_gui.theme import watcher
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.series import RunSeries
from fakd_gui.train.trace import Trace

IMAGE = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def plots(qtbot: QtBot) -> RunPlots:
    make_application()
    made = RunPlots()
    qtbot.addWidget(made)
    made.resize(800, 400)
    made.show()
    return made


def make_series(steps: int = 20, student: float = 29.0) -> RunSeries:
    series = RunSeries(steps=steps, bicubic=Scores(28.0, 0.8), teacher=Scores(30.0, 0.9))
    for step in range(1, steps + 1):
        parts = {"DS": 1.0 / step, "TS": 0.5, "SA": 3.0}
        raw = {"DS": 2.0 / step, "TS": 1.0, "SA": 0.3}
        series.take(StepEnd(step, steps, sum(parts.values()), parts, raw, 1e-4, 0.1))
    series.take(ValidationEnd(steps, Scores(student, 0.85), True, IMAGE))
    return series


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600),
    st.floats(0, 0.99),
    st.lists(st.integers(0, 600), max_size=3),
)
def test_a_curve_that_grows_is_smoothed_as_a_whole_one(
    values: list[float], weight: float, stops: list[int]
) -> None:
    growing = Trace(weight)
    for stop in sorted(stops):
        growing.take(values[:stop])
    average, whole = values[0], []
    for value in values:
        average = weight * average + (1 - weight) * value if whole else value
        whole.append(average)
    assert growing.take(values).tolist() == whole


def test_weighted_parts_and_total_or_the_raw_ones(plots: RunPlots) -> None:
    plots.smoothing.setValue(0)
    plots.show_series(make_series())
    assert set(plots.curves) == {"total", "DS", "TS", "SA"}
    assert plots.curves["SA"].yData[-1] == 3.0
    plots.weighted.setChecked(False)
    plots.redraw()
    assert set(plots.curves) == {"DS", "TS", "SA"}
    assert plots.curves["SA"].yData[-1] == pytest.approx(0.3)
    assert plots.curves["DS"].xData.tolist() == list(range(1, 21))


def test_another_smoothing_redraws_every_point(qtbot: QtBot, plots: RunPlots) -> None:
    plots.smoothing.setValue(0)
    plots.show_series(make_series())
    sharp = plots.curves["DS"].yData.copy()
    plots.smoothing.setValue(90)
    qtbot.waitUntil(lambda: not np.array_equal(plots.curves["DS"].yData, sharp), timeout=2000)
    assert plots.curves["DS"].yData[0] == sharp[0]
    assert plots.curves["DS"].yData[-1] > sharp[-1]


@pytest.mark.parametrize("student", [12.0, 29.0, 31.0])
def test_levels_and_student_are_in_view(plots: RunPlots, student: float) -> None:
    plots.show_series(make_series(student=student))
    low, high = plots.psnr.plot.viewRange()[1]
    assert low < min(student, 28.0)
    assert high > max(student, 30.0)


def test_another_run_takes_the_place_of_the_first(plots: RunPlots) -> None:
    plots.show_series(make_series())
    plots.show_series(make_series(steps=5))
    assert len(plots.curves["total"].xData) == 5
    plots.show_series(RunSeries())
    assert plots.curves == {}
    assert plots.loss.readout.text() == ""


def test_the_legend_reads_the_newest_values_in_both_schemes(plots: RunPlots) -> None:
    plots.show_series(make_series())
    light = plots.loss.readout.text()
    assert all(name in light for name in ("total", "DS", "TS", "SA&nbsp;3.00"))
    try:
        watcher().choose("dark")
        assert plots.loss.readout.text() != light
    finally:
        watcher().choose("system")


def test_a_log_axis_takes_the_logarithm(qtbot: QtBot, plots: RunPlots) -> None:
    plots.smoothing.setValue(0)
    plots.show_series(make_series())
    plots.log_axis.setChecked(True)
    # The range follows with the next painting; the smallest value is DS = 0.05.
    qtbot.waitUntil(lambda: -1.6 < plots.loss.plot.viewRange()[1][0] <= np.log10(0.05), timeout=2000)


def test_a_long_noisy_run_is_painted_quickly(plots: RunPlots) -> None:
    """Antialiased lines wider than a pixel took Qt 15 s to paint here."""
    plots.smoothing.setValue(0)
    noise = np.random.default_rng(0).random(20_000).tolist()
    levels = Scores(28.0, 0.8)
    series = RunSeries(steps=20_000, bicubic=levels, step=list(range(1, 20_001)), lr=[1e-4] * 20_000)
    series.weighted = {name: noise for name in ("total", "DS", "TS", "SA")}
    plots.show_series(series)
    plots.grab()
    begun = time.thread_time()
    plots.grab()
    assert time.thread_time() - begun < 1
