"""Results of images looked at before, so that going back to one costs nothing; bounded in memory."""

from __future__ import annotations

from collections import OrderedDict

from fakd_gui.compare.work import LR, PICTURE, PaneReady
from fakd_gui.session.opened_image import OpenedImage

LIMIT_BYTES = 1 << 30
BYTES_PER_PIXEL = 3 + 4 * 4 / 3
"""A result's pixels, its picture as Qt draws it, and the reduced versions of that."""

_Key = tuple[str, int, int, bool, str]


class ResultCache:
    """Keeps the latest results until they take more than `limit` bytes."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.limit = limit
        self._held: OrderedDict[_Key, PaneReady] = OrderedDict()
        self._bytes = 0.0

    def keep(self, image: OpenedImage, result: PaneReady) -> None:
        """Remember a final result; what can be read again at once isn't kept."""
        if not result.final or result.key == LR or result.key.startswith(PICTURE):
            return
        key = (*_identity(image), result.key)
        self._forget(key)
        self._held[key] = result
        self._bytes += _size(result)
        while self._bytes > self.limit and len(self._held) > 1:
            self._forget(next(iter(self._held)))

    def of(self, image: OpenedImage) -> dict[str, PaneReady]:
        """What is known of `image`, by pane."""
        identity = _identity(image)
        found = [key for key in self._held if key[:-1] == identity]
        for key in found:
            self._held.move_to_end(key)
        return {key[-1]: self._held[key] for key in found}

    @property
    def bytes(self) -> int:
        return round(self._bytes)

    def _forget(self, key: _Key) -> None:
        dropped = self._held.pop(key, None)
        if dropped is not None:
            self._bytes -= _size(dropped)


def _identity(image: OpenedImage) -> tuple[str, int, int, bool]:
    return str(image.path), image.changed, image.scale, image.hr is None


def _size(result: PaneReady) -> float:
    height, width = result.sr.shape[:2]
    return float(height * width * BYTES_PER_PIXEL)
