"""A grid whose cells are equal to the pixel, so that linked panes show exactly the same part of the image."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_pane import ImagePane

GAP = 8


class PaneGrid(QWidget):
    """Lays panes out in as many columns as show the image largest; or one of them alone (`solo`)."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = camera
        self.panes: list[ImagePane] = []
        self.solo: int | None = None
        self.columns: int | None = None
        """Fixed number of columns; None chooses."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 200)

    def set_panes(self, panes: list[ImagePane]) -> None:
        """Show `panes` in this order; those no longer in the list are deleted."""
        for pane in self.panes:
            if pane not in panes:
                pane.hide()
                pane.deleteLater()
        self.panes = panes
        for pane in panes:
            pane.setParent(self)
        self.show_only(None)

    def show_only(self, index: int | None) -> None:
        """Show the pane number `index` at full size, or the grid (None)."""
        self.solo = index if index is not None and index < len(self.panes) else None
        self.arrange()
        for number, pane in enumerate(self.panes):
            pane.setVisible(self.solo is None or number == self.solo)

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
        header = self.panes[0].header.height()
        scene = self.camera.scene

        def fit_zoom(columns: int) -> float:
            rows = math.ceil(len(self.panes) / columns)
            width = (self.width() - GAP * (columns - 1)) / columns
            height = (self.height() - GAP * (rows - 1)) / rows - header
            return min(width / scene.width(), height / scene.height())

        return max(range(1, len(self.panes) + 1), key=fit_zoom)
