"""One titled pane: what it shows, its figures, the value under the cursor, and the canvas below."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fakd_gui.theme import current_theme
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas


class PaneHeader(QWidget):
    """Two lines of fixed height: all canvases of a grid are equally tall. What doesn't fit is elided."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ""
        self.colour = ""
        self.badge = ""
        self.figures = ""
        self.readout = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.sizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(160, 2 * self.fontMetrics().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        width = self.width() - 4
        bold = QFont(self.font())
        bold.setBold(True)
        small = QFont(self.font())
        small.setPointSizeF(self.font().pointSizeF() * 0.85)
        small.setBold(True)
        box = QRectF(2, 4, line - 2, line - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colour or theme.muted))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(QColor("#10151b" if theme.dark else "#ffffff"))
        painter.setFont(small)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.badge)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.muted))
        reading = self.fontMetrics().elidedText(self.readout, Qt.TextElideMode.ElideRight, int(width * 0.6))
        used = self.fontMetrics().horizontalAdvance(reading)
        painter.drawText(QRectF(2, 3, width, line), Qt.AlignmentFlag.AlignRight, reading)
        figures = self.fontMetrics().elidedText(self.figures, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRectF(2, line + 5, width, line), Qt.AlignmentFlag.AlignLeft, figures)
        painter.setFont(bold)
        painter.setPen(QColor(theme.text))
        room = int(width - box.right() - 6 - used - (10 if used else 0))
        title = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(box.right() + 6, 3, room, line), Qt.AlignmentFlag.AlignLeft, title)


class ImagePane(QWidget):
    """A header over a canvas. `key` says which result the pane shows."""

    def __init__(self, key: str, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self.header = PaneHeader(self)
        self.canvas = ImageCanvas(camera, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.canvas, 1)

    def set_title(self, title: str, colour: str, badge: str = "") -> None:
        self.header.title, self.header.colour, self.header.badge = title, colour, badge
        self.setAccessibleName(title)
        self.header.update()

    def set_figures(self, figures: str, tip: str = "") -> None:
        """The second line, and its explanation (units, protocol) as a tooltip."""
        self.header.figures = figures
        self.header.setToolTip(f"{self.header.title}\n{figures}\n{tip}".strip())
        self.header.update()

    def set_readout(self, readout: str) -> None:
        if readout != self.header.readout:
            self.header.readout = readout
            self.header.update()
