"""A cache of the results of images that were open before, bounded in memory."""

from __future__ import annotations

from collections import OrderedDict

from fakd_gui.compare.panes import LR, PICTURE
from fakd_gui.compare.results import PaneResult
from fakd_gui.session.opened_image import OpenedImage

MAX_BYTES = 1 << 30
BYTES_PER_PIXEL = 3 + 4 * 4 / 3
"""A result's pixels, and its overlay with the reduced levels."""

_Key = tuple[str, int, int, bool, str]


class ResultCache:
    """Keeps the most recently used results within `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._results: OrderedDict[_Key, PaneResult] = OrderedDict()
        self._bytes = 0.0

    def add(self, image: OpenedImage, result: PaneResult) -> None:
        """Keep a final result, except of panes that are read again at once."""
        if not result.final or result.key == LR or result.key.startswith(PICTURE):
            return
        key = (*_identity(image), result.key)
        self._remove(key)
        self._results[key] = result
        self._bytes += _size(result)
        while self._bytes > self.max_bytes and len(self._results) > 1:
            self._remove(next(iter(self._results)))

    def results_of(self, image: OpenedImage) -> dict[str, PaneResult]:
        """The results of `image` by pane."""
        identity = _identity(image)
        found = [key for key in self._results if key[:-1] == identity]
        for key in found:
            self._results.move_to_end(key)
        return {key[-1]: self._results[key] for key in found}

    @property
    def bytes(self) -> int:
        return round(self._bytes)

    def _remove(self, key: _Key) -> None:
        removed = self._results.pop(key, None)
        if removed is not None:
            self._bytes -= _size(removed)


def _identity(image: OpenedImage) -> tuple[str, int, int, bool]:
    return str(image.path), image.changed, image.scale, image.hr is None


def _size(result: PaneResult) -> float:
    height, width = result.pixels.shape[:2]
    return float(height * width * BYTES_PER_PIXEL)
