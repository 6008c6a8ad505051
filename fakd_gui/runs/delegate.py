"""Draws a run: a check box, its name, and below that an icon and its state."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from fakd_gui.runs.model import ICON_ROLE, STATE_ROLE, Index
from fakd_gui.widgets.theme import current_theme

PADDING = 4


class RunDelegate(QStyledItemDelegate):
    """Two lines per run, of which the name is edited."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        text, name, theme = self._text_rect(shown), shown.text, current_theme()
        shown.text = ""
        shown.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, shown, painter, shown.widget)
        is_selected = bool(shown.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if is_selected else QPalette.ColorRole.Text
        painter.save()
        painter.setFont(shown.font)
        painter.setPen(shown.palette.color(role))
        metrics = shown.fontMetrics
        top = QRect(text.left(), text.top() + PADDING, text.width(), metrics.height())
        middle, right = Qt.TextElideMode.ElideMiddle, Qt.TextElideMode.ElideRight
        painter.drawText(top, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, middle, top.width()))
        state = str(index.data(STATE_ROLE) or "")
        if not is_selected:
            painter.setPen(QColor(theme.bad if state == "damaged" else theme.muted))
        painter.setFont(option.widget.font())
        below = top.translated(0, metrics.height())
        state_icon = index.data(ICON_ROLE)
        if isinstance(state_icon, QIcon):
            size = metrics.ascent()
            state_icon.paint(painter, QRect(below.left(), below.center().y() - size // 2, size, size))
            below.setLeft(below.left() + size + PADDING)
        state = metrics.elidedText(state, right, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, state)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, 2 * option.fontMetrics.height() + 2 * PADDING)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        editor.setAcceptDrops(False)  # Dropped files are for the window.
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fill in the name once: the run's new state must not replace what is being typed."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        self.initStyleOption(option, index)
        text = self._text_rect(option)
        editor.setGeometry(text.left() - 4, text.top(), text.width() + 4, editor.sizeHint().height())

    def _text_rect(self, option: QStyleOptionViewItem) -> QRect:
        part = QStyle.SubElement.SE_ItemViewItemText
        found = option.widget.style().subElementRect(part, option, option.widget)
        return QRect(
            found.left() + 2, option.rect.top(), option.rect.right() - found.left() - 4, option.rect.height()
        )
