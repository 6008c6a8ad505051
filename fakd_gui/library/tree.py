"""The tree of the library: a column of eyes, the names, and the best PSNR."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPalette
from PySide6.QtWidgets import QHeaderView, QTreeView

from fakd_gui.library.delegate import TINT, LibraryDelegate, tinted
from fakd_gui.library.model import EYE, NAME, PSNR
from fakd_gui.widgets.theme import Theme, follow_theme

EYE_WIDTH = 26
INDENTATION = 12


class LibraryTree(QTreeView):
    """A click on an eye changes it and leaves the selection as it is."""

    eye_clicked = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__(
            accessibleName="Library of models",
            headerHidden=True,
            indentation=INDENTATION,
            mouseTracking=True,
            allColumnsShowFocus=True,
            expandsOnDoubleClick=True,
            selectionMode=QTreeView.SelectionMode.ExtendedSelection,
            editTriggers=QTreeView.EditTrigger.NoEditTriggers,
            horizontalScrollBarPolicy=Qt.ScrollBarPolicy.ScrollBarAlwaysOff,
            verticalScrollMode=QTreeView.ScrollMode.ScrollPerPixel,
            contextMenuPolicy=Qt.ContextMenuPolicy.CustomContextMenu,
            textElideMode=Qt.TextElideMode.ElideMiddle,
        )
        self.setItemDelegate(LibraryDelegate(self))
        follow_theme(self, self._apply_theme)

    def _apply_theme(self, theme: Theme) -> None:
        # Also for the arrows, which the delegate doesn't draw.
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Highlight, tinted(theme, TINT))
        palette.setColor(QPalette.ColorRole.HighlightedText, QColor(theme.text))
        self.setPalette(palette)

    def show_rows(self, model: QAbstractItemModel) -> None:
        self.setModel(model)
        self.setTreePosition(NAME)
        header = self.header()
        header.setMinimumSectionSize(EYE_WIDTH)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(EYE, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(PSNR, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(EYE, EYE_WIDTH)
        header.resizeSection(PSNR, self.fontMetrics().horizontalAdvance("00.00") + 12)

    def open_sections(self) -> None:
        """Open the sections; runs stay closed until somebody opens them."""
        model = self.model()
        for row in range(model.rowCount()):
            self.expand(model.index(row, 0))

    def eye_at(self, at: QPoint) -> QModelIndex:
        """The eye at a position of the viewport; invalid elsewhere."""
        index = self.indexAt(at)
        return index if index.column() == EYE else QModelIndex()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.eye_at(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and index.isValid():
            self.eye_clicked.emit(index)
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # Two quick clicks on an eye are two clicks.
        if self.eye_at(event.position().toPoint()).isValid():
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)
