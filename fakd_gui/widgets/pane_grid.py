"""A grid whose cells are equal to the pixel, so that linked panes show exactly the same part of the image."""

from __future__ import annotations

import math
import time
from itertools import pairwise

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_pane import ImagePane

GAP = 8


class PaneGrid(QWidget):
    """Lays panes out in as many columns as show the image largest; or one of them alone (`solo`)."""

    moved = Signal(int, int)
    """A pane was dragged by its title: from which place to which."""
    solo_changed = Signal()

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = camera
        self.panes: list[ImagePane] = []
        self.solo: int | None = None
        self.columns: int | None = None
        """Fixed number of columns; None chooses."""
        self.recent: list[ImagePane] = []
        """The two panes that were shown alone last, the newest first."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 140)

    def set_panes(self, panes: list[ImagePane], keep_solo: bool = False) -> None:
        """Show `panes` in this order; those no longer in the list are deleted.

        All are shown, or with `keep_solo` the one that was alone before, if it is still there.
        """
        alone = self.panes[self.solo] if keep_solo and self.solo is not None else None
        for pane in self.panes:
            if pane not in panes:
                pane.hide()
                pane.deleteLater()
        for pane in panes:
            if pane not in self.panes:
                pane.setParent(self)
                pane.header.dragged.connect(self._mark)
                pane.header.dropped.connect(lambda at, dropped=pane: self._drop(dropped, at))
        self.panes = panes
        self.recent = [pane for pane in self.recent if pane in panes]
        # Tab goes through the panes as they are read.
        buttons = [pane.header.menu_button for pane in panes]
        for before, after in pairwise(button for button in buttons if button is not None):
            QWidget.setTabOrder(before, after)
        self.show_only(panes.index(alone) if alone in panes else None)

    def show_only(self, index: int | None) -> None:
        """Show the pane number `index` at full size, or the grid (None)."""
        self.solo = index if index is not None and index < len(self.panes) else None
        if self.solo is not None:
            shown = self.panes[self.solo]
            self.recent = [shown, *(pane for pane in self.recent if pane is not shown)][:2]
        self.arrange()
        for number, pane in enumerate(self.panes):
            pane.setVisible(self.solo is None or number == self.solo)
        self.solo_changed.emit()

    def flip(self) -> None:
        """Show the other one of the two panes shown alone last; the first two where none was."""
        known = [*self.recent, *(pane for pane in self.panes if pane not in self.recent)]
        if len(known) < 2:
            return
        # With all panes in view the newest comes back, then the one before.
        self.show_only(self.panes.index(known[0] if self.solo is None else known[1]))

    def pane_at(self, at: QPoint) -> int | None:
        """The number of the visible pane under `at` (on the screen)."""
        local = self.mapFromGlobal(at)
        for number, pane in enumerate(self.panes):
            if pane.isVisible() and pane.geometry().contains(local):
                return number
        return None

    def _mark(self, at: QPoint) -> None:
        target = self.pane_at(at)
        for number, pane in enumerate(self.panes):
            pane.header.marked = number == target
            pane.header.update()

    def _drop(self, dropped: ImagePane, at: QPoint) -> None:
        target = self.pane_at(at)
        for pane in self.panes:
            pane.header.marked = False
            pane.header.update()
        start = self.panes.index(dropped)
        if target is not None and target != start:
            self.moved.emit(start, target)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.arrange()

    def arrange(self) -> None:
        """Give every pane its place; call it when the image's proportions changed."""
        if not self.panes:
            return
        if self.solo is not None:
            self.panes[self.solo].setGeometry(self.rect())
            return
        columns = self.columns or self._best_columns()
        rows = math.ceil(len(self.panes) / columns)
        width = (self.width() - GAP * (columns - 1)) // columns
        height = (self.height() - GAP * (rows - 1)) // rows
        for number, pane in enumerate(self.panes):
            row, column = divmod(number, columns)
            pane.setGeometry(QRect(column * (width + GAP), row * (height + GAP), width, height))

    def _best_columns(self) -> int:
        # Not height(): a header that just got another line hasn't been laid out yet.
        header = self.panes[0].header.sizeHint().height()
        scene = self.camera.scene

        def fit_zoom(columns: int) -> float:
            rows = math.ceil(len(self.panes) / columns)
            width = (self.width() - GAP * (columns - 1)) / columns
            height = (self.height() - GAP * (rows - 1)) / rows - header
            return min(width / scene.width(), height / scene.height())

        return max(range(1, len(self.panes) + 1), key=fit_zoom)


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
