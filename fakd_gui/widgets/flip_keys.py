"""Digit keys that show one pane of a grid alone, while held or until pressed again; B flips the last two."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from fakd_gui.widgets.pane_grid import PaneGrid

HOLD_SECONDS = 0.35
"""A digit held longer than this flips only while it is held; a shorter press stays."""


class FlipKeys:
    """Feed it a panel's key events; it says whether it used them."""

    def __init__(self, grid: PaneGrid) -> None:
        self._grid = grid
        self._began: float | None = None
        self._before: int | None = None

    def press(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self._grid.solo is not None:
            self._grid.show_only(None)
            return True
        if event.key() == Qt.Key.Key_B and not event.modifiers():
            self._grid.flip()
            return True
        if not _is_digit(event):
            return False
        index = int(event.key()) - int(Qt.Key.Key_1)
        if not event.isAutoRepeat() and index < len(self._grid.panes):
            self._before = self._grid.solo
            self._began = time.monotonic()
            self._grid.show_only(None if self._grid.solo == index else index)
        return True

    def release(self, event: QKeyEvent) -> bool:
        if not _is_digit(event) or event.isAutoRepeat() or self._began is None:
            return False
        if time.monotonic() - self._began > HOLD_SECONDS:
            self._grid.show_only(self._before)
        self._began = None
        return True


def _is_digit(event: QKeyEvent) -> bool:
    return Qt.Key.Key_1 <= event.key() <= Qt.Key.Key_9
