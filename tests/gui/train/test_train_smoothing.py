"""Smoothing and reduction of curves, and values that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakd_core.events import StepEnd
from fakd_core.runs.series import RunSeries
from fakd_gui.train.curves import reduce_points
from fakd_gui.train.smoothing import SmoothedCurve, load_filter


@pytest.fixture(autouse=True, scope="module")
def loaded_filter() -> None:
    """An example must not pay for the import."""
    load_filter()


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=400),
    st.floats(0, 0.99),
    st.lists(st.integers(0, 400), max_size=3),
)
def test_a_growing_curve_is_smoothed_like_a_complete_one(
    values: list[float], weight: float, stops: list[int]
) -> None:
    growing = SmoothedCurve()
    growing.update(values[:1], 0.5)  # Another weight smooths what is there anew.
    for stop in sorted(stops):
        growing.update(values[: max(stop, 1)], weight)
    average, whole = values[0], []
    for value in values:
        average = weight * average + (1 - weight) * value if whole else value
        whole.append(average)
    assert growing.update(values, weight) == pytest.approx(whole, abs=1e-9)
    assert growing.values.tolist() == values


@pytest.mark.parametrize("weight", [0.0, 0.6])
def test_a_value_that_is_not_finite_spoils_no_average(weight: float) -> None:
    bad = SmoothedCurve()
    nan, inf = float("nan"), float("inf")
    averages = bad.update([nan, 3.0, inf, nan, 4.0, 5.0], weight)
    assert np.isfinite(averages[[1, 4, 5]]).all()
    assert averages[1] == 3
    assert not np.isinf(averages).any()
    assert bad.update([nan, 3.0, inf, nan, 4.0, 5.0, 4.0], weight)[-1] < 5
    series = RunSeries()
    series.take(StepEnd(step=1, steps=1, losses={"total": nan, "DS": inf}, lr=0.1, seconds=1.0))
    assert np.isnan(series.losses["total"] + series.losses["DS"]).all()


@given(st.integers(10, 5000), st.integers(2, 300), st.integers(0, 2**32 - 1))
def test_reduced_points_keep_the_extremes_of_every_pixel(points: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(1, 4, points)).astype(float)
    values = rng.normal(size=points)
    left, right = sorted(rng.uniform(-10, steps[-1] + 10, 2))
    x, y = reduce_points(steps, values, left=left, right=right, width=width)
    inside = (steps >= left) & (steps <= right)
    assert len(x) == len(y) <= max(2 * width + 4, 2)
    assert np.all(np.diff(x) >= 0)
    if inside.any():
        assert y.min() <= values[inside].min()
        assert y.max() >= values[inside].max()
        assert set(y.tolist()) <= set(values.tolist())
        column = (right - left) / width
        assert abs(x - steps[inside][values[inside].argmax()]).min() <= column + 1e-9
