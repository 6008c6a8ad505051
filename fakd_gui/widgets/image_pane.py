"""A titled pane: a header with figures and the value under the cursor, over a canvas."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMargins, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFont,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QVBoxLayout, QWidget

from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.theme import current_theme


class PaneHeader(QWidget):
    """Lines of fixed height, so that all canvases of a grid are equally tall; long text is elided."""

    dragged = Signal(QPoint)
    """The header is being dragged: the mouse position on the screen."""
    dropped = Signal(QPoint)
    menu_requested = Signal(QPoint)
    close_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title = self.colour = self.badge = self.readout = self.figures = self.region_figures = ""
        self.costs = ""
        """Right-aligned in the second line if there is room."""
        self.is_drop_target = False
        self.lines = 2
        self.menu_button = icon_button(
            "dots-vertical", "Pane menu", parent=self, autoRaise=True, iconSize=QSize(14, 14)
        )
        self.menu_button.clicked.connect(self.request_menu)
        self.close_button = icon_button(
            "close", "Close the pane (Del)", parent=self, autoRaise=True, iconSize=QSize(14, 14)
        )
        self.close_button.clicked.connect(self.close_requested)
        self.menu_button.hide()
        self.close_button.hide()
        self._closable = False
        self._pressed: QPointF | None = None
        self._dragging = self._draggable = False
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._request_menu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_lines(2)

    def sizeHint(self) -> QSize:
        return QSize(160, self.lines * (self.fontMetrics().height() + 1) + 6)

    def set_lines(self, lines: int) -> None:
        """Set the number of lines: 2 for title and figures, 3 for those of the region too."""
        self.lines = lines
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def show_menu_button(self) -> None:
        """Show a button that requests the pane's menu, and let the header be dragged."""
        self.menu_button.show()
        self._draggable = True
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def set_closable(self, closable: bool) -> None:
        """Show a button that closes the pane while the mouse is over the header."""
        self._closable = closable
        self.close_button.setVisible(closable and self.underMouse())
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.close_button.setVisible(self._closable)

    def leaveEvent(self, event: QEvent) -> None:
        self.close_button.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        line = self.fontMetrics().height()
        # Room for both, so that nothing moves when one appears.
        for place, button in enumerate((self.close_button, self.menu_button), start=1):
            button.setGeometry(self.width() - place * (line + 4), 1, line + 3, line + 3)

    @property
    def _buttons_width(self) -> int:
        """The width that the buttons leave to no text in the first line."""
        line = self.fontMetrics().height()
        return 0 if self.menu_button.isHidden() else 2 * (line + 4) + 2

    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.FontChange:
            self.set_lines(self.lines)
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = current_theme(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.is_drop_target:
            painter.fillRect(self.rect(), QColor(theme.border))
        metrics = self.fontMetrics()
        line, width = metrics.height(), self.width() - 4
        bold, small = QFont(self.font()), QFont(self.font())
        bold.setBold(True)
        small.setBold(True)
        small.setPointSizeF(self.font().pointSizeF() * 0.85)
        box = QRectF(2, 4, line - 2, line - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colour or theme.muted))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(QColor(theme.on_accent))
        painter.setFont(small)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.badge)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.muted))
        first = width - self._buttons_width
        # In a narrow pane the value under the mouse matters more than the name, which the colour shows too.
        shortest = metrics.horizontalAdvance(_shortened(self.readout)[-1]) + 2
        readout_width = max(int(first * 0.6), min(int(first - box.right() - 4), shortest))
        readout = fit_parts(self.readout, metrics, readout_width)
        used = metrics.horizontalAdvance(readout)
        painter.drawText(QRectF(2, 3, first, line), Qt.AlignmentFlag.AlignRight, readout)
        self._draw_figures(painter, width, line)
        painter.setFont(bold)
        painter.setPen(QColor(theme.text))
        room = int(first - box.right() - 6 - used - (10 if used else 0))
        title = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(box.right() + 6, 3, room, line), Qt.AlignmentFlag.AlignLeft, title)

    def _draw_figures(self, painter: QPainter, width: int, line: int) -> None:
        metrics = self.fontMetrics()
        figures = fit_parts(self.figures, metrics, width)
        painter.drawText(QRectF(2, line + 5, width, line), Qt.AlignmentFlag.AlignLeft, figures)
        used = metrics.horizontalAdvance(figures)
        room = width - used - (14 if used else 0)
        costs = next((text for text in _shortened(self.costs) if metrics.horizontalAdvance(text) <= room), "")
        painter.drawText(QRectF(2, line + 5, width, line), Qt.AlignmentFlag.AlignRight, costs)
        if self.lines > 2:
            text = fit_parts(self.region_figures, metrics, width)
            painter.drawText(QRectF(2, 2 * line + 6, width, line), Qt.AlignmentFlag.AlignLeft, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._draggable and event.button() is Qt.MouseButton.LeftButton:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        far = (event.position() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        self._dragging = self._dragging or far
        if self._dragging:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.dragged.emit(event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self.dropped.emit(event.globalPosition().toPoint())
        self.end_drag()

    def end_drag(self) -> None:
        """Take no more part in the drag that the press began."""
        self._pressed, self._dragging = None, False
        if self._draggable:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def request_menu(self) -> None:
        """Request the menu below its button."""
        self._request_menu(self.menu_button.geometry().bottomLeft())

    def _request_menu(self, at: QPoint) -> None:
        self.menu_requested.emit(self.mapToGlobal(at))


def _shortened(text: str) -> list[str]:
    """`text`, then `text` without its last part, and so on; middle dots separate the parts."""
    parts = text.split(" · ")
    return [" · ".join(parts[:count]) for count in range(len(parts), 0, -1)]


def fit_parts(text: str, metrics: QFontMetrics, width: int) -> str:
    """The longest shortening of `text` by whole parts that fits in `width`: half a number would mislead."""
    candidates = _shortened(text)
    fitting = (candidate for candidate in candidates if metrics.horizontalAdvance(candidate) <= width)
    return next(fitting, metrics.elidedText(candidates[-1], Qt.TextElideMode.ElideRight, width))


class ImagePane(QWidget):
    """A header over a canvas; `key` identifies what the pane shows."""

    def __init__(self, key: str, canvas: ImageCanvas) -> None:
        super().__init__()
        self.key = key
        self.header, self.canvas = PaneHeader(), canvas
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=2)
        layout.addWidget(self.header)
        layout.addWidget(self.canvas, 1)

    def set_title(self, title: str, colour: str, badge: str = "") -> None:
        """Set the title and the coloured box before it, with `badge` in it."""
        self.header.title, self.header.colour, self.header.badge = title, colour, badge
        self.setAccessibleName(title)
        self.header.menu_button.setAccessibleName(f"Menu of the pane {title}")
        self.header.close_button.setAccessibleName(f"Close the pane {title}")
        self.header.update()

    def set_figures(self, figures: str, tip: str = "", costs: str = "", region: str = "") -> None:
        """Set the second line with `costs` at its right, the third line and the tooltip's explanation."""
        self.header.figures, self.header.costs, self.header.region_figures = figures, costs, region
        lines = [self.header.title, figures, costs, region, tip]
        self.header.setToolTip("\n".join(line for line in lines if line))
        self.setAccessibleDescription(" · ".join(line for line in lines[1:4] if line))
        self.header.update()

    def set_readout(self, readout: str) -> None:
        if readout != self.header.readout:
            self.header.readout = self.canvas.readout = readout
            self.header.update()
