"""Draws the rows of the library: an eye, a colour, a name, its state below, and the best PSNR."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from fakd_gui.library.model import (
    COLOUR_ROLE,
    EYE,
    EYE_ROLE,
    ICON_ROLE,
    IS_TEACHER_ROLE,
    IS_USABLE_ROLE,
    NAME,
    ROW_ROLE,
    SHARE_ROLE,
    STATE_ROLE,
    Index,
)
from fakd_gui.library.rows import Kind
from fakd_gui.widgets.theme import Theme, current_theme, icon

PADDING = 4
SWATCH = 9
"""Side of the square with the colour of a model, in pixels."""
TINT = 0.14
"""Share of the accent in the background of a selected row: texts and icons stay legible on it."""
FADED = 0.45
BAR = 3
"""Width of the mark of a selected row, in pixels."""


class LibraryDelegate(QStyledItemDelegate):
    """Two lines per run and model, one for what lies below them; names are edited in place."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, tinted(theme, TINT))
            if index.column() == EYE:
                painter.fillRect(
                    option.rect.adjusted(0, 0, BAR - option.rect.width(), 0), QColor(theme.accent)
                )
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, tinted(theme, TINT / 3))
        if not index.data(IS_USABLE_ROLE):
            painter.setOpacity(FADED)
        if index.column() == EYE:
            self._draw_eye(painter, option, index, theme)
        elif index.column() == NAME:
            self._draw_name(painter, option, index, theme)
        else:
            painter.setPen(QColor(theme.text))
            area = option.rect.adjusted(0, PADDING, -PADDING, 0)
            area.setHeight(option.fontMetrics.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignRight, str(index.data() or ""))
        painter.restore()

    def _draw_eye(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, theme: Theme) -> None:
        area, is_open = option.rect, index.data(EYE_ROLE)
        if is_open is None:
            return
        name = "eye" if is_open else "eye-off-outline"
        if not (is_open or option.state & QStyle.StateFlag.State_MouseOver):
            painter.setOpacity(FADED)
        side = 16
        at = QRect(area.center().x() - side // 2 + 1, area.top() + PADDING, side, side)
        icon(name, theme.text if is_open else theme.muted).paint(painter, at)

    def _draw_name(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, theme: Theme) -> None:
        row, metrics = index.data(ROW_ROLE), option.fontMetrics
        line = option.rect.adjusted(2, PADDING, -PADDING, 0)
        line.setHeight(metrics.height())
        state = str(index.data(STATE_ROLE) or "")
        font = QFont(option.font)
        font.setBold(row.kind is Kind.SECTION or index.data(Qt.ItemDataRole.FontRole).bold())
        painter.setFont(font)
        painter.setPen(QColor(theme.muted if row.kind is Kind.SECTION else theme.text))
        left = line.left() + self._draw_marks(painter, line, index, theme)
        name = QRect(left, line.top(), line.right() - left, line.height())
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, text)
        painter.setFont(option.font)
        painter.setPen(QColor(theme.bad if state.startswith("damaged") else theme.muted))
        if row.kind is Kind.SECTION:
            painter.drawText(line, Qt.AlignmentFlag.AlignRight, state)
            return
        below = QRect(left, line.bottom() + 1, line.right() - left, line.height())
        if lines_of(index) > 1:
            state_icon = index.data(ICON_ROLE)
            if isinstance(state_icon, QIcon):
                side = metrics.ascent()
                state_icon.paint(painter, QRect(left, below.center().y() - side // 2, side, side))
                below.setLeft(left + side + PADDING)
            elided = metrics.elidedText(state, Qt.TextElideMode.ElideRight, below.width())
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, elided)
        share = index.data(SHARE_ROLE)
        if share is not None:
            track = QRect(left, option.rect.bottom() - 2, line.right() - left, 2)
            painter.fillRect(track, QColor(theme.border))
            painter.fillRect(
                track.adjusted(0, 0, -round(track.width() * (1 - share)), 0), QColor(theme.accent)
            )

    def _draw_marks(self, painter: QPainter, line: QRect, index: Index, theme: Theme) -> int:
        """Draw the colour and the teacher's crown; the width that they take."""
        used = 0
        if colour := index.data(COLOUR_ROLE):
            side = QRect(line.left(), line.center().y() - SWATCH // 2, SWATCH, SWATCH)
            pen = painter.pen()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(side, 2, 2)
            painter.setPen(pen)
            used += SWATCH + 5
        if index.data(IS_TEACHER_ROLE):
            at = QRect(line.left() + used, line.top(), line.height(), line.height())
            icon("crown", theme.teacher).paint(painter, at)
            used += line.height() + 3
        return used

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        if index.column() != NAME:
            return QSize()  # It is asked for every row: one column says the height.
        return QSize(0, lines_of(index) * option.fontMetrics.height() + 2 * PADDING)

    # -- the editor of a name

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        editor.setAcceptDrops(False)  # Dropped files are for the window.
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fill in the name once: the row's new state must not replace what is being typed."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        area = QRect(option.rect)
        area.setHeight(editor.sizeHint().height())
        editor.setGeometry(area)


def lines_of(index: Index) -> int:
    """The number of lines of a row; what can't be shown says why in the second."""
    kind = index.data(ROW_ROLE).kind
    if kind in (Kind.RUN, Kind.MODEL):
        return 2
    return 1 if kind is Kind.SECTION or not index.data(STATE_ROLE) else 2


def tinted(theme: Theme, share: float) -> QColor:
    """The colour of lists with a share of the accent."""
    pairs = zip(QColor(theme.panel).getRgb()[:3], QColor(theme.accent).getRgb()[:3], strict=True)
    return QColor(*(round((1 - share) * base + share * accent) for base, accent in pairs))
