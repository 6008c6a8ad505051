"""A cache of the results of images that were open before, bounded in memory."""

from __future__ import annotations

from fakd_gui.compare.panes import LR
from fakd_gui.compare.results import PaneResult
from fakd_gui.session.library_keys import PICTURE
from fakd_gui.session.opened_image import OpenedImage

MAX_BYTES = 1 << 30
BYTES_PER_PIXEL = 3 + 4 * 4 / 3
"""A result's pixels, and its overlay with the reduced levels."""


class ResultCache:
    """Keeps the most recently used results within `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._results: dict[tuple[tuple[object, ...], str], PaneResult] = {}
        """The most recently used last."""

    def add(self, image: OpenedImage, result: PaneResult) -> None:
        """Keep a final result, except of panes that are read again at once."""
        if not result.final or result.key == LR or result.key.startswith(PICTURE):
            return
        key = _identity(image), result.key
        self._results.pop(key, None)
        self._results[key] = result
        while self.bytes > self.max_bytes and len(self._results) > 1:
            del self._results[next(iter(self._results))]

    def results_of(self, image: OpenedImage) -> dict[str, PaneResult]:
        identity = _identity(image)
        found = {key: self._results.pop(key) for key in list(self._results) if key[0] == identity}
        self._results |= found
        return {key: result for (_, key), result in found.items()}

    @property
    def bytes(self) -> int:
        return round(BYTES_PER_PIXEL * sum(result.pixels[..., 0].size for result in self._results.values()))


def _identity(image: OpenedImage) -> tuple[object, ...]:
    return str(image.path), image.changed, image.scale, image.hr is None
