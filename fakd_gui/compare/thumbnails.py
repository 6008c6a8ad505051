"""The thumbnails of the filmstrip: the row that shows them, and the job that reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem

from fakd_core.data.image_files import read_image
from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.widgets.convert import qimage_from_array

MAX_SIZE = (84, 56)
"""Maximum width and height of a thumbnail in logical screen pixels."""
COMPACT_SIZE = (72, 48)
PATH = Qt.ItemDataRole.UserRole


def read_thumbnails(
    paths: Sequence[Path], pixel_ratio: float, token: CancelToken
) -> Iterator[tuple[Path, QImage | None]]:
    """Read and reduce images for a screen of `pixel_ratio`; None if one can't be read. Raises `Cancelled`."""
    max_size = (round(MAX_SIZE[0] * pixel_ratio), round(MAX_SIZE[1] * pixel_ratio))
    for path in paths:
        token.raise_if_cancelled()
        try:
            small = Image.fromarray(read_image(path))
        except FakdError:
            yield path, None
            continue
        small.thumbnail(max_size, Image.Resampling.BOX)
        picture = qimage_from_array(np.asarray(small))
        picture.setDevicePixelRatio(pixel_ratio)
        yield path, picture


class ThumbnailList(QListWidget):
    """One row of images; its keys belong to the panel."""

    chosen = Signal(object)
    """The path of the thumbnail that was clicked."""

    def __init__(self) -> None:
        super().__init__(
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
        self.by_path: dict[Path, QListWidgetItem] = {}
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

    def set_images(self, paths: Sequence[Path]) -> None:
        """Make a thumbnail without a label of each image; `sort_by` shows them."""
        self.by_path = {path: QListWidgetItem(QIcon(self._blank), "") for path in paths}
        for path, item in self.by_path.items():
            item.setData(PATH, path)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)

    def sort_by(self, paths: Sequence[Path]) -> None:
        """Show the images in the order of `paths`."""
        current = self.currentItem()
        with QSignalBlocker(self):
            while self.count():
                self.takeItem(0)
            for path in paths:
                self.addItem(self.by_path[path])
        if current is not None:
            self.set_current(current.data(PATH))

    def set_current(self, path: Path) -> None:
        """Select `path`; nothing is selected if it isn't in the list."""
        item = self.by_path.get(path)
        with QSignalBlocker(self):
            self.setCurrentItem(item)
        if item is not None:
            self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtCenter)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
