"""An area that scrolls what doesn't fit into a low window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

MIN_HEIGHT = 100


class LowArea(QScrollArea):
    """Fills itself with `content`, and scrolls it up and down where it can't be made low enough."""

    def __init__(self, content: QWidget) -> None:
        super().__init__(frameShape=QFrame.Shape.NoFrame, focusPolicy=Qt.FocusPolicy.NoFocus)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.widget().minimumSizeHint().width(), MIN_HEIGHT)

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest and watched is self.widget():
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Not Qt's widgetResizable: with wrapped text in it, the content would keep its preferred height."""
        content, room = self.widget(), self.viewport().size()
        layout = content.layout()
        lowest = content.minimumSizeHint().height()
        if layout is not None and layout.hasHeightForWidth():
            lowest = layout.totalMinimumHeightForWidth(room.width())
        content.resize(room.width(), max(room.height(), lowest))
