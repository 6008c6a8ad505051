"""A growing curve: values are copied and smoothed once, so that a redraw costs what is new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


class Trace:
    """The exponential moving average of values that are only ever appended to.

    Each average is `weight` (0..1) of the one before and the rest of the new value; the first is its value.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._buffer: Values = np.empty(256)
        self._length = 0

    def take(self, values: Sequence[float]) -> Values:
        """The averages of all `values`, which must begin with those of the calls before."""
        if len(values) > len(self._buffer):
            larger = np.empty(max(2 * len(self._buffer), len(values)))
            larger[: self._length] = self._buffer[: self._length]
            self._buffer = larger
        average = self._buffer[self._length - 1] if self._length else None
        for index in range(self._length, len(values)):
            value = values[index]
            average = value if average is None else self.weight * average + (1 - self.weight) * value
            self._buffer[index] = average
        self._length = len(values)
        return self._buffer[: self._length]
