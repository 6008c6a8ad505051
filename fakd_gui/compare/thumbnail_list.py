"""The row of thumbnails in the filmstrip, with a label and a number below each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from fakd_gui.compare.thumbnails import MAX_SIZE

COMPACT_SIZE = (72, 48)


class ThumbnailList(QListWidget):
    """One row of images; its keys belong to the panel."""

    chosen = Signal(object)
    """The path of the thumbnail that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[Path, QListWidgetItem] = {}
        self._labels: dict[Path, str] = {}
        self._numbers: Mapping[Path, float] = {}
        self._unreadable: set[Path] = set()
        self._cell = QSize()
        self._blank = QPixmap(*MAX_SIZE)
        self._blank.fill(Qt.GlobalColor.transparent)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setAccessibleName("Images in the filmstrip")
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_compact(False)
        self.currentItemChanged.connect(self._choose)

    def set_compact(self, compact: bool) -> None:
        """Show smaller thumbnails, in which images can still be recognised."""
        size = QSize(*COMPACT_SIZE) if compact else QSize(*MAX_SIZE)
        if size == self.iconSize() and not self._cell.isEmpty():
            return
        line = self.fontMetrics().height()
        self._cell = QSize(max(size.width() + 22, 6 * line), size.height() + 2 * line + 8)
        self.setIconSize(size)
        self.setFixedHeight(self._cell.height() + self.horizontalScrollBar().sizeHint().height() + 4)
        for item in self._items.values():
            item.setSizeHint(self._cell)

    def __contains__(self, path: Path) -> bool:
        return path in self._items

    def set_images(self, labels: Mapping[Path, str]) -> None:
        """Show the images of `labels` in this order; none is current."""
        # clear() makes one item after the other the current one.
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)
        self._labels, self._numbers, self._unreadable = dict(labels), {}, set()
        self._items = {}
        for path in labels:
            item = QListWidgetItem(QIcon(self._blank), "")
            item.setData(Qt.ItemDataRole.UserRole, path)
            item.setSizeHint(self._cell)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._items[path] = item
        self.sort_by(list(labels))

    def sort_by(self, paths: Sequence[Path]) -> None:
        """Put the images into the order of `paths`."""
        current = self.currentItem()
        self.blockSignals(True)
        while self.count():
            self.takeItem(0)
        for path in paths:
            self.addItem(self._items[path])
            self._update_text(path)
        self.blockSignals(False)
        if current is not None:
            self.set_current(current.data(Qt.ItemDataRole.UserRole))

    def set_current(self, path: Path) -> None:
        """Select `path`; nothing is selected if it isn't in the list."""
        item = self._items.get(path)
        self.blockSignals(True)
        if item is None:
            self.clearSelection()
            self.setCurrentRow(-1)
        else:
            self.setCurrentItem(item)
            self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.blockSignals(False)

    def set_unreadable(self, path: Path, unreadable: bool) -> None:
        """Mark an image that can't be read, or clear the mark."""
        if path in self._items and unreadable != (path in self._unreadable):
            (self._unreadable.add if unreadable else self._unreadable.remove)(path)
            self._update_text(path)

    def show_numbers(self, numbers: Mapping[Path, float]) -> None:
        """Show a number below each image that has one."""
        self._numbers = numbers
        for path in self._items:
            self._update_text(path)

    def show_thumbnail(self, path: Path, picture: QImage | None) -> None:
        """Show a thumbnail, or that the file can't be read (None)."""
        if picture is None:
            self.set_unreadable(path, True)
        elif path in self._items:
            pixmap = QPixmap.fromImage(picture)
            pixmap.setDevicePixelRatio(self.devicePixelRatioF())
            self._items[path].setIcon(QIcon(pixmap))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()

    def _update_text(self, path: Path) -> None:
        number = self._numbers.get(path)
        below = "can't be read" if path in self._unreadable else "" if number is None else f"{number:.2f}"
        self._items[path].setText(f"{self._labels[path]}\n{below}".rstrip())
        difference = "" if number is None else f"\nmean |ΔY| {number:.3f} grey levels"
        self._items[path].setToolTip(f"{path}{difference}")

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))
