"""The row of thumbnails in the filmstrip, with a label and a number below each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from fakd_gui.compare.thumbnails import MAX_SIZE

COMPACT_SIZE = (72, 48)
PATH = Qt.ItemDataRole.UserRole


class ThumbnailList(QListWidget):
    """One row of images; its keys belong to the panel."""

    chosen = Signal(object)
    """The path of the thumbnail that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            accessibleName="Images in the filmstrip",
            viewMode=QListView.ViewMode.IconMode,
            flow=QListView.Flow.LeftToRight,
            isWrapping=False,
            movement=QListView.Movement.Static,
            uniformItemSizes=True,
            textElideMode=Qt.TextElideMode.ElideMiddle,
            horizontalScrollMode=QAbstractItemView.ScrollMode.ScrollPerPixel,
            verticalScrollBarPolicy=Qt.ScrollBarPolicy.ScrollBarAlwaysOff,
        )
        self._items: dict[Path, QListWidgetItem] = {}
        self._labels: dict[Path, str] = {}
        self._numbers: Mapping[Path, float] = {}
        self._unreadable: set[Path] = set()
        self._blank = QPixmap(*MAX_SIZE)
        self._blank.fill(Qt.GlobalColor.transparent)
        self.set_compact(False)
        self.currentItemChanged.connect(lambda item: item and self.chosen.emit(item.data(PATH)))

    def set_compact(self, compact: bool) -> None:
        """Show smaller thumbnails, in which images can still be recognised."""
        size, line = QSize(*(COMPACT_SIZE if compact else MAX_SIZE)), self.fontMetrics().height()
        cell = QSize(max(size.width() + 22, 6 * line), size.height() + 2 * line + 8)
        self.setIconSize(size)
        self.setGridSize(cell)
        self.setFixedHeight(cell.height() + self.horizontalScrollBar().sizeHint().height() + 4)

    def __contains__(self, path: Path) -> bool:
        return path in self._items

    def set_images(self, labels: Mapping[Path, str]) -> None:
        """Show the images of `labels` in this order; none is current."""
        self._labels, self._numbers, self._unreadable = dict(labels), {}, set()
        # clear() makes one item after the other the current one.
        with QSignalBlocker(self):
            self.clear()
        self._items = {path: QListWidgetItem(QIcon(self._blank), "") for path in labels}
        for path, item in self._items.items():
            item.setData(PATH, path)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.sort_by(list(labels))

    def sort_by(self, paths: Sequence[Path]) -> None:
        """Put the images into the order of `paths`."""
        current = self.currentItem()
        with QSignalBlocker(self):
            while self.count():
                self.takeItem(0)
            for path in paths:
                self.addItem(self._items[path])
                self._update_text(path)
        if current is not None:
            self.set_current(current.data(PATH))

    def set_current(self, path: Path) -> None:
        """Select `path`; nothing is selected if it isn't in the list."""
        item = self._items.get(path)
        with QSignalBlocker(self):
            self.setCurrentItem(item)
        if item is not None:
            self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtCenter)

    def set_unreadable(self, path: Path, unreadable: bool) -> None:
        """Mark an image that can't be read, or clear the mark."""
        if path in self._items:
            self._unreadable = self._unreadable | {path} if unreadable else self._unreadable - {path}
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
