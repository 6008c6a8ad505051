"""Curves that grow while they are drawn: each value is copied and smoothed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


class SmoothedCurve:
    """Values that are only ever appended to, and their exponential moving average."""

    def __init__(self) -> None:
        self._values: Values = np.empty(256)
        self._averages: Values = np.empty(256)
        self._length = 0
        self._weight = 0.0

    @property
    def values(self) -> Values:
        """The values without smoothing."""
        return self._values[: self._length]

    def update(self, values: Sequence[float], weight: float = 0.0) -> Values:
        """Return the averages of `values`, which start with the values of the previous call.

        Each average is `weight` (0..1) times the previous one plus 1 - `weight` times the value, starting at
        the first value. A changed weight smooths everything again. Values that are not finite are skipped.
        """
        start = self._length
        if len(values) > len(self._values):
            size = max(2 * len(self._values), len(values))
            self._values = np.resize(self._values, size)
            self._averages = np.resize(self._averages, size)
        self._values[start : len(values)] = values[start:]
        self._length = len(values)
        if weight != self._weight:
            start, self._weight = 0, weight
        if start < self._length:
            previous = float(self._averages[start - 1] if start else self._values[0])
            new = self._values[start : self._length]
            self._averages[start : self._length] = _smooth(new, weight, previous)
        return self._averages[: self._length]


def load_filter() -> None:
    """Import what smoothing needs: most of a second, so call from a worker thread before curves are drawn."""
    import scipy.signal  # noqa: F401


def _smooth(values: Values, weight: float, previous: float) -> Values:
    finite = np.isfinite(values)
    if not weight:
        return values if finite.all() else np.where(finite, values, np.nan)
    from scipy.signal import lfilter

    if not finite.all():
        values = _fill_gaps(values, finite, previous)
    if not np.isfinite(previous):
        previous = float(values[0])
    averages: Values
    averages, _ = lfilter([1 - weight], [1, -weight], values, zi=[weight * previous])
    return averages


def _fill_gaps(values: Values, finite: npt.NDArray[np.bool_], previous: float) -> Values:
    """Replace values that are not finite by the last finite one: a single NaN would spoil all averages."""
    latest = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
    first = previous if np.isfinite(previous) else float(values[finite.argmax()]) if finite.any() else 0.0
    return np.where(latest >= 0, values[latest], first)
