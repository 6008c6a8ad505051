"""A growing curve: values are copied and smoothed once, so that a redraw costs what is new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BLOCK = 64
"""Averages are made so many at a time, by one matrix product."""


class Trace:
    """Values that are only ever appended to, and their exponential moving average."""

    def __init__(self) -> None:
        self._values: Values = np.empty(256)
        self._averages: Values = np.empty(256)
        self._length = 0
        self._weight = 0.0

    @property
    def values(self) -> Values:
        """The values themselves."""
        return self._values[: self._length]

    def take(self, values: Sequence[float], weight: float = 0.0) -> Values:
        """The averages of all `values`, which must begin with those of the calls before.

        Each average is `weight` (0..1) of the one before and the rest of the new value; the first is its
        value. Another weight than before smooths everything anew. What is not finite is passed over.
        """
        begin = self._length
        if len(values) > len(self._values):
            size = max(2 * len(self._values), len(values))
            self._values = _enlarged(self._values, size)
            self._averages = _enlarged(self._averages, size)
        self._values[begin : len(values)] = values[begin:]
        self._length = len(values)
        if weight != self._weight:
            begin, self._weight = 0, weight
        if begin < self._length:
            before = float(self._averages[begin - 1]) if begin else float(self._values[0])
            self._averages[begin : self._length] = _averages(
                self._values[begin : self._length], weight, before
            )
        return self._averages[: self._length]


def _averages(values: Values, weight: float, before: float) -> Values:
    finite = np.isfinite(values)
    if not weight:
        return values if finite.all() else np.where(finite, values, np.nan)
    if not finite.all():
        values = _bridged(values, finite, before)
    before = before if np.isfinite(before) else float(values[0])
    rows = -(-len(values) // BLOCK)
    padded = np.zeros(rows * BLOCK)
    padded[: len(values)] = values
    distance = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
    kernel = np.where(distance >= 0, (1 - weight) * weight ** np.maximum(distance, 0), 0.0)
    # Within each block as if nothing had been before it; that is added next.
    blocks = padded.reshape(rows, BLOCK) @ kernel.T
    carried = np.empty(rows)
    for row, last in enumerate(blocks[:, -1].tolist()):
        carried[row] = before
        before = last + weight**BLOCK * before
    blocks += np.outer(carried, weight ** np.arange(1, BLOCK + 1))
    return blocks.ravel()[: len(values)]


def _bridged(values: Values, finite: npt.NDArray[np.bool_], before: float) -> Values:
    """With the last number before it in place of each that is none: one of those would spoil all averages."""
    latest = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
    first = before if np.isfinite(before) else float(values[finite.argmax()]) if finite.any() else 0.0
    return np.where(latest >= 0, values[latest], first)


def _enlarged(buffer: Values, size: int) -> Values:
    larger = np.empty(size)
    larger[: len(buffer)] = buffer
    return larger
