"""A grid of equal cells, so that linked panes show exactly the same part of the image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_pane import ImagePane

GAP = 8
HOLD_SECONDS = 0.35
"""A digit held longer than this shows its pane only while it is held; a shorter press is permanent."""


class PaneGrid(QWidget):
    """Shows panes in the number of columns that shows the image largest, or one pane alone (`solo`)."""

    moved = Signal(int, int)
    """A pane was dragged by its header: its old and its new index."""
    dragged_out = Signal(int)
    """A pane, by its index, is dragged out of the window."""
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
        self._pressed_at: float | None = None
        self._before_press: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 120)

    @property
    def by_key(self) -> dict[str, ImagePane]:
        return {pane.key: pane for pane in self.panes}

    @property
    def alone(self) -> ImagePane | None:
        """The pane that is shown alone."""
        return None if self.solo is None else self.panes[self.solo]

    @property
    def pair(self) -> list[ImagePane]:
        """The last two panes that were shown alone, filled up with the first of the others."""
        return [*self.recent, *(pane for pane in self.panes if pane not in self.recent)][:2]

    def set_keys(self, keys: list[str], make: Callable[[str], ImagePane]) -> bool:
        """Show a pane for each of `keys`, made by `make` if it isn't there yet; False if nothing changed."""
        before = self.by_key
        if keys == list(before):
            return False
        self.set_panes([before.get(key) or make(key) for key in keys])
        return True

    def set_panes(self, panes: list[ImagePane]) -> None:
        """Show `panes` in this order and delete others; a pane shown alone stays so if it is among them."""
        solo = self.alone
        for pane in self.panes:
            if pane not in panes:
                pane.hide()
                pane.deleteLater()
        # In this order, the same at every start: the children are stacked and searched in it.
        for pane in panes:
            if pane in self.panes:
                continue
            pane.setParent(self)
            pane.header.dragged.connect(lambda at, dragged=pane: self._drag(dragged, at))
            pane.header.dropped.connect(lambda at, dropped=pane: self._drop(dropped, at))
        self.panes = panes
        self.recent = [pane for pane in self.recent if pane in panes]
        # Tab visits the panes in reading order.
        for before, after in pairwise(pane.header.menu_button for pane in panes):
            QWidget.setTabOrder(before, after)
        self.show_only(panes.index(solo) if solo in panes else None)

    def show_only(self, index: int | None) -> None:
        """Show pane `index` at full size, or all panes (None)."""
        self.solo = index if index is not None and index < len(self.panes) else None
        if (newest := self.alone) is not None:
            self.recent = [newest, *(pane for pane in self.recent if pane is not newest)][:2]
        self.arrange()
        for number, pane in enumerate(self.panes):
            pane.setVisible(self.solo is None or number == self.solo)
        self.solo_changed.emit()

    def flip(self) -> None:
        """Flip between the last two panes that were shown alone, or else the first two."""
        if len(self.pair) == 2:
            # From the grid, the first flip returns to the newest.
            self.show_only(self.panes.index(self.pair[0 if self.solo is None else 1]))

    def pane_at(self, at: QPoint) -> int | None:
        """The index of the visible pane under the screen position `at`."""
        local = self.mapFromGlobal(at)
        numbers = (number for number, pane in enumerate(self.panes) if pane.isVisible())
        return next((number for number in numbers if self.panes[number].geometry().contains(local)), None)

    def _drag(self, dragged: ImagePane, at: QPoint) -> None:
        if self.window().frameGeometry().contains(at):
            self._mark_drop_target(at)
        else:
            self._mark_drop_target(None)
            dragged.header.end_drag()
            self.dragged_out.emit(self.panes.index(dragged))

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
        columns = self.columns or max(range(1, len(self.panes) + 1), key=self._fit_zoom)
        width, height = (int(side) for side in self._cell(columns))
        for number, pane in enumerate(self.panes):
            row, column = divmod(number, columns)
            pane.setGeometry(column * (width + GAP), row * (height + GAP), width, height)

    def _cell(self, columns: int) -> tuple[float, float]:
        """Width and height of a pane in so many columns."""
        rows = math.ceil(len(self.panes) / columns)
        return (self.width() - GAP * (columns - 1)) / columns, (self.height() - GAP * (rows - 1)) / rows

    def _fit_zoom(self, columns: int) -> float:
        """The zoom at which the image fits into a pane in so many columns."""
        width, height = self._cell(columns)
        # Not height(): a header that just got another line isn't laid out yet.
        height -= self.panes[0].header.sizeHint().height()
        return min(width / self.camera.scene.width(), height / self.camera.scene.height())

    def press(self, event: QKeyEvent) -> bool:
        """Show a digit's pane alone, while held or until it is pressed again; False for other keys."""
        index = event.key() - Qt.Key.Key_1
        if not 0 <= index < 9:
            return False
        if not event.isAutoRepeat() and index < len(self.panes):
            self._before_press, self._pressed_at = self.solo, time.monotonic()
            self.show_only(None if self.solo == index else index)
        return True

    def release(self, event: QKeyEvent) -> bool:
        """End what `press` began; False for other keys."""
        # Where a digit needs Shift, that may be released first, and the key is another one then.
        if event.key() == Qt.Key.Key_Shift or event.isAutoRepeat() or self._pressed_at is None:
            return False
        self.let_go()
        return True

    def let_go(self) -> None:
        """End what `press` began, as if the digit were released; its release may go to another widget."""
        pressed_at, self._pressed_at = self._pressed_at, None
        if pressed_at is not None and time.monotonic() - pressed_at > HOLD_SECONDS:
            self.show_only(self._before_press)


def sort_by_order(keys: Sequence[str], order: Sequence[str]) -> list[str]:
    """`keys` in `order`; a key that isn't in it follows the key that it follows in `keys`."""
    placed = [key for key in order if key in keys]
    for index, key in enumerate(keys):
        if key not in placed:
            before = [other for other in keys[:index] if other in placed]
            placed.insert(placed.index(before[-1]) + 1 if before else 0, key)
    return placed
