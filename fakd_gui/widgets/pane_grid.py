"""A grid of equal cells, so that linked panes show exactly the same part of the image."""

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
    """Shows panes in the number of columns that shows the image largest, or one pane alone (`solo`)."""

    moved = Signal(int, int)
    """A pane was dragged by its header: its old and its new index."""
    solo_changed = Signal()

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = camera
        self.panes: list[ImagePane] = []
        self.solo: int | None = None
        self.columns: int | None = None
        """Fixed number of columns; None selects the best."""
        self.recent: list[ImagePane] = []
        """The last two panes that were shown alone, the newest first."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 140)

    def set_panes(self, panes: list[ImagePane], keep_solo: bool = False) -> None:
        """Show `panes` in this order and delete those that are no longer in the list.

        With `keep_solo` a pane that was shown alone stays so if it is still in the list.
        """
        solo = self.panes[self.solo] if keep_solo and self.solo is not None else None
        for pane in self.panes:
            if pane not in panes:
                pane.hide()
                pane.deleteLater()
        for pane in panes:
            if pane not in self.panes:
                pane.setParent(self)
                pane.header.dragged.connect(self._mark_drop_target)
                pane.header.dropped.connect(lambda at, dropped=pane: self._drop(dropped, at))
        self.panes = panes
        self.recent = [pane for pane in self.recent if pane in panes]
        # Tab visits the panes in reading order.
        buttons = [pane.header.menu_button for pane in panes]
        for before, after in pairwise(button for button in buttons if button is not None):
            QWidget.setTabOrder(before, after)
        self.show_only(panes.index(solo) if solo in panes else None)

    def show_only(self, index: int | None) -> None:
        """Show pane `index` at full size, or all panes (None)."""
        self.solo = index if index is not None and index < len(self.panes) else None
        if self.solo is not None:
            newest = self.panes[self.solo]
            self.recent = [newest, *(pane for pane in self.recent if pane is not newest)][:2]
        self.arrange()
        for number, pane in enumerate(self.panes):
            pane.setVisible(self.solo is None or number == self.solo)
        self.solo_changed.emit()

    def flip(self) -> None:
        """Flip between the last two panes that were shown alone, or else the first two."""
        candidates = [*self.recent, *(pane for pane in self.panes if pane not in self.recent)]
        if len(candidates) < 2:
            return
        # From the grid, the first flip returns to the newest.
        self.show_only(self.panes.index(candidates[0 if self.solo is None else 1]))

    def pane_at(self, at: QPoint) -> int | None:
        """The index of the visible pane under the screen position `at`."""
        local = self.mapFromGlobal(at)
        for number, pane in enumerate(self.panes):
            if pane.isVisible() and pane.geometry().contains(local):
                return number
        return None

    def _mark_drop_target(self, at: QPoint | None) -> None:
        target = None if at is None else self.pane_at(at)
        for number, pane in enumerate(self.panes):
            pane.header.is_drop_target = number == target
            pane.header.update()

    def _drop(self, dropped: ImagePane, at: QPoint) -> None:
        self._mark_drop_target(None)
        start, target = self.panes.index(dropped), self.pane_at(at)
        if target is not None and target != start:
            self.moved.emit(start, target)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.arrange()

    def arrange(self) -> None:
        """Place the panes; call it after the image's proportions changed."""
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
        # Not height(): a header that just got another line isn't laid out yet.
        header = self.panes[0].header.sizeHint().height()
        scene = self.camera.scene

        def fit_zoom(columns: int) -> float:
            rows = math.ceil(len(self.panes) / columns)
            width = (self.width() - GAP * (columns - 1)) / columns
            height = (self.height() - GAP * (rows - 1)) / rows - header
            return min(width / scene.width(), height / scene.height())

        return max(range(1, len(self.panes) + 1), key=fit_zoom)


HOLD_SECONDS = 0.35
"""A digit held longer than this shows its pane only while it is held; a shorter press is permanent."""


class FlipKeys:
    """Digits show a pane alone, while held or until they are pressed again."""

    def __init__(self, grid: PaneGrid) -> None:
        self._grid = grid
        self._pressed_at: float | None = None
        self._previous: int | None = None

    def press(self, event: QKeyEvent) -> bool:
        """Handle a key press; False for other keys."""
        if not _is_digit(event):
            return False
        index = int(event.key()) - int(Qt.Key.Key_1)
        if not event.isAutoRepeat() and index < len(self._grid.panes):
            self._previous = self._grid.solo
            self._pressed_at = time.monotonic()
            self._grid.show_only(None if self._grid.solo == index else index)
        return True

    def release(self, event: QKeyEvent) -> bool:
        """Handle a key release; False for other keys."""
        if not _is_digit(event) or event.isAutoRepeat() or self._pressed_at is None:
            return False
        if time.monotonic() - self._pressed_at > HOLD_SECONDS:
            self._grid.show_only(self._previous)
        self._pressed_at = None
        return True


def _is_digit(event: QKeyEvent) -> bool:
    return Qt.Key.Key_1 <= event.key() <= Qt.Key.Key_9
