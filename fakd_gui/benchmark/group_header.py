"""A table header of two storeys: titles of groups of columns above, the columns' own below."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHeaderView, QWidget

from fakd_gui.widgets.theme import current_theme

GroupOf = Callable[[int], tuple[str, int, int]]
"""For a column: the title above it, and the first and last column below that title."""


class GroupHeader(QHeaderView):
    """Columns without a title have both storeys to themselves."""

    def __init__(self, group_of: GroupOf, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._group_of = group_of
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setMinimumSectionSize(40)
        self.sectionResized.connect(lambda *_: self.viewport().update())

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width(), 2 * (self.fontMetrics().height() + 8))

    def title_rect(self, section: int) -> QRect:
        """Where the title above `section` stands, as far as it is in sight; empty without a title."""
        title, first, last = self._group_of(section)
        if not title:
            return QRect()
        left = self.sectionViewportPosition(first)
        right = self.sectionViewportPosition(last) + self.sectionSize(last)
        whole = QRect(left, 0, right - left, self.height() // 2)
        return whole.intersected(self.viewport().rect())

    def paintSection(self, painter: QPainter, rect: QRect, logical_index: int) -> None:
        title, first, _ = self._group_of(logical_index)
        if not title:
            super().paintSection(painter, rect, logical_index)
            return
        theme = current_theme()
        upper = QRect(rect.left(), rect.top(), rect.width(), rect.height() // 2)
        lower = QRect(rect.left(), upper.bottom() + 1, rect.width(), rect.height() - upper.height())
        painter.save()
        super().paintSection(painter, lower, logical_index)
        painter.restore()
        painter.save()
        painter.setClipRect(upper)
        painter.fillRect(upper, QColor(theme.field))
        painter.setPen(QColor(theme.border))
        if logical_index == first:
            painter.drawLine(upper.topLeft(), upper.bottomLeft())
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.text))
        place = self.title_rect(logical_index).adjusted(4, 0, -4, 0)
        text = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()
