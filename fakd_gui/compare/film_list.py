"""The row of thumbnails of the film strip, with a label and a number below each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from fakd_gui.compare.film_work import SIDE

COMPACT = (72, 48)


class FilmList(QListWidget):
    """One row; keys that go through it are the panel's."""

    chosen = Signal(object)
    """The path of the thumbnail that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: dict[Path, QListWidgetItem] = {}
        self._labels: dict[Path, str] = {}
        self._numbers: Mapping[Path, float] = {}
        self._unreadable: set[Path] = set()
        self._cell = QSize()
        self._blank = QPixmap(*SIDE)
        self._blank.fill(Qt.GlobalColor.transparent)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setAccessibleName("Images to go through")
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_compact(False)
        self.currentItemChanged.connect(self._choose)

    def set_compact(self, compact: bool) -> None:
        """Smaller thumbnails, on which images can still be told apart, where there is little room."""
        side = QSize(*COMPACT) if compact else QSize(*SIDE)
        if side == self.iconSize() and not self._cell.isEmpty():
            return
        line = self.fontMetrics().height()
        self._cell = QSize(max(side.width() + 22, 6 * line), side.height() + 2 * line + 8)
        self.setIconSize(side)
        self.setFixedHeight(self._cell.height() + self.horizontalScrollBar().sizeHint().height() + 4)
        for item in self._found.values():
            item.setSizeHint(self._cell)

    def holds(self, path: Path) -> bool:
        return path in self._found

    def set_images(self, labels: Mapping[Path, str]) -> None:
        """List the images of `labels` in this order; nothing is chosen yet."""
        # While its items go, a list makes one after the other the current one.
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)
        self._labels, self._numbers, self._unreadable = dict(labels), {}, set()
        self._found = {}
        for path in labels:
            item = QListWidgetItem(QIcon(self._blank), "")
            item.setData(Qt.ItemDataRole.UserRole, path)
            item.setSizeHint(self._cell)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._found[path] = item
        self.arrange(list(labels))

    def arrange(self, paths: Sequence[Path]) -> None:
        """Bring the images into the order of `paths`."""
        current = self.currentItem()
        self.blockSignals(True)
        while self.count():
            self.takeItem(0)
        for path in paths:
            self.addItem(self._found[path])
            self._write(path)
        self.blockSignals(False)
        if current is not None:
            self.mark(current.data(Qt.ItemDataRole.UserRole))

    def mark(self, path: Path) -> None:
        """Show that `path` is the image seen now; another one than the list's: none of them is."""
        item = self._found.get(path)
        self.blockSignals(True)
        if item is None:
            self.clearSelection()
            self.setCurrentRow(-1)
        else:
            self.setCurrentItem(item)
            self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.blockSignals(False)

    def be_readable(self, path: Path) -> None:
        """What couldn't be read can be by now."""
        if path in self._unreadable:
            self._unreadable.remove(path)
            self._write(path)

    def show_numbers(self, numbers: Mapping[Path, float]) -> None:
        """Write a number below each image that has one."""
        self._numbers = numbers
        for path in self._found:
            self._write(path)

    def show_thumbnail(self, path: Path, picture: QImage | None) -> None:
        """`picture` is None for a file that can't be read."""
        item = self._found.get(path)
        if item is None:
            return
        if picture is None:
            self._unreadable.add(path)
            self._write(path)
            return
        pixmap = QPixmap.fromImage(picture)
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        item.setIcon(QIcon(pixmap))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()

    def _write(self, path: Path) -> None:
        number = self._numbers.get(path)
        below = "can't be read" if path in self._unreadable else "" if number is None else f"{number:.2f}"
        self._found[path].setText(f"{self._labels[path]}\n{below}".rstrip())
        measured = "" if number is None else f"\nmean |ΔY| {number:.3f} grey levels"
        self._found[path].setToolTip(f"{path}{measured}")

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))
